"""SHA256SUMS, read by sha256sum and by `verify`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from buildgraph.release.documents import paths_below, sums
from buildgraph.release.verify_files import parse_sums

NAMES = (
    "with space",
    "line\nbreak",
    "back\\slash",
    "both\\n\n",
    "return\r",
    "page\x0c",
    "separator\u2028",
    os.fsdecode(b"\xff"),
)


def test_odd_names_are_read(tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / name).write_text(name, errors="surrogateescape")
    text = sums(tmp_path)
    assert list(parse_sums(text)) == list(paths_below(tmp_path)) and len(NAMES) == text.count(b"\n")
    (tmp_path / "SHA256SUMS").write_bytes(text)
    words = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    ran = subprocess.run(words, cwd=tmp_path, capture_output=True, check=True)
    assert ran.stdout.count(b": OK\n") == len(NAMES)
