"""Tar archives whose bytes depend on content only: ustar headers, and pax headers for large
values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ociimage.errors import ImageError

BLOCK = 512
END = bytes(2 * BLOCK)
_READ = 1 << 20
_NAME, _OCTAL8, _OCTAL12 = 100, 8**7 - 1, 8**11 - 1
_TYPES = {"file": b"0", "symlink": b"2", "directory": b"5", "pax": b"x"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One member: relative `path`, `source` the bytes or host file, `target` of a symlink."""

    path: str
    kind: str = "file"
    mode: int = 0o644
    owner: tuple[int, int] = (0, 0)
    source: Path | bytes = b""
    target: str = ""

    @property
    def size(self) -> int:
        """Return the bytes of content: 0 unless a file."""
        if self.kind != "file":
            return 0
        return len(self.source) if isinstance(self.source, bytes) else self.source.stat().st_size


def clean_path(path: str) -> str:
    """Return `path` as a member's name; ImageError if absolute, not normalised or leading
    outside.
    """
    if path.startswith("/"):
        raise ImageError(f"{path!r} is absolute; write it without the leading '/'")
    if not path or any(part in ("", ".", "..") for part in path.split("/")):
        raise ImageError(f"{path!r} is not a plain relative path; leave out '.', '..' and '//'")
    if any(ord(char) < 32 or ord(char) == 127 or 0xD800 <= ord(char) < 0xE000 for char in path):
        raise ImageError(f"{path!r} has control characters or bytes that are not UTF-8")
    return path


def complete(
    entries: Iterable[Entry], directories: Mapping[str, Entry] | None = None
) -> tuple[Entry, ...]:
    """Return entries and parents, each once, ordered by path; ImageError on conflicts.

    Parents come from `directories`, else have mode 0755.
    """
    known = directories or {}
    by_path: dict[str, Entry] = {}
    for entry in entries:
        if clean_path(entry.path) in by_path:
            raise ImageError(f"{entry.path!r} is given twice; keep one of them")
        by_path[entry.path] = entry
    for path in list(by_path):
        for parent in parents(path):
            above = by_path.setdefault(
                parent, known.get(parent) or Entry(parent, "directory", 0o755)
            )
            if above.kind != "directory":
                raise ImageError(
                    f"{parent!r} is a {above.kind}, and {path!r} needs it to be a directory"
                )
    return tuple(sorted(by_path.values(), key=lambda entry: entry.path.encode()))


def parents(path: str) -> Iterator[str]:
    """Return the directories above a relative path, nearest first."""
    while "/" in path:
        path = path.rsplit("/", 1)[0]
        yield path


def archive(entries: Iterable[Entry], epoch: int = 0) -> Iterator[bytes]:
    """Yield the archive in pieces, members in order; `epoch` (s since 1970) is every time."""
    for entry in entries:
        size = entry.size
        yield header(entry, size, epoch)
        yield from _content(entry, size)
        yield bytes(-size % BLOCK)
    yield END


def header(entry: Entry, size: int, epoch: int) -> bytes:
    """Return a member's header, preceded by a pax header (POSIX.1-2008) if ustar is too small."""
    name = entry.path + "/" * (entry.kind == "directory")
    records = _pax_records(name, entry, size)
    block = _ustar(name, entry, min(size, _OCTAL12), epoch)
    if not records:
        return block
    extended = Entry("PaxHeaders/" + name, "pax", 0o644)
    padded = records + bytes(-len(records) % BLOCK)
    return _ustar(extended.path, extended, len(records), epoch) + padded + block


def _pax_records(name: str, entry: Entry, size: int) -> bytes:
    values = {
        "path": name if _too_long(name) else "",
        "linkpath": entry.target if _too_long(entry.target) else "",
        "size": str(size) if size > _OCTAL12 else "",
        "uid": str(entry.owner[0]) if entry.owner[0] > _OCTAL8 else "",
        "gid": str(entry.owner[1]) if entry.owner[1] > _OCTAL8 else "",
    }
    return b"".join(_pax_record(key, value) for key, value in sorted(values.items()) if value)


def _pax_record(key: str, value: str) -> bytes:
    body = f" {key}={value}\n".encode()
    size = len(body)
    while size != len(body) + len(str(size)):
        size = len(body) + len(str(size))
    return str(size).encode() + body


def _too_long(text: str) -> bool:
    return len(text.encode()) > _NAME or not text.isascii()


def _ustar(name: str, entry: Entry, size: int, epoch: int) -> bytes:
    block = bytearray(BLOCK)
    fields = (
        (0, _short(name)),
        (100, b"%07o" % entry.mode),
        (108, b"%07o" % min(entry.owner[0], _OCTAL8)),
        (116, b"%07o" % min(entry.owner[1], _OCTAL8)),
        (124, b"%011o" % size),
        (136, b"%011o" % epoch),
        (148, b" " * 8),
        (156, _TYPES[entry.kind]),
        (157, _short(entry.target)),
        (257, b"ustar\x0000"),
    )
    for offset, value in fields:
        block[offset : offset + len(value)] = value
    block[148:155] = b"%06o\x00" % sum(block)
    return bytes(block)


def _short(text: str) -> bytes:
    return text.encode("ascii", "replace")[:_NAME]


def _content(entry: Entry, size: int) -> Iterator[bytes]:
    if entry.kind != "file":
        return
    if isinstance(entry.source, bytes):
        yield entry.source
        return
    left = size
    with entry.source.open("rb") as stream:
        while left and (piece := stream.read(min(left, _READ))):
            left -= len(piece)
            yield piece
        if left or stream.read(1):
            raise ImageError(f"{entry.path!r} changed while it was packed")
