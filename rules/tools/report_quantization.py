"""Report the storage of an export's agents and its errors.

    report_quantization.py --verdict FILE .. --out DIR

Writes storage.json, and the same as tables in storage.txt.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from agentc.quantize.page import text


def main(argv: Sequence[str]) -> int:
    """Write the two reports."""
    parser = argparse.ArgumentParser(
        prog="report_quantization", description="Report the storage of agents."
    )
    parser.add_argument("--verdict", action="append", default=[], type=Path)
    parser.add_argument("--out", required=True, type=Path)
    options = parser.parse_args(argv)
    verdicts = [json.loads(path.read_bytes()) for path in options.verdict]
    agents = {
        one["agent"]: {key: value for key, value in one.items() if key not in ("agent", "schema")}
        for one in verdicts
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "storage.json").write_text(
        json.dumps({"schema": 1, "agents": agents}, indent=1, sort_keys=True) + "\n"
    )
    (options.out / "storage.txt").write_text(text(agents), encoding="ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
