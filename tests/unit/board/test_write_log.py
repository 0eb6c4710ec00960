"""Write logs, and what a power cut leaves of them."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from board import write_log
from board.write_log import Write, cut, durable_before


def log(path: Path, *entries: tuple[int, int, bytes], magic: int = 0x6A736677736872) -> Path:
    """Write a log of (first sector, flags, data)."""
    content = struct.pack("<QQQI", magic, 1, len(entries), 512).ljust(512, b"\0")
    for sector, flags, data in entries:
        head = struct.pack("<QQQQ", sector, len(data) // 512, flags, 0)
        content += head.ljust(512, b"\0") + data
    path.write_bytes(content)
    return path


def sectors(letter: bytes, count: int = 1) -> bytes:
    """Return sectors of one letter."""
    return letter * 512 * count


def test_a_log_is_read_in_order(tmp_path: Path) -> None:
    writes = write_log.read(
        log(tmp_path / "log", (2, 0, sectors(b"a")), (0, 1, b""), (4, 2, sectors(b"b", 2)))
    )
    assert [(write.at, write.data[:1], write.flush, write.durable) for write in writes] == [
        (1024, b"a", False, False),
        (0, b"", True, False),
        (2048, b"b", False, True),
    ]
    assert [write.logged for write in writes] == [1536, 2048, 3584]


def test_other_files_and_cut_logs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a write log"):
        write_log.read(log(tmp_path / "a", magic=1))
    whole = log(tmp_path / "b", (0, 0, sectors(b"a", 2)))
    whole.write_bytes(whole.read_bytes()[:-1])
    with pytest.raises(ValueError, match="ends within"):
        write_log.read(whole)


WRITES = [
    Write(0, sectors(b"a")),
    Write(0, b"", flush=True),
    *(Write(512 * place, sectors(b"b", 4)) for place in range(1, 40, 4)),
]


def test_flushed_writes_are_never_lost() -> None:
    assert durable_before(WRITES, 1) == 0 and durable_before(WRITES, len(WRITES)) == 2
    for seed in range(50):
        assert next(iter(cut(WRITES, len(WRITES), seed))) == WRITES[0]


def test_without_a_seed_all_writes_arrive() -> None:
    assert list(cut(WRITES, 5, None)) == [WRITES[0], *WRITES[2:5]]


def test_a_seed_loses_reorders_and_tears_and_is_repeatable() -> None:
    results = [list(cut(WRITES, len(WRITES), seed)) for seed in range(50)]
    assert results == [list(cut(WRITES, len(WRITES), seed)) for seed in range(50)]
    assert {len(result) for result in results} > {4, 5, 6}
    assert any(result != sorted(result, key=lambda write: write.at) for result in results)
    assert any(0 < len(result[-1].data) < 2048 for result in results)
    assert all(len(write.data) % 512 == 0 for result in results for write in result)


def test_replay_writes_at_the_offsets(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(2048))
    write_log.replay(disk, iter([Write(512, sectors(b"a")), Write(1024, sectors(b"b"))]))
    assert disk.read_bytes() == bytes(512) + sectors(b"a") + sectors(b"b") + bytes(512)
