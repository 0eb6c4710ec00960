"""A protobuf codec for the REAPI v2 messages of keys and trees, with canonical bytes.

In canonical bytes, fields are in the order of their numbers, defaults are omitted, and there are no
unknown fields. Repeated values are in the order of the caller, which sorts them as the
specification demands. Field numbers are those of
`build/bazel/remote/execution/v2/remote_execution.proto`.
"""

from __future__ import annotations

from ..lite import TYPE_CHECKING
from ..lite.record import Record
from ..types.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

SCHEMA: dict[str, tuple[tuple[int, str, str, bool], ...]] = {
    "Digest": ((1, "hash", "string", False), (2, "size_bytes", "int", False)),
    "Duration": ((1, "seconds", "int", False),),
    "Property": ((1, "name", "string", False), (2, "value", "string", False)),
    "Platform": ((1, "properties", "Property", True),),
    "Command": (
        (1, "arguments", "string", True),
        (2, "environment_variables", "Property", True),
        (7, "output_paths", "string", True),
    ),
    "Action": (
        (1, "command_digest", "Digest", False),
        (2, "input_root_digest", "Digest", False),
        (6, "timeout", "Duration", False),
        (9, "salt", "bytes", False),
        (10, "platform", "Platform", False),
    ),
    "FileNode": (
        (1, "name", "string", False),
        (2, "digest", "Digest", False),
        (4, "is_executable", "bool", False),
    ),
    "DirectoryNode": ((1, "name", "string", False), (2, "digest", "Digest", False)),
    "SymlinkNode": ((1, "name", "string", False), (2, "target", "string", False)),
    "Directory": (
        (1, "files", "FileNode", True),
        (2, "directories", "DirectoryNode", True),
        (3, "symlinks", "SymlinkNode", True),
    ),
    "OutputFile": (
        (1, "path", "string", False),
        (2, "digest", "Digest", False),
        (4, "is_executable", "bool", False),
    ),
    "OutputDirectory": (
        (1, "path", "string", False),
        (5, "root_directory_digest", "Digest", False),
    ),
    "ActionResult": (
        (2, "output_files", "OutputFile", True),
        (3, "output_directories", "OutputDirectory", True),
        (4, "exit_code", "int", False),
        (6, "stdout_digest", "Digest", False),
    ),
}
"""Fields of each message as (number, name, type, repeated).

A type that is not a scalar names a message.
"""


def _tag(number: int, kind: str) -> bytes:
    # One byte, because the field numbers of the schema are below 16.
    return bytes([number << 3 | (0 if kind in ("int", "bool") else 2)])


_FIELDS = {
    message: tuple(
        (_tag(number, kind), name, kind, repeated) for number, name, kind, repeated in fields
    )
    for message, fields in SCHEMA.items()
}
_NAMES = {
    message: frozenset(name for _, name, _, _ in fields) for message, fields in SCHEMA.items()
}


def encode(message: str, values: Mapping[str, Any]) -> bytes:
    """The canonical bytes of a message from its fields by name.

    AssertionError for an unknown field.
    """
    assert values.keys() <= _NAMES[message], f"{message} has no field of {sorted(values)}"
    out = bytearray()
    for tag, name, kind, repeated in _FIELDS[message]:
        value = values.get(name)
        if value is None:
            continue
        for item in value if repeated else (value,):
            if kind in ("int", "bool"):
                if item or repeated:
                    out += tag + varint(int(item) & 0xFFFF_FFFF_FFFF_FFFF)
                continue
            if kind == "string":
                data = item.encode()
            else:
                data = item if kind == "bytes" else encode(kind, item)
            if data or repeated or kind in _FIELDS:
                out += tag + varint(len(data)) + data
    return bytes(out)


def decode(message: str, data: bytes) -> dict[str, Any]:
    """The fields of a message by name. ValueError for bytes that are not such a message."""
    schema = {field[0]: field[1:] for field in SCHEMA[message]}
    fields: dict[str, Any] = {name: [] for _, name, _, repeated in SCHEMA[message] if repeated}
    for number, raw in _split_fields(data):
        if number not in schema:
            raise ValueError(f"{message} has no field {number}")
        name, kind, repeated = schema[number]
        value = _decode_value(kind, raw)
        if repeated:
            fields[name].append(value)
        else:
            fields[name] = value
    return fields


def digest_of(values: Mapping[str, Any]) -> Digest:
    """The Digest of a decoded Digest message. ValueError if the fields are invalid."""
    return Digest.parse(f"{values.get('hash', '')}/{values.get('size_bytes', 0)}")


def digest_fields(digest: Digest) -> dict[str, Any]:
    """The fields of the message of a Digest."""
    return {"hash": digest.hash, "size_bytes": digest.size}


