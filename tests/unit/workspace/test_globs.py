"""Globs: their parts, their regular expressions, and their errors."""

from __future__ import annotations

import time

import pytest

from buildgraph.types.errors import BuildError
from buildgraph.workspace.globs import compile_glob, is_glob, split_pattern


@pytest.mark.parametrize(
    ("pattern", "parts"),
    [
        ("*.py", ("*.py",)),
        ("a/b.py", ("a", "b.py")),
        ("a/**", ("a", "**", "*")),
        ("**/**/x", ("**", "x")),
        ("**", ("**", "*")),
        ("a[**]/b", ("a[**]", "b")),
    ],
)
def test_a_glob_is_split_at_its_slashes(pattern: str, parts: tuple[str, ...]) -> None:
    assert split_pattern(pattern, None) == parts


@pytest.mark.parametrize(
    ("pattern", "fix"),
    [
        ("../a/*", "relative to the folder"),
        ("/a/*", "relative to the folder"),
        ("./a", "relative to the folder"),
        ("a\\*", "relative to the folder"),
        ("a//*.py", 'write "a/*.py"'),
        ("a/", 'write "a/**" for all files below it'),
        ("a/**/", 'write "a/**" for all files below it'),
        ("a/**.py", 'write "a/**/*.py"'),
    ],
)
def test_an_invalid_glob_gets_a_correct_one_as_help(pattern: str, fix: str) -> None:
    with pytest.raises(BuildError) as error:
        split_pattern(pattern, None)
    assert fix in error.value.fix and error.value.reason == "path"


@pytest.mark.parametrize(
    ("glob", "matching", "other"),
    [
        ("*.py", ["a.py", ".py"], ["a.pyc", "a/b.py", "py"]),
        ("a?c", ["abc", "a.c"], ["ac", "abbc", "a/c"]),
        ("[a-c]x", ["ax", "cx"], ["dx", "x", "a-cx"]),
        ("[!a]", ["b", "^"], ["a", "", "/a"]),
        ("[^a]", ["^", "a"], ["b"]),
        ("[]]", ["]"], ["[", ""]),
        ("[*]", ["*"], ["a"]),
        ("a*b*c", ["abc", "axbxc", "abbcc"], ["acb", "ab"]),
        ("a.b", ["a.b"], ["axb"]),
    ],
)
def test_a_part_of_a_glob_matches_names(glob: str, matching: list[str], other: list[str]) -> None:
    assert all(compile_glob(glob).fullmatch(name) for name in matching)
    assert not any(compile_glob(glob).fullmatch(name) for name in other)


def test_an_invalid_range_is_an_error() -> None:
    with pytest.raises(BuildError, match="is not a glob: bad character range"):
        compile_glob("[z-a]")


def test_many_stars_take_linear_time() -> None:
    begin = time.process_time()
    assert not compile_glob("*a" * 50 + "b").fullmatch("a" * 5000)
    assert time.process_time() - begin < 2


def test_wildcards_make_a_glob() -> None:
    assert [is_glob(text) for text in ("a/b.c", "a*", "a?", "[a]", "")] == [
        False,
        True,
        True,
        True,
        False,
    ]
