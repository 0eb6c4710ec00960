"""SHA256SUMS, read by sha256sum."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from buildgraph.release.documents import sums


def test_sha256sum_reads_odd_names(tmp_path: Path) -> None:
    for name in ("with space", "line\nbreak", "back\\slash", "return\r", os.fsdecode(b"\xff")):
        (tmp_path / name).write_text(name, errors="surrogateescape")
    (tmp_path / "SHA256SUMS").write_bytes(sums(tmp_path))
    words = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    ran = subprocess.run(words, cwd=tmp_path, capture_output=True, check=True)
    assert ran.stdout.count(b": OK\n") == 5