class Directory(Record):
    """A REAPI Directory.

    `files` are (name, digest, executable), `directories` are (name, digest), and `symlinks` are
    (name, target).
    """

    files: tuple[tuple[str, Digest, bool], ...] = ()
    directories: tuple[tuple[str, Digest], ...] = ()
    symlinks: tuple[tuple[str, str], ...] = ()


def encode_directory(directory: Directory) -> bytes:
    """The canonical bytes of a Directory, with its entries sorted by name as the specification
    demands.

    Does not use the schema, because a build encodes several folders for each of its actions.
    """
    out = bytearray()
    for name, digest, executable in sorted(directory.files):
        node = _encode_node(name, digest) + (b"\x20\x01" if executable else b"")
        out += b"\x0a" + varint(len(node)) + node
    for name, digest in sorted(directory.directories):
        node = _encode_node(name, digest)
        out += b"\x12" + varint(len(node)) + node
    for name, target in sorted(directory.symlinks):
        node = encode("SymlinkNode", {"name": name, "target": target})
        out += b"\x1a" + varint(len(node)) + node
    return bytes(out)


def _encode_node(name: str, digest: Digest) -> bytes:
    text, sha = name.encode(), digest.hash.encode()
    size = b"\x10" + varint(digest.size) if digest.size else b""
    inner = b"\x0a" + varint(len(sha)) + sha + size
    return (
        (b"\x0a" + varint(len(text)) + text if text else b"") + b"\x12" + varint(len(inner)) + inner
    )


def decode_directory(data: bytes) -> Directory:
    """A Directory from its bytes.

    ValueError for other bytes, for a name that occurs twice, and for a name that is not a file
    name.
    """
    files, end = _leading_files(data)
    fields = decode("Directory", data[end:])
    names = [name for name, _, _ in files]
    names += [
        node.get("name", "")
        for kind in ("files", "directories", "symlinks")
        for node in fields[kind]
    ]
    if len(set(names)) != len(names) or any(
        n in ("", ".", "..") or "/" in n or "\0" in n for n in names
    ):
        raise ValueError("a Directory with a name twice, or one that is no file name")
    return Directory(
        (
            *files,
            *(
                (n["name"], digest_of(n["digest"]), bool(n.get("is_executable")))
                for n in fields["files"]
            ),
        ),
        tuple((n["name"], digest_of(n["digest"])) for n in fields["directories"]),
        tuple((n["name"], n.get("target", "")) for n in fields["symlinks"]),
    )


def _leading_files(data: bytes) -> tuple[list[tuple[str, Digest, bool]], int]:
    """The files at the start of a Directory in canonical bytes, and where the rest begins.

    It ends before a file in any other form, as one with a long name, and leaves that to `decode`,
    which takes ten times as long.
    """
    files: list[tuple[str, Digest, bool]] = []
    at = 0
    while data[at : at + 1] == b"\x0a" and (head := data[at + 1 : at + 4])[1:2] == b"\x0a":
        end, middle = at + 2 + head[0], at + 4 + head[-1]  # of the node, of its name
        after = middle + 68  # of the hash
        digest = data[middle : middle + 4]
        is_short = head[0] < 0x80 and after <= end <= len(data)
        if len(head) < 3 or not is_short or digest[:1] + digest[2:] != b"\x12\x0a\x40":
            break
        size = 0
        if after < end and data[after] == 0x10:
            size, after = _read_varint(data, after + 1)
        executable = data[after:end] == b"\x20\x01"
        if after != middle + 2 + digest[1] or end - after not in (0, 2 * executable) or size >> 63:
            break
        sha = data[middle + 4 : middle + 68].decode()
        files.append((data[at + 4 : middle].decode(), Digest.parse(f"{sha}/{size}"), executable))
        at = end
    return files, at


def varint(value: int) -> bytes:
    """The base 128 encoding of a number of at most 64 bits."""
    if value < 0x80:
        return _SMALL[value]
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


_SMALL = tuple(bytes([value]) for value in range(0x80))


def _split_fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield (number, raw value) of each field of a message.

    ValueError if the order is not canonical.
    """
    at, last = 0, 0
    while at < len(data):
        tag, at = _read_varint(data, at)
        if tag >> 3 < last:
            raise ValueError("fields out of order")
        last = tag >> 3
        value, at = _read_varint(data, at)
        if tag & 7 == 0:
            yield last, value
        elif tag & 7 == 2 and at + value <= len(data):
            yield last, data[at : at + value]
            at += value
        else:
            raise ValueError("not a protobuf message of this schema")


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("a truncated varint")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def _decode_value(kind: str, raw: int | bytes) -> Any:
    if kind in ("int", "bool"):
        if not isinstance(raw, int):
            raise ValueError("a number was expected")
        signed = raw - (1 << 64) if raw >> 63 else raw
        return bool(raw) if kind == "bool" else signed
    if isinstance(raw, int):
        raise ValueError("bytes were expected")
    if kind == "bytes":
        return raw
    return raw.decode() if kind == "string" else decode(kind, raw)
