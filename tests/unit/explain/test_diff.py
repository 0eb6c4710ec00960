"""Compare two keys and their results, down to the first item that differs."""

from __future__ import annotations

import io
import json
import struct
import zipfile

import pytest

from buildgraph.explain.diff import diff_keys, diff_raw_arrays
from buildgraph.keys.action_key import Key, key_of
from buildgraph.keys.reapi import Directory, encode_directory
from buildgraph.store.memory import MemoryStore
from buildgraph.types.action import Action, Out
from buildgraph.types.result import File, Node, Result, Tree


def _doubles(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}d", *values)


def _npz(**arrays: tuple[float, ...]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, values in arrays.items():
            head = (
                f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({len(values)},), }}".ljust(
                    117
                )
                + "\n"
            )
            npy = (
                b"\x93NUMPY\x01\x00"
                + struct.pack("<H", len(head))
                + head.encode()
                + _doubles(*values)
            )
            archive.writestr(f"{name}.npy", npy)
    return out.getvalue()


class _World:
    """A store with keys that have one input and one output."""

    def __init__(self) -> None:
        self.store = MemoryStore()

    def node(self, content: bytes | dict[str, bytes]) -> Node:
        """A file, or a folder of files."""
        batch = self.store.batch()
        if isinstance(content, bytes):
            node: Node = File(batch.add(content))
        else:
            files = tuple((name, batch.add(data), False) for name, data in content.items())
            node = Tree(batch.add(encode_directory(Directory(files))))
        self.store.publish([batch])
        return node

    def key(self, content: bytes | dict[str, bytes], output: bytes = b"", word: str = "x") -> Key:
        """A key with a result."""
        key = key_of(Action(("tool", word), (), (Out("o"),)), [("in/0/ir", self.node(content))], {})
        batch = self.store.batch()
        batch.record(
            key.digest, Result((("o", self.node(output)),), batch.add(b""), "none", 1), key.messages
        )
        self.store.publish([batch])
        return key


@pytest.mark.parametrize(
    ("before", "after", "first"),
    [
        (
            json.dumps({"C": [[0], [1, 2]]}).encode(),
            json.dumps({"C": [[0], [1, 3]]}).encode(),
            "$.C[1][1]: 2 -> 3",
        ),
        (_npz(A=(1.0,), C1=(0.0, 1.0)), _npz(A=(1.0,), C1=(0.0, 2.5)), "C1.npy: [1]: 1.0 -> 2.5"),
        (
            {"C1.f64": _doubles(0, 1, 2), "m.json": b"{}"},
            {"C1.f64": _doubles(0, 1, 4), "m.json": b"{}"},
            "C1.f64: item 2: 2.0 -> 4.0",
        ),
        ({"a": b"", "b": b""}, {"a": b"", "c": b""}, "b: is gone (and 1 more file)"),
    ],
)
def test_a_changed_input_has_its_first_difference(
    before: bytes | dict[str, bytes], after: bytes | dict[str, bytes], first: str
) -> None:
    world = _World()
    difference = diff_keys(world.store, world.key(before).digest, world.key(after).digest)
    assert difference is not None
    (part,) = difference.parts
    assert part.name == ("input in/0/ir/" if isinstance(before, dict) else "input in/0/ir")
    assert part.first == first
    assert difference.outputs == ()


def test_results_are_compared_file_by_file() -> None:
    world = _World()
    difference = diff_keys(
        world.store, world.key(b"", b"one\n").digest, world.key(b"", b"two\n", "y").digest
    )
    assert difference is not None and difference.outputs is not None
    assert [part.name for part in difference.parts] == ["argv 1"]
    assert [(part.name, part.first) for part in difference.outputs] == [
        ("o", "line 1: 'one\\n' -> 'two\\n'")
    ]


def test_lost_blobs_and_keys_have_no_difference() -> None:
    world, other = _World(), _World()
    here, there = world.key(b"one"), other.key(b"two")
    assert diff_keys(world.store, here.digest, there.digest) is None
    batch = world.store.batch()
    batch.record(there.digest, Result((), batch.add(b""), "none", 1), there.messages)
    world.store.publish([batch])
    difference = diff_keys(world.store, here.digest, there.digest)
    assert difference is not None and difference.parts[0].first == ""


def test_arrays_without_header() -> None:
    assert diff_raw_arrays(_doubles(1, 2), _doubles(1, 2), "<d") == ""
    assert diff_raw_arrays(_doubles(1, 2), _doubles(1), "<d") == "2 items -> 1 items"
    assert (
        diff_raw_arrays(struct.pack("<2i", 1, 2), struct.pack("<2i", 1, 3), "<i")
        == "item 1: 2 -> 3"
    )
