"""The first difference between two files: a JSON path, a line, an array index, and so on.

Nothing is unpickled or executed. A file that is not valid JSON, zip, tar, npy or ELF is compared as
text, else as bytes.
"""

from __future__ import annotations

import io
import json
import re
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

_LARGE = 64 << 20  # bytes; larger files are compared as bytes only
_WIDTH = 60
_NPY = b"\x93NUMPY"
_HEAD = re.compile(
    rb"\{'descr': '([<>|=])([a-z])(\d+)', 'fortran_order': (True|False), "
    rb"'shape': \(([0-9, ]*)\), \}\s*$"
)
_FORMS = {
    "f2": "e",
    "f4": "f",
    "f8": "d",
    "i1": "b",
    "i2": "h",
    "i4": "i",
    "i8": "q",
    "u1": "B",
    "u2": "H",
    "u4": "I",
    "u8": "Q",
    "b1": "?",
}


def first_difference(before: bytes, after: bytes) -> str:
    """Return the first difference as `place: before -> after`; '' if the files are equal."""
    if before == after:
        return ""
    if max(len(before), len(after)) <= _LARGE:
        for compare in (_json, _zip, _tar, _array, _elf, _text):
            try:
                if (difference := compare(before, after)) is not None:
                    return difference
            except (
                ValueError,
                LookupError,
                TypeError,
                RecursionError,
                EOFError,
                OSError,
                struct.error,
                tarfile.TarError,
                zipfile.BadZipFile,
                NotImplementedError,
                RuntimeError,
            ):
                continue
    return _bytes(before, after)


def diff_contents(
    before: Mapping[str, Any], after: Mapping[str, Any], compare: Callable[[str], str]
) -> str:
    """Return the first difference of two folders or archives; '' if there is none.

    Both map names to contents. `compare` is called with a name whose contents differ.
    """
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            return f"{name} is only in the first"
        if name not in before:
            return f"{name} is only in the second"
        if before[name] != after[name] and (difference := compare(name)):
            return f"{name}: {difference}"
    return ""


def _json(before: bytes, after: bytes) -> str | None:
    if before.lstrip()[:1] not in (b"{", b"["):
        return None
    return _diff_values(json.loads(before), json.loads(after), "$")


def _diff_values(before: Any, after: Any, path: str) -> str | None:
    """Return the first difference of two JSON values; None if only their spelling differs."""
    if isinstance(before, dict) and isinstance(after, dict):
        names = [*before, *sorted(after.keys() - before)]
        steps: Iterator[tuple[str, Any, Any]] = (
            (f"{path}.{name}", before.get(name, ...), after.get(name, ...)) for name in names
        )
    elif isinstance(before, list) and isinstance(after, list):
        pairs = enumerate(zip_longest(before, after, fillvalue=...))
        steps = ((f"{path}[{number}]", old, new) for number, (old, new) in pairs)
    else:
        same = type(before) is type(after) and before == after
        return None if same else f"{path}: {_format(before)} -> {_format(after)}"
    differences = (_diff_values(old, new, place) for place, old, new in steps)
    return next((text for text in differences if text is not None), None)


def _format(value: Any) -> str:
    if value is ...:
        return "nothing"
    text = json.dumps(value) if not isinstance(value, (str, bytes)) else repr(value)
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}..."


def _zip(before: bytes, after: bytes) -> str | None:
    if not before.startswith(b"PK"):
        return None
    with zipfile.ZipFile(io.BytesIO(before)) as old, zipfile.ZipFile(io.BytesIO(after)) as new:
        difference = diff_contents(
            _members(old),
            _members(new),
            lambda name: first_difference(old.read(name), new.read(name)),
        )
        return difference or _diff_times(old.infolist(), new.infolist())


def _diff_times(old: list[zipfile.ZipInfo], new: list[zipfile.ZipInfo]) -> str | None:
    if [info.filename for info in old] == [info.filename for info in new]:
        for was, now in zip(old, new, strict=True):
            if was.date_time != now.date_time:
                return f"{was.filename}: its time in the archive {was.date_time} -> {now.date_time}"
    return None


def _members(archive: zipfile.ZipFile) -> dict[str, tuple[int, int]]:
    return {info.filename: (info.CRC, info.file_size) for info in archive.infolist()}


