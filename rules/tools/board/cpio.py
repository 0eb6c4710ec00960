"""Archives in the format `newc` of cpio, which Linux unpacks as its first file system.

The bytes depend on the members and their order only.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_MAGIC = "070701"
_END = "TRAILER!!!"


@dataclass(frozen=True, slots=True)
class Member:
    """A member: relative path, mode with the type of the file, owner, and content.

    The content of a symlink is its target. `device` is (major, minor) of a device.
    """

    path: str
    mode: int
    data: bytes = b""
    owner: tuple[int, int] = (0, 0)
    device: tuple[int, int] = (0, 0)


def file(path: str, data: bytes, mode: int = 0o644, owner: tuple[int, int] = (0, 0)) -> Member:
    """Return a regular file."""
    return Member(path, stat.S_IFREG | mode, data, owner)


def folder(path: str, mode: int = 0o755, owner: tuple[int, int] = (0, 0)) -> Member:
    """Return a folder."""
    return Member(path, stat.S_IFDIR | mode, owner=owner)


def archive(members: Iterable[Member]) -> bytes:
    """Return the archive; members keep their order."""
    return b"".join(_pieces(members))


def _pieces(members: Iterable[Member]) -> Iterator[bytes]:
    for number, member in enumerate(members, 1):
        yield from _piece(number, member)
    yield from _piece(0, Member(_END, 0))


def _piece(number: int, member: Member) -> Iterator[bytes]:
    name = member.path.encode() + b"\0"
    fields = (
        number,
        member.mode,
        *member.owner,
        1,  # links
        0,  # time
        len(member.data),
        0,
        0,
        *member.device,
        len(name),
        0,
    )
    head = (_MAGIC + "".join(f"{field:08x}" for field in fields)).encode() + name
    yield head + bytes(-len(head) % 4)
    yield member.data + bytes(-len(member.data) % 4)
