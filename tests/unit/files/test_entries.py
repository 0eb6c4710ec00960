"""Lookups in a folder find the entries on which an analysis depends, and no others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from buildgraph.files.entries import (
    EVERY,
    SUBFOLDERS,
    Listing,
    find_now,
    listing_strings,
    listings_of,
    matching,
    named,
)
from buildgraph.workspace.globs import compile_glob


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files, folders and links, some of them hidden."""
    for name in ("d", ".hidden", "out", "node_modules"):
        (tmp_path / name).mkdir()
    for name in ("a.txt", "b.md", ".c.txt", "pyvenv.cfg"):
        (tmp_path / name).touch()
    for name, target in (("to_d", "d"), ("to_a.txt", "a.txt"), ("circle", "circle")):
        (tmp_path / name).symlink_to(target)
    return tmp_path


@pytest.mark.parametrize(
    ("lookup", "entries"),
    [
        (named("a.txt"), {"a.txt"}),
        (named("none"), set()),
        (named("d"), {"d/"}),
        (named("out"), {"out/"}),
        (matching("*.txt", folders=False), {"a.txt", "to_a.txt@a.txt"}),
        (matching(".*.txt", folders=False), {".c.txt"}),
        (matching("a.txt", folders=False), {"a.txt"}),
        (SUBFOLDERS, {"d/", "to_d/@d", "to_a.txt@a.txt", "circle@circle"}),
        (matching("to_?", folders=True), {"to_d/@d", "to_a.txt@a.txt"}),  # more than the glob
    ],
)
def test_a_lookup_finds_its_entries(folder: Path, lookup: str, entries: set[str]) -> None:
    assert find_now("/elsewhere", str(folder), [lookup]) == entries


def test_what_builds_make_in_the_root_is_not_found(folder: Path) -> None:
    (folder / ".buildgraph").mkdir()
    everything = set(os.listdir(folder))
    names = {text.split("@")[0].rstrip("/") for text in find_now("/", str(folder), [EVERY])}
    assert names == everything
    inside = {text.split("@")[0].rstrip("/") for text in find_now(str(folder), str(folder), "*")}
    assert inside == everything - {"out", ".buildgraph"}


@pytest.mark.parametrize(
    "glob", ["*", "*.txt", "a*", "a?c", "[ab]*.md", "x[!a-c]y", "a]b*", "[a", "*]x", ".*", "a*b*c"]
)
def test_a_lookup_finds_all_that_the_glob_matches(tmp_path: Path, glob: str) -> None:
    names = ["a", "a.txt", "abc", "abc.md", "b.md", "xdy", "xay", "a]bc", "[a", "]x", "aXbYc"]
    for name in names:
        (tmp_path / name).touch()
    entries = find_now("/", str(tmp_path), [matching(glob, folders=False)])
    assert entries >= {name for name in names if compile_glob(glob).fullmatch(name)}


@pytest.mark.parametrize("kind", ["folder", "link", "target", "removed"])
def test_another_kind_of_entry_is_another_entry(folder: Path, kind: str) -> None:
    lookups = frozenset({matching("*.txt", folders=False), SUBFOLDERS})
    listing = Listing(lookups, find_now("/", str(folder), lookups))
    (folder / "notes.md").touch()
    (folder / "__pycache__").mkdir()
    assert listing.is_current("/", str(folder))
    if kind == "target":
        (folder / "to_d").unlink()
        (folder / "to_d").symlink_to("out")
    else:
        (folder / "a.txt").unlink()
        if kind == "folder":
            (folder / "a.txt").mkdir()
        elif kind == "link":
            (folder / "a.txt").symlink_to("b.md")
    assert not listing.is_current("/", str(folder))


def test_listings_are_read_back() -> None:
    listings = {
        ".": Listing(frozenset({"d/", "=BUILD.toml"}), frozenset({"a/", "b/"})),
        "a": Listing(frozenset({"*"}), frozenset()),
        "b": Listing(frozenset({"f/.txt"}), frozenset({"x.txt"})),
    }
    assert listings_of(listing_strings(listings)) == listings
    assert listings_of([]) == {}
