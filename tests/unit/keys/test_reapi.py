"""Canonical bytes equal those of the package `protobuf` for the same schema and any message."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given, settings, strategies as st

from buildgraph.keys import reapi
from buildgraph.keys.reapi import (
    SCHEMA,
    Directory,
    decode,
    decode_directory,
    digest_fields,
    encode,
    encode_directory,
)
from buildgraph.types.digest import Digest

_F = descriptor_pb2.FieldDescriptorProto
_KIND = {
    "string": _F.TYPE_STRING,
    "bytes": _F.TYPE_BYTES,
    "int": _F.TYPE_INT64,
    "bool": _F.TYPE_BOOL,
}


def _factory() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="reapi.proto", package="t", syntax="proto3")
    for message, fields in SCHEMA.items():
        descriptor = file.message_type.add(name=message)
        for number, name, kind, repeated in fields:
            label = _F.LABEL_REPEATED if repeated else _F.LABEL_OPTIONAL
            field = descriptor.field.add(
                name=name, number=number, label=label, type=_KIND.get(kind, _F.TYPE_MESSAGE)
            )
            if kind not in _KIND:
                field.type_name = f".t.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return lambda name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"t.{name}"))


FACTORY = _factory()
_SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "string": st.text(max_size=20),
    "bytes": st.binary(max_size=20),
    "int": st.integers(-(2**63), 2**63 - 1),
    "bool": st.booleans(),
}


def messages(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Any values for a message."""
    fields = {}
    for _, field, kind, repeated in SCHEMA[name]:
        one = _SCALARS[kind] if kind in _SCALARS else messages(kind)
        fields[field] = st.lists(one, max_size=3) if repeated else one
    return st.fixed_dictionaries({}, optional=fields)


def _theirs(name: str, values: dict[str, Any]) -> Any:
    message = FACTORY(name)()
    for _, field, kind, repeated in SCHEMA[name]:
        if field not in values:
            continue
        for value in values[field] if repeated else [values[field]]:
            _set(message, field, kind, repeated, value)
    return message


def _set(message: Any, field: str, kind: str, repeated: bool, value: Any) -> None:
    if kind in _KIND:
        getattr(message, field).append(value) if repeated else setattr(message, field, value)
    elif repeated:
        getattr(message, field).append(_theirs(kind, value))
    else:
        getattr(message, field).CopyFrom(_theirs(kind, value))


# Messages contain each other, so every kind is drawn in several of these tests.
FEW = settings(max_examples=25)


@pytest.mark.parametrize("name", sorted(SCHEMA))
@FEW
@given(data=st.data())
def test_bytes_equal_those_of_protobuf(name: str, data: st.DataObject) -> None:
    values = data.draw(messages(name))
    theirs = _theirs(name, values)
    assert encode(name, values) == theirs.SerializeToString(deterministic=True)
    again = FACTORY(name)()
    again.ParseFromString(encode(name, values))
    assert again == theirs


@pytest.mark.parametrize("name", sorted(SCHEMA))
@FEW
@given(data=st.data())
def test_decoded_messages_encode_to_the_same_bytes(name: str, data: st.DataObject) -> None:
    encoded = encode(name, data.draw(messages(name)))
    assert encode(name, decode(name, encoded)) == encoded


NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=300
).filter(lambda name: name not in (".", ".."))
DIGESTS = st.binary(max_size=300).map(Digest.of)


@given(st.dictionaries(NAMES, st.tuples(DIGESTS, st.booleans())), st.dictionaries(NAMES, DIGESTS))
def test_bytes_of_directories_equal_those_by_the_schema(
    files: dict[str, tuple[Digest, bool]], folders: dict[str, Digest]
) -> None:
    folders = {name: digest for name, digest in folders.items() if name not in files}
    directory = Directory(
        tuple(sorted((name, *rest) for name, rest in files.items())), tuple(sorted(folders.items()))
    )
    by_schema = encode(
        "Directory",
        {
            "files": [
                {"name": name, "digest": digest_fields(digest), "is_executable": executable}
                for name, digest, executable in directory.files
            ],
            "directories": [
                {"name": name, "digest": digest_fields(digest)}
                for name, digest in directory.directories
            ],
        },
    )
    assert encode_directory(directory) == by_schema
    assert decode_directory(by_schema) == directory


@given(
    st.dictionaries(NAMES, st.tuples(DIGESTS, st.booleans()), max_size=4),
    st.integers(0, 400),
    st.binary(max_size=3),
)
def test_files_are_decoded_as_by_the_schema(
    files: dict[str, tuple[Digest, bool]], at: int, bytes_: bytes
) -> None:
    """Also if some bytes are others: both refuse them, or both read the same."""
    whole = encode_directory(Directory(tuple((name, *rest) for name, rest in files.items())))
    data = whole[:at] + bytes_ + whole[at + len(bytes_) :]

    def decoded() -> Directory | None:
        try:
            return decode_directory(data)
        except ValueError:
            return None

    fast = decoded()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reapi, "_leading_files", lambda data: ([], 0))
        assert decoded() == fast


@given(st.binary(max_size=60))
def test_hostile_bytes_are_refused_with_a_value_error(data: bytes) -> None:
    try:
        decode_directory(data)
    except ValueError:
        pass


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "a\0b"])
def test_a_directory_with_a_name_that_escapes_is_refused(name: str) -> None:
    data = encode("Directory", {"files": [{"name": name, "digest": {"hash": "a" * 64}}]})
    with pytest.raises(ValueError, match="no file name"):
        decode_directory(data)


def test_entries_are_sorted() -> None:
    one, two = Digest.of(b"1"), Digest.of(b"2")
    forward = Directory((("a", one, False), ("b", two, True)), (("x", one), ("y", two)))
    backward = Directory((("b", two, True), ("a", one, False)), (("y", two), ("x", one)))
    assert encode_directory(forward) == encode_directory(backward)
    assert decode_directory(encode_directory(backward)) == forward
