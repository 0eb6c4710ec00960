"""Archives in the format newc, read back field by field."""

from __future__ import annotations

import stat

from board import cpio


def members(archive: bytes) -> list[tuple[str, list[int], bytes]]:
    """Return path, the 13 numbers of the head, and the content of each member."""
    entries, at = list[tuple[str, list[int], bytes]](), 0
    while at < len(archive):
        assert archive[at : at + 6] == b"070701" and at % 4 == 0
        fields = [int(archive[at + 6 + 8 * i : at + 14 + 8 * i], 16) for i in range(13)]
        name = archive[at + 110 : at + 110 + fields[11] - 1]
        assert archive[at + 110 + fields[11] - 1] == 0
        at += -(-(110 + fields[11]) // 4) * 4
        entries.append((name.decode(), fields, archive[at : at + fields[6]]))
        at += -(-fields[6] // 4) * 4
    return entries


def test_members_keep_order_mode_owner_and_content() -> None:
    archive = cpio.archive(
        [
            cpio.folder("data", 0o755, (65532, 65533)),
            cpio.file("agent", b"12345", 0o755),
            cpio.Member("link", stat.S_IFLNK | 0o777, b"agent"),
            cpio.Member("console", stat.S_IFCHR | 0o600, device=(5, 1)),
        ]
    )
    folder, file, link, console, end = members(archive)
    assert folder[0] == "data" and folder[1][1:4] == [stat.S_IFDIR | 0o755, 65532, 65533]
    assert file[0] == "agent" and file[2] == b"12345" and stat.S_ISREG(file[1][1])
    assert link[2] == b"agent" and stat.S_ISLNK(link[1][1])
    assert console[1][9:11] == [5, 1]
    assert end[0] == "TRAILER!!!" and len(archive) % 4 == 0


def test_times_and_devices_are_zero() -> None:
    for _, fields, _ in members(cpio.archive([cpio.file("a", b"b")])):
        assert fields[5] == fields[7] == fields[8] == fields[12] == 0


def test_names_of_every_length_are_aligned() -> None:
    names = ["x" * size for size in range(1, 9)]
    entries = members(cpio.archive([cpio.file(name, name.encode()) for name in names]))
    assert [(name, content) for name, _, content in entries[:-1]] == [
        (name, name.encode()) for name in names
    ]
