"""Prove compiled code against the float64 reference.

    prove_native.py agent.c --name scout --interface interface.json --probe DIR --out proof.json

The agent is compiled for this machine and replays the probe with the reference's observations and
the executed actions. A step is a violation unless its first action is within 1e-3 nats of the best
and its beliefs within 1e-5 nats of Kullback-Leibler divergence; so NaN is one. A stochastic agent
samples with the reference's numbers: a number within 1e-3 must have chosen its action, and the
divergence of q_pi counts, too. The bits proved here are those of every target.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from agentc.ir.files import canonical_json
from agentc.proof.fidelity import compare, document
from agentc.proof.native import build_host_program, explain_failure, identity, run_replay
from agentc.proof.replay import load_probe, parse
from agentc.toolchain.errors import ToolchainError


def main(argv: Sequence[str]) -> int:
    """Compile, replay, compare; write --out only without violations."""
    parser = argparse.ArgumentParser(
        prog="prove_native", description="Prove compiled code against the reference."
    )
    parser.add_argument("source", type=Path, help="C file that emit_agent.py made")
    parser.add_argument("--name", required=True, help="the agent's name")
    parser.add_argument("--interface", required=True, type=Path)
    parser.add_argument("--probe", required=True, type=Path)
    parser.add_argument("--out", required=True, type=Path, help="proof.json to write")
    options = parser.parse_args(argv)
    interface, probe = json.loads(options.interface.read_bytes()), load_probe(options.probe)
    try:
        with tempfile.TemporaryDirectory(prefix="prove-") as folder:
            program = build_host_program(options.source, options.name, interface, Path(folder))
            answered = run_replay(program, options.name, probe.records().tobytes())
    except ToolchainError as error:
        print(error, file=sys.stderr)
        return 1
    findings = compare(parse(answered, interface), probe, interface["num_controls"])
    proof = document(findings, probe.facts, identity(answered, interface))
    if proof["violations"]:
        print(explain_failure(proof), file=sys.stderr)
        return 1
    options.out.write_bytes(canonical_json(proof))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
