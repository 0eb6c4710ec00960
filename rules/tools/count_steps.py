"""Count the instructions of a program's steps with an emulator's plugin.

    count_steps.py PROGRAM --emulator qemu-aarch64 --core cortex-a76 --counter counter/
        --interface scout=interface.json --proof .. --probe scout=DIR --labels ..
        --ir scout=DIR --plan scout=DIR [--links links.json] [--replicas scout=3] [--copies N]
        [--workers workers.json] --out counts.json

Most options are those of emit_program.py. If the emulator cannot count, counts.json has `why`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agentc.codegen.main import parse_paths, program_of
from readiness.instructions import CannotCountError, Counter, CountError
from readiness.step_counts import STEPS, count, load_agent


def main(argv: Sequence[str]) -> int:
    """Write --out."""
    parser = argparse.ArgumentParser(prog="count_steps", description=__doc__)
    parser.add_argument("program", type=Path)
    parser.add_argument("--emulator", required=True)
    parser.add_argument("--core", required=True)
    parser.add_argument("--counter", required=True, type=Path, metavar="DIR")
    for name in ("interface", "proof", "probe", "labels", "ir", "plan", "replicas"):
        parser.add_argument(f"--{name}", action="append", default=[], metavar="NAME=PATH")
    parser.add_argument("--links", type=Path)
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--workers", type=Path, help="workers.json of choose_workers")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--out", required=True, type=Path)
    options = parser.parse_args(argv)
    options.tick = options.deadline = 0
    options.http, options.monitor = False, []  # neither changes the requests
    probes, models, plans = (
        parse_paths(words) for words in (options.probe, options.ir, options.plan)
    )
    agents = {name: load_agent(probes[name], models[name], plans[name]) for name in models}
    document: dict[str, Any]
    try:
        document = count(
            Counter(options.emulator, options.core, options.counter),
            options.program,
            program_of(options),
            agents,
            options.steps,
        )
    except CannotCountError as error:
        document = {"schema": 1, "why": str(error)}
    except CountError as error:
        print(error, file=sys.stderr)
        return 1
    text = json.dumps(document, indent=1, sort_keys=True)
    options.out.write_text(f"{text}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
