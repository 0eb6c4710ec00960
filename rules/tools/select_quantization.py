"""Select the storage of an agent: the smallest requested candidate that passes, or the exact
code.

    select_quantization.py --name scout --asked smallest --kl 0.001 --regret 0.001
        --agreement 0.999 --exact plan/ agent.c proof.json agent.o
        --candidate uint16 plan/ coding.json agent.c findings/ agent.o ..
        --plan DIR --code agent.c --proof proof.json --verdict verdict.json

A single requested storage that is smaller and does not pass is refused with the numbers. With
`smallest` the next one is taken, the exact code last.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from agentc.errors import refuse
from agentc.ir.files import canonical_json
from agentc.proof.fidelity import FidelityLimits
from agentc.quantize.select import (
    FidelityBudget,
    choose,
    exact_candidate,
    explain_refusal,
    quantized_candidate,
    verdict,
)


def main(argv: Sequence[str]) -> int:
    """Write the selected files and the verdict; return 1 if the requested storage is refused."""
    parser = argparse.ArgumentParser(
        prog="select_quantization", description="Select the storage of an agent."
    )
    for option in ("--name", "--asked", "--agreement"):
        parser.add_argument(option, required=True)
    for option in ("--kl", "--regret"):
        parser.add_argument(option, required=True, type=float)
    parser.add_argument(
        "--exact", required=True, nargs=4, type=Path, metavar=("PLAN", "CODE", "PROOF", "OBJECT")
    )
    parser.add_argument(
        "--candidate",
        required=True,
        action="append",
        nargs=6,
        metavar=("STORAGE", "PLAN", "FACTS", "CODE", "FINDINGS", "OBJECT"),
    )
    for option in ("--plan", "--code", "--proof", "--verdict"):
        parser.add_argument(option, required=True, type=Path)
    options = parser.parse_args(argv)
    budget = FidelityBudget(
        FidelityLimits(options.kl, options.regret), options.agreement, len(options.candidate)
    )
    tried = [exact_candidate(*options.exact)]
    tried += [
        quantized_candidate(storage, [Path(path) for path in paths], budget)
        for storage, *paths in options.candidate
    ]
    taken = choose(options.asked, tried)
    if taken is None:
        text = explain_refusal(options.name, budget, tried[0], tried[1])
        first, *reasons, way = text.split("\n")
        return refuse(
            text,
            [(f"{first.rstrip(':')}: {'; '.join(map(str.strip, reasons))}", ("storage",), way)],
        )
    shutil.copytree(taken.plan, options.plan, copy_function=shutil.copyfile, dirs_exist_ok=True)
    options.code.write_bytes(taken.code.read_bytes())
    options.proof.write_bytes(canonical_json(taken.proof))
    options.verdict.write_bytes(canonical_json(verdict(options.name, budget, tried, taken)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
