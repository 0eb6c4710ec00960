"""Write the C text of boardinit, process 1 of boards: `emit_boardinit.py --out boardinit.c`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from board.program import emit


def main(argv: Sequence[str]) -> int:
    """Write the text."""
    parser = argparse.ArgumentParser(prog="emit_boardinit", description=__doc__)
    parser.add_argument("--out", required=True, type=Path, help="C file to write")
    parser.parse_args(argv).out.write_text(emit(), encoding="ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
