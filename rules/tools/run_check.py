"""Run a check and write a verdict: `run_check.py FILE -- PROGRAM WORDS...`.

The exit code is that of the check.
"""

from __future__ import annotations

import subprocess
import sys


def main(argv: list[str]) -> int:
    """Run the check; write the verdict only if it passed."""
    verdict, _, program, *words = argv
    command = [sys.executable if program == "python3" else program, *words]
    code = subprocess.run(command, check=False).returncode
    if code == 0:
        with open(verdict, "w", encoding="utf-8") as file:
            file.write("passed\n")
    return code if 0 <= code < 256 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
