"""The first file system of a board."""

from __future__ import annotations

import stat
from pathlib import Path

from board import initramfs

from tests.unit.board.test_cpio import members


def test_it_has_process_1_a_console_and_the_modules(tmp_path: Path) -> None:
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules/order").write_text("a.ko\n")
    (tmp_path / "modules/a.ko").write_bytes(b"module")
    entries = {
        name: (fields, content)
        for name, fields, content in members(initramfs.build(b"P", tmp_path))
    }
    assert entries["init"][1] == b"P" and entries["init"][0][1] == stat.S_IFREG | 0o755
    assert stat.S_ISCHR(entries["dev/console"][0][1])
    assert entries["modules/order"][1] == b"a.ko\n" and entries["modules/a.ko"][1] == b"module"
    names = list(entries)
    assert all(
        names.index(folder) < names.index(f"{folder}/{name}")
        for folder, name in [("dev", "console"), ("modules", "a.ko")]
    )
