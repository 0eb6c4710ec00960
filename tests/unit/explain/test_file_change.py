"""The change of a source file in one line."""

from __future__ import annotations

import pytest

from buildgraph.explain.diff import ChangedPart
from buildgraph.explain.file_change import describe_file_change
from buildgraph.store.memory import MemoryStore
from buildgraph.types.result import File, Result


def described(
    before: bytes, after: bytes, outputs: tuple[bytes, bytes] | None = None, are_stored: bool = True
) -> str:
    """The change of a file with two contents, and of the output that was made from it."""
    store = MemoryStore()
    batch = store.batch()
    nodes = tuple(File(batch.add(data)) for data in (before, after))
    results: list[Result | None] = [None, None]
    if outputs:
        log = batch.add(b"")
        results = [Result((("o", File(batch.add(data))),), log, "none", 1) for data in outputs]
    if are_stored:
        store.publish([batch])
    part = ChangedPart("input f", str(nodes[0].digest), str(nodes[1].digest), first="known")
    return describe_file_change(store, (nodes[0], nodes[1]), part, (results[0], results[1]))


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (b"a\nb\n", b"a\nc\n", 'line 2 "b" -> "c"'),
        (b"a\n", b"a\nb\n", 'line 2 added "b"'),
        (b"a\nb\nc\n", b"c\n", 'line 1 removed "a" (and 1 more line)'),
        (b"a\nb\n", b"x\ny\nz\n", 'line 1 "a" -> "x"'),
        (b"a\nb\n", b"x\ny\n", 'line 1 "a" -> "x" (and 1 more line)'),
        (b"a\n", b"a\r\n", "line ends"),
        (b'{"a": 1}', b'{"a": 2}', "$.a: 1 -> 2"),
        (b"\0a", b"\0b", "byte 0x1: 61 -> 62"),
        (b"x" * 70, b"y" * 70, f'line 1 "{"x" * 60}..." -> "{"y" * 60}..."'),
    ],
)
def test_the_first_line_that_differs(before: bytes, after: bytes, change: str) -> None:
    assert described(before, after) == change


def test_a_source_that_is_not_stored_is_described_by_the_key_or_the_output() -> None:
    assert described(b"a", b"b", are_stored=False) == "known"


def test_a_mode_and_an_added_file() -> None:
    store, nodes, results = MemoryStore(), (None, None), (None, None)
    part = ChangedPart("f", "sha256:1", "sha256:1 executable")
    assert describe_file_change(store, nodes, part, results) == "it is executable now"
    part = ChangedPart("f", "sha256:1 executable", "sha256:1")
    assert describe_file_change(store, nodes, part, results) == "it is not executable any more"
    assert describe_file_change(store, nodes, ChangedPart("f", "", "sha256:1"), results) == ""
