"""Positions in a TOML text."""

from __future__ import annotations

from buildgraph.types.errors import Location
from buildgraph.workspace.toml_positions import KEY, KeyPositions, SubtreePositions, location_at

TEXT = '[a.b]\nk = "v"\n[a.c]\nl = [1, 22]\ninline = { x = 1 }\n'


def test_an_offset_becomes_line_and_column() -> None:
    assert location_at("f", "ab\ncd\n", 4) == Location("f", 2, 2, 1)
    assert location_at("f", "ab\ncd\n", 3, 99) == Location("f", 2, 1, 2)
    assert location_at("f", "ab", 2) == Location("f", 1, 3, 1)


def test_keys_and_values_have_positions() -> None:
    positions = KeyPositions("f", TEXT)
    assert positions["a", "b", "k"] == Location("f", 2, 6, 1)
    assert positions["a", "b", "k", KEY] == Location("f", 2, 1, 1)
    assert positions["a", "c", "l", 1] == Location("f", 4, 9, 2)
    assert ("a", "b", "none") not in positions and len(positions) == len(list(positions))


def test_headers_are_distinguished_from_inline_tables() -> None:
    positions = KeyPositions("f", TEXT)
    assert positions.is_header(("a", "c"))
    assert not positions.is_header(("a", "c", "inline")) and not positions.is_header(("a",))


def test_a_subtree_has_relative_paths_and_moved_values() -> None:
    positions = SubtreePositions(KeyPositions("f", TEXT), ("a", "c"), {("first",): ("l", 0)})
    assert positions["l", 1] == Location("f", 4, 9, 2)
    assert positions["first",] == Location("f", 4, 6, 1)
    assert ("l",) in positions and ("k",) not in positions
    assert ("l", 0) in set(positions) and len(positions) == len(set(positions))
