"""Replay two probe sets on quantized code and record the loss of each step; nothing is judged.

    measure_quantization.py agent.c --name scout --interface interface.json --probe DIR
        --trial DIR .. --out DIR

The model's probe set gives the hashes that every target must reproduce. The trial has many short
episodes and may come in parts. Limits are no input, so changing them replays nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from agentc.ir.files import canonical_json
from agentc.proof.fidelity import compare
from agentc.proof.native import build_host_program, identity, run_replay
from agentc.proof.replay import load_probe, parse
from agentc.quantize.trial import concatenate, save
from agentc.toolchain.errors import ToolchainError


def main(argv: Sequence[str]) -> int:
    """Compile, replay, compare; write --out."""
    parser = argparse.ArgumentParser(
        prog="measure_quantization", description="Replay two probe sets on quantized code."
    )
    parser.add_argument("source", type=Path, help="C file that emit_agent.py made")
    parser.add_argument("--name", required=True, help="the agent's name")
    parser.add_argument("--interface", required=True, type=Path)
    parser.add_argument("--probe", required=True, type=Path)
    parser.add_argument("--trial", required=True, type=Path, action="append")
    parser.add_argument("--out", required=True, type=Path, help="folder of the findings")
    options = parser.parse_args(argv)
    interface, own = json.loads(options.interface.read_bytes()), load_probe(options.probe)
    trial = concatenate([load_probe(part) for part in options.trial])
    try:
        with tempfile.TemporaryDirectory(prefix="try-") as folder:
            program = build_host_program(options.source, options.name, interface, Path(folder))
            answers = [
                run_replay(program, options.name, probe.records().tobytes())
                for probe in (own, trial)
            ]
    except ToolchainError as error:
        print(error, file=sys.stderr)
        return 1
    for kind, answered, probe in zip(("probe", "trial"), answers, (own, trial)):
        save(
            compare(parse(answered, interface), probe, interface["num_controls"]),
            probe.facts,
            options.out / kind,
        )
    (options.out / "identity.json").write_bytes(canonical_json(identity(answers[0], interface)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
