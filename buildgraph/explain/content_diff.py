"""The first difference between two files, in the terms of what they hold: a JSON path, a line, an index of an array.

Nothing is unpickled or run; what is no valid JSON, zip, tar, array or ELF is compared as text or bytes.
"""

from __future__ import annotations

import io
import json
import re
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

_LARGE = 64 << 20  # beyond it only bytes are compared
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
    """Where two files differ first, as `place: before -> after`; empty when they are equal."""
    if before == after:
        return ""
    if max(len(before), len(after)) <= _LARGE:
        for look in (_json, _zip, _tar, _array, _elf, _text):
            try:
                if (found := look(before, after)) is not None:
                    return found
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
    before: Mapping[str, Any], after: Mapping[str, Any], look: Callable[[str], str]
) -> str:
    """The first difference of two folders or archives given as name -> content; `look` compares one that both have."""
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            return f"{name} is not there the second time"
        if name not in before:
            return f"{name} is there only the second time"
        if before[name] != after[name] and (found := look(name)):
            return f"{name}: {found}"
    return ""


def _json(before: bytes, after: bytes) -> str | None:
    if before.lstrip()[:1] not in (b"{", b"["):
        return None
    return _value(json.loads(before), json.loads(after), "$")


def _value(before: Any, after: Any, path: str) -> str | None:
    """The first place where two JSON values differ; None when only their writing does."""
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
        return None if same else f"{path}: {_shown(before)} -> {_shown(after)}"
    return next(
        (found for at, old, new in steps if (found := _value(old, new, at)) is not None), None
    )


def _shown(value: Any) -> str:
    if value is ...:
        return "nothing"
    text = json.dumps(value) if not isinstance(value, (str, bytes)) else repr(value)
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}..."


def _zip(before: bytes, after: bytes) -> str | None:
    if not before.startswith(b"PK"):
        return None
    with zipfile.ZipFile(io.BytesIO(before)) as old, zipfile.ZipFile(io.BytesIO(after)) as new:
        found = diff_contents(
            _members(old),
            _members(new),
            lambda name: first_difference(old.read(name), new.read(name)),
        )
        if not found and [i.filename for i in old.infolist()] == [
            i.filename for i in new.infolist()
        ]:
            for one, two in zip(old.infolist(), new.infolist(), strict=True):
                if one.date_time != two.date_time:
                    return f"{one.filename}: its time in the archive {one.date_time} -> {two.date_time}"
        return found or None


def _members(archive: zipfile.ZipFile) -> dict[str, tuple[int, int]]:
    return {info.filename: (info.CRC, info.file_size) for info in archive.infolist()}


def _tar(before: bytes, after: bytes) -> str | None:
    if before[257:262] != b"ustar" and before[:2] != b"\x1f\x8b":
        return None
    with (
        tarfile.open(fileobj=io.BytesIO(before)) as old,
        tarfile.open(fileobj=io.BytesIO(after)) as new,
    ):
        one, two = old.getmembers(), new.getmembers()
        for first, second in zip(one, two):
            if first.name != second.name:
                return f"its members: {first.name} -> {second.name}"
            for name in ("mode", "uid", "gid", "uname", "gname", "mtime", "type", "linkname"):
                if getattr(first, name) != getattr(second, name):
                    return f"{first.name}: {name} {getattr(first, name)!r} -> {getattr(second, name)!r}"
            if found := first_difference(_content(old, first), _content(new, second)):
                return f"{first.name}: {found}"
        return f"its members: {len(one)} -> {len(two)}" if len(one) != len(two) else None


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member) if member.isreg() and member.size <= _LARGE else None
    return file.read() if file else b""


def _array(before: bytes, after: bytes) -> str | None:
    if not (before.startswith(_NPY) and after.startswith(_NPY)):
        return None
    (order, kind, shape), data = _npy(before)
    (_, kind_after, shape_after), data_after = _npy(after)
    if (kind, shape) != (kind_after, shape_after):
        return f"the array's form: {kind} {shape} -> {kind_after} {shape_after}"
    form = struct.Struct(("<" if order == "<" else ">") + _FORMS[kind])
    for number in range(len(data) // form.size):
        piece = slice(number * form.size, (number + 1) * form.size)
        if data[piece] != data_after[piece]:
            (old,), (new,) = form.unpack(data[piece]), form.unpack(data_after[piece])
            return f"[{', '.join(map(str, _index(number, shape)))}]: {old!r} -> {new!r}"
    return None


def _npy(data: bytes) -> tuple[tuple[str, str, list[int]], bytes]:
    """((byte order, kind, shape as it lies in memory), data) of a .npy file; ValueError on a form not known here."""
    size, start = (
        (struct.unpack("<H", data[8:10])[0], 10)
        if data[6] == 1
        else (struct.unpack("<I", data[8:12])[0], 12)
    )
    found = _HEAD.match(data[start : start + size])
    if found is None:
        raise ValueError("an array of another form")
    shape = [int(part) for part in found[5].split(b",") if part.strip()]
    if found[4] == b"True":
        shape.reverse()
    return ("<" if found[1] in b"<|=" else ">", (found[2] + found[3]).decode(), shape), data[
        start + size :
    ]


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
    """The sections of a 64-bit little-endian ELF file by name; equal names are numbered."""
    (table,), (size, count, names) = (
        struct.unpack_from("<Q", data, 40),
        struct.unpack_from("<HHH", data, 58),
    )
    heads = [struct.unpack_from("<IIQQQQ", data, table + number * size) for number in range(count)]
    at = heads[names][4]
    found: dict[str, bytes] = {}
    for number, (name, kind, _, _, offset, length) in enumerate(heads):
        text = data[at + name : data.index(b"\0", at + name)].decode("ascii")
        found[
            f"section {text}" if f"section {text}" not in found else f"section {text} ({number})"
        ] = b"" if kind == 8 else data[offset : offset + length]  # SHT_NOBITS holds nothing
    return found


def _text(before: bytes, after: bytes) -> str | None:
    if b"\0" in before or b"\0" in after:
        return None
    lines = zip_longest(
        before.decode().splitlines(True), after.decode().splitlines(True), fillvalue=...
    )
    return next(
        (
            f"line {number}: {_shown(old)} -> {_shown(new)}"
            for number, (old, new) in enumerate(lines, 1)
            if old != new
        ),
        None,
    )


def _bytes(before: bytes, after: bytes) -> str:
    at = next((number for number, (old, new) in enumerate(zip(before, after)) if old != new), None)
    if at is None:
        return f"{len(before)} bytes -> {len(after)} bytes"
    return f"byte {at:#x}: {before[at : at + 8].hex(' ')} -> {after[at : at + 8].hex(' ')}"
