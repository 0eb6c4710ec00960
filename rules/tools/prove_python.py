"""Prove the python backend's step by the gate of compiled code.

prove_python.py --ir DIR --name scout --episodes 8 --steps 32 --seed 0 --out proof.json
    --report report.txt
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from agentc.errors import refuse
from agentc.ir import files as ir
from agentc.ir.types import ModelError
from agentc.proof.python import answers, document, judge, text
from agentc.pymdp_backend import probe as pymdp_probe


def main(argv: Sequence[str]) -> int:
    """Write --out and --report only without violations."""
    parser = argparse.ArgumentParser(
        prog="prove_python", description="Prove the python backend's step."
    )
    parser.add_argument("--ir", required=True, type=Path)
    parser.add_argument("--name", required=True, help="the agent's name")
    for option, default in (("--episodes", 8), ("--steps", 32), ("--seed", 0)):
        parser.add_argument(option, type=int, default=default)
    parser.add_argument("--out", required=True, type=Path, help="proof.json to write")
    parser.add_argument("--report", required=True, type=Path, help="report.txt to write")
    options = parser.parse_args(argv)
    try:
        model = ir.normalise(ir.load(options.ir))
        taken = pymdp_probe.run_reference(model, options.episodes, options.steps, options.seed)
        proved = document(model, taken, *judge(model, taken, answers(model, taken)))
    except ModelError as error:
        what = f"agent {options.name}: the python backend cannot run it"
        text_ = "\n".join([f"{what}:", *(f"  {reason}" for reason in error.errors)])
        return refuse(
            text_, [(f"{what}: {reason}", ("agents", options.name), "") for reason in error.errors]
        )
    if proved["violations"]:
        print(
            f"the jitted step differs from the reference\n{text(options.name, proved)}",
            file=sys.stderr,
        )
        return 1
    options.out.write_bytes(ir.canonical_json(proved))
    options.report.write_text(text(options.name, proved), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
