"""A table of counts, one line a text: `table.py PROGRAM FOLDER TABLE`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main(program: str, folder: str, table: str) -> None:
    """Run the program on each text, in the order of their names."""
    lines = ["text,lines,words,bytes"]
    for path in sorted(Path(folder).rglob("*.txt")):
        with path.open("rb") as text:
            counts = subprocess.run(
                [f"./{program}"], stdin=text, capture_output=True, text=True, check=True
            ).stdout
        lines.append(",".join([path.stem, *counts.split()]))
    Path(table).write_text("\n".join(lines) + "\n", encoding="ascii")


if __name__ == "__main__":
    main(*sys.argv[1:])
