"""Emit the C file of one agent from its plan.

emit_agent.py --plan DIR --name scout --out scout.c
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from agentc.codegen.agent import emit
from agentc.codegen.names import NAME
from agentc.plan.files import load


def main(argv: Sequence[str]) -> int:
    """Read --plan, write --out."""
    parser = argparse.ArgumentParser(prog="emit_agent", description=__doc__)
    parser.add_argument("--plan", required=True, type=Path, help="folder that plan_agent.py made")
    parser.add_argument("--name", required=True, help="the agent's name in its coalition")
    parser.add_argument("--out", required=True, type=Path, help="C file to write")
    options = parser.parse_args(argv)
    if not NAME.fullmatch(options.name):
        print(
            f"agent name {options.name!r}: letters, digits, '_', '-' and '.', not beginning with "
            "a digit",
            file=sys.stderr,
        )
        return 1
    options.out.write_text(emit(load(options.plan), options.name), encoding="ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
