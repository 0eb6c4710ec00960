"""Count again, in Python, and compare: `check.py TABLE FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path


def main(table: str, folder: str) -> int:
    """Return 0 when every line of the table is right."""
    texts = {path.stem: path.read_bytes() for path in Path(folder).rglob("*.txt")}
    counts = {
        name: (len(data.splitlines()), len(data.split()), len(data)) for name, data in texts.items()
    }
    wanted = {name: ",".join(map(str, numbers)) for name, numbers in counts.items()}
    _, *lines = Path(table).read_text(encoding="ascii").splitlines()
    table_counts = dict(line.split(",", 1) for line in lines)
    for name in sorted(table_counts.keys() | wanted.keys()):
        if table_counts.get(name) != wanted.get(name):
            print(
                f"{name}: the table says {table_counts.get(name)}, it is {wanted.get(name)}",
                file=sys.stderr,
            )
    return int(table_counts != wanted)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
