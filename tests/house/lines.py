"""Check the lines of text files (default: all tracked files): `python -m tests.house.lines`.

A line ends with LF and without spaces, a file with exactly one line break. `--fix` repairs the
files.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

# Expected outputs are compared byte by byte.
EXEMPT = ("tests/golden/",)


def errors_of(data: bytes) -> list[str]:
    """Errors of a text file, each as `LINE: error`; none for binary data and empty files."""
    if not data or b"\0" in data:
        return []
    errors = []
    lines = data.split(b"\n")
    for number, line in enumerate(lines, 1):
        if line.endswith(b"\r"):
            errors.append(f"{number}: the line ends with CR LF")
        elif line != line.rstrip(b" \t"):
            errors.append(f"{number}: spaces at the end of the line")
    if not data.endswith(b"\n"):
        errors.append(f"{len(lines)}: no line break at the end of the file")
    elif data.endswith(b"\n\n"):
        errors.append(f"{len(lines) - 1}: empty lines at the end of the file")
    return errors


def fixed(data: bytes) -> bytes:
    """The data of a text file without its errors."""
    if not errors_of(data):
        return data
    return re.sub(rb"[ \t\r]+$", b"", data, flags=re.MULTILINE).rstrip(b"\n") + b"\n"


def tracked() -> list[str]:
    """Paths of all files that git tracks, relative to the current folder."""
    listing = subprocess.run(["git", "ls-files", "-z"], capture_output=True, check=True).stdout
    return [name.decode() for name in listing.split(b"\0") if name]


def main() -> int:
    """Print the errors, or repair them; exit code 1 when there is one."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.house.lines", description="Check ends of lines and of files."
    )
    parser.add_argument("paths", nargs="*", help="files; all tracked files when omitted")
    parser.add_argument("--fix", action="store_true", help="repair the files")
    options = parser.parse_args()
    count = 0
    for name in options.paths or tracked():
        path = Path(name)
        if name.startswith(EXEMPT) or path.is_symlink() or not path.is_file():
            continue
        data = path.read_bytes()
        errors = errors_of(data)
        count += len(errors)
        if errors and options.fix:
            path.write_bytes(fixed(data))
        for error in errors:
            print(f"{name}:{error}")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