def _tar(before: bytes, after: bytes) -> str | None:
    if before[257:262] != b"ustar" and before[:2] != b"\x1f\x8b":
        return None
    with (
        tarfile.open(fileobj=io.BytesIO(before)) as old,
        tarfile.open(fileobj=io.BytesIO(after)) as new,
    ):
        for was, now in zip(old.getmembers(), new.getmembers()):
            if was.name != now.name:
                return f"its members: {was.name} -> {now.name}"
            for name in ("mode", "uid", "gid", "uname", "gname", "mtime", "type", "linkname"):
                before_value, after_value = getattr(was, name), getattr(now, name)
                if before_value != after_value:
                    return f"{was.name}: {name} {before_value!r} -> {after_value!r}"
            if difference := first_difference(_content(old, was), _content(new, now)):
                return f"{was.name}: {difference}"
        count, count_after = len(old.getmembers()), len(new.getmembers())
        return f"its members: {count} -> {count_after}" if count != count_after else None


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member) if member.isreg() and member.size <= _LARGE else None
    return file.read() if file else b""


@dataclass(frozen=True, slots=True)
class _Array:
    """A .npy file: byte order (`<` or `>`), type such as `f8`, shape in memory order, items."""

    order: str
    dtype: str
    shape: list[int]
    data: bytes


def _array(before: bytes, after: bytes) -> str | None:
    if not (before.startswith(_NPY) and after.startswith(_NPY)):
        return None
    old, new = _parse_npy(before), _parse_npy(after)
    if (old.dtype, old.shape) != (new.dtype, new.shape):
        return f"type and shape: {old.dtype} {old.shape} -> {new.dtype} {new.shape}"
    item = struct.Struct(old.order + _FORMS[old.dtype])
    for number in range(len(old.data) // item.size):
        piece = slice(number * item.size, (number + 1) * item.size)
        if old.data[piece] != new.data[piece]:
            (was,), (now,) = item.unpack(old.data[piece]), item.unpack(new.data[piece])
            return f"[{', '.join(map(str, _index(number, old.shape)))}]: {was!r} -> {now!r}"
    return None


def _parse_npy(data: bytes) -> _Array:
    """Parse a .npy file; raise ValueError unless it has plain numbers and numpy's header."""
    if data[6] == 1:
        (size,), start = struct.unpack("<H", data[8:10]), 10
    else:
        (size,), start = struct.unpack("<I", data[8:12]), 12
    match = _HEAD.match(data[start : start + size])
    if match is None:
        raise ValueError("unknown header")
    order, letter, width, is_fortran, lengths = match.groups()
    shape = [int(part) for part in lengths.split(b",") if part.strip()]
    if is_fortran == b"True":
        shape.reverse()
    dtype = (letter + width).decode()
    return _Array("<" if order in b"<|=" else ">", dtype, shape, data[start + size :])


def _index(number: int, shape: Sequence[int]) -> list[int]:
    index = []
    for length in reversed(shape):
        number, place = divmod(number, length)
        index.append(place)
    return index[::-1]


def _elf(before: bytes, after: bytes) -> str | None:
    if not (before.startswith(b"\x7fELF\x02\x01") and after.startswith(b"\x7fELF\x02\x01")):
        return None
    old, new = _sections(before), _sections(after)
    return diff_contents(old, new, lambda name: _bytes(old[name], new[name])) or None


def _sections(data: bytes) -> dict[str, bytes]:
    """Map the sections of a 64-bit little-endian ELF file by name; duplicate names are numbered."""
    (table,) = struct.unpack_from("<Q", data, 40)
    size, count, names = struct.unpack_from("<HHH", data, 58)
    headers = [
        struct.unpack_from("<IIQQQQ", data, table + number * size) for number in range(count)
    ]
    at = headers[names][4]
    sections: dict[str, bytes] = {}
    for number, (name_at, kind, _, _, offset, length) in enumerate(headers):
        text = data[at + name_at : data.index(b"\0", at + name_at)].decode("ascii")
        name = f"section {text}"
        if name in sections:
            name = f"section {text} ({number})"
        # 8 is SHT_NOBITS: such a section has no bytes in the file.
        sections[name] = b"" if kind == 8 else data[offset : offset + length]
    return sections


def _text(before: bytes, after: bytes) -> str | None:
    if b"\0" in before or b"\0" in after:
        return None
    lines = zip_longest(
        before.decode().splitlines(True), after.decode().splitlines(True), fillvalue=...
    )
    for number, (old, new) in enumerate(lines, 1):
        if old != new:
            return f"line {number}: {_format(old)} -> {_format(new)}"
    return None


def _bytes(before: bytes, after: bytes) -> str:
    for at, (old, new) in enumerate(zip(before, after)):
        if old != new:
            return f"byte {at:#x}: {before[at : at + 8].hex(' ')} -> {after[at : at + 8].hex(' ')}"
    return f"{len(before)} bytes -> {len(after)} bytes"
