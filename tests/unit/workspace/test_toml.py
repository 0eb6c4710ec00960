"""BUILD.toml as text: limits, syntax errors, and positions."""

from __future__ import annotations

import random
import re
import time
import tomllib
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from buildgraph.types.errors import BuildError, BuildErrors, Location
from buildgraph.workspace.toml import parse
from buildgraph.workspace.toml_positions import KEY
from buildgraph.workspace.toml_text import LONG

SAMPLE = '''[a.b]
rule = "x"   # a comment
"q k".z = [1, "two", {three = 3, 'four' = [4]}]
d = 1979-05-27 07:32:00
m = """x
[y]"""
[[l]]
n = 1
[[l]]
n = 2
[l.sub]
o = true
'''


def errors_of(text: str | bytes) -> list[BuildError]:
    try:
        parse(text if isinstance(text, bytes) else text.encode(), "BUILD.toml")
    except BuildErrors as errors:
        return list(errors.errors)
    except BuildError as error:
        return [error]
    return []


@pytest.mark.parametrize(
    ("path", "line", "column", "length"),
    [
        (("a", "b"), 1, 1, 5),
        (("a", "b", "rule"), 2, 9, 1),
        (("a", "b", "rule", KEY), 2, 1, 4),
        (("a", "b", "q k", "z"), 3, 11, 37),
        (("a", "b", "q k", "z", 1), 3, 16, 3),
        (("a", "b", "q k", "z", KEY), 3, 7, 1),
        (("a", "b", "q k", "z", 2, "four", 0), 3, 44, 1),
        (("a", "b", "d"), 4, 5, 19),
        (("a", "b", "m"), 5, 5, 4),
        (("l", 0, "n"), 8, 5, 1),
        (("l", 1, "n"), 10, 5, 1),
        (("l", 1, "sub", "o"), 12, 5, 4),
    ],
)
def test_every_key_and_value_has_its_position(
    path: tuple[str | int, ...], line: int, column: int, length: int
) -> None:
    assert parse(SAMPLE.encode(), "B").positions[path] == Location("B", line, column, length)


def test_values_are_those_of_tomllib_and_crlf_does_not_move_positions() -> None:
    document = parse(SAMPLE.replace("\n", "\r\n").encode(), "B")
    assert document.values == tomllib.loads(SAMPLE)
    assert document.positions["l", 1, "sub", "o"] == Location("B", 12, 5, 4)


_KEYS = st.text("abAB_-.é\"'\\# ", min_size=1, max_size=6)
_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.integers(-9, 9) | st.booleans() | st.text('ab"\\[]{}#=.\t é', max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=8,
)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(f"{_quoted(key)} = {_toml(inner)}" for key, inner in value.items())
            + "}"
        )
    return str(value)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t") + '"'


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
    entries: Any = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return {path}.union(*(_paths(inner, (*path, key)) for key, inner in entries))


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(_KEYS, st.dictionaries(_KEYS, _VALUES, max_size=3), min_size=1, max_size=3))
def test_the_scanner_and_tomllib_find_the_same_keys(tables: dict[str, dict[str, Any]]) -> None:
    text = "".join(
        f"[{_quoted(name)}]\n"
        + "".join(f"{_quoted(key)} = {_toml(value)}\n" for key, value in table.items())
        for name, table in tables.items()
    )
    document = parse(text.encode(), "B")
    assert document.values == tables
    assert {path for path in document.positions if KEY not in path} == _paths(tables) - {()}
    for path, at in document.positions.items():
        if len(path) > 2 and path[-1] != KEY and isinstance(value := _at(tables, path), int):
            assert (
                text.split("\n")[at.line - 1][at.column - 1 : at.column - 1 + at.length]
                == str(value).lower()
            )


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        value = value[part]
    return value


@pytest.mark.parametrize(
    ("text", "line", "column", "what"),
    [
        ("a = foo", 1, 5, "foo is not a value"),
        ("a = True", 1, 5, "True is not a value"),
        ("a =\n", 1, 4, "missing here"),
        ('a = "x\nb = 1', 1, 7, "quotes are not closed"),
        ('a = """x\nb = 1', 1, 5, "quotes are not closed"),
        ("a = [1 2]", 1, 5, "array is not closed"),
        ("a = [1,\n2\n[t]\nb = 1", 1, 5, "array is not closed"),
        ("a = 1\na = 2", 2, 1, "written twice"),
        ("[t]\n[u]\n[ t ]", 3, 3, "[t] is written twice"),
        ("key", 1, 4, "without"),
        ("a = 1 2", 1, 7, "more on the line"),
        ("a = {b = 1,}", 1, 12, "a key was expected"),
        ("a = '\x01'", 1, 6, "invalid"),
        ("a = 1\rb = 2", 1, 6, "carriage return"),
        ("é = 1", 1, 1, "neither"),
        ("a = 2024-02-30", 1, 5, "date"),
    ],
)
def test_a_syntax_error_has_an_explanation_and_a_location(
    text: str, line: int, column: int, what: str
) -> None:
    (error, *_) = errors_of(text)
    assert what in error.what and error.at is not None
    assert (error.at.path, error.at.line, error.at.column, error.reason) == (
        "BUILD.toml",
        line,
        column,
        "toml",
    )


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"a = '\xff'", "byte 0xff is not UTF-8"),
        (b"\xff\xfea\0", "written in UTF-16"),
        (b"a\0=\0", "written in UTF-16-LE"),
        (b"\0\0\xfe\xff", "written in UTF-32"),
        (b"a = '\xc3", "not UTF-8"),
    ],
)
def test_only_utf8_is_text(data: bytes, what: str) -> None:
    (error,) = errors_of(data)
    assert what in error.what


def test_all_syntax_errors_of_a_file_are_reported() -> None:
    errors = errors_of(
        'a = foo\n[x]\nb = "abc\n[y]\nk = [1 2]\n[z]\nfine = 1\n[t]\n[t]\n[last]\nkey\n'
    )
    assert [error.at.line for error in errors if error.at] == [1, 3, 5, 9, 11]


def test_at_most_20_errors_are_reported() -> None:
    assert len(errors_of("[a]\nx =\n" * 1000)) == 20


_D32 = "\n".join(
    ".".join(f"k{part}x{line}" for part in range(32)) + " = 1" for line in range(20_000)
)


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"a." * 100_000 + b"a = 1", 1),
        (b"a = " + b"[" * 500, 1),
        (b"a = " + b"[\n" * 100, 65),
        (b"a = " + b"{a=" * 100, 1),
        (b"ok = 1\n" + b".".join([b"a"] * 40) + b" = 1", 2),
        (b"a = " + b"9" * 5000, 1),
        (b"a = 0x" + b"f" * 5000, 1),
        (b"\n" * 3_000_000, 1),
        (b"#\n" * 1_500_000, 1),
        (b"a = '" + b"x" * 70_000 + b"'", 1),
        (b"[a]\nx =\n" * 200_000, 1),
        (b"x" * (5 << 20), 0),
        (_D32.encode()[: 4 << 20], 1),
        (b"a = [" + b"{},\n" * 900_000, 1),
    ],
)
def test_files_that_are_slow_to_parse_are_refused_within_two_seconds(
    data: bytes, line: int
) -> None:
    begin = time.process_time()
    (error,) = errors_of(data)
    assert time.process_time() - begin < 2
    assert error.at is not None and error.at.path == "BUILD.toml"
    assert error.at.line >= line


@pytest.mark.parametrize(
    "data",
    [
        b"'" * 60_000,
        b'"' * 60_000,
        b'\\"' * 30_000,
        b'a="' + b'\\"' * 30_000,
        b"." * 60_000,
        b'a="""' + b'""x\n' * 100_000,
        b"[" * 64,
        (b'"' * 60_000 + b"\n") * 60,
    ],
)
def test_hostile_quotes_are_scanned_within_two_seconds(data: bytes) -> None:
    begin = time.process_time()
    assert errors_of(data)
    assert time.process_time() - begin < 2


def test_brackets_and_dots_in_strings_and_comments_do_not_count() -> None:
    assert not errors_of(
        'a = "' + "[" * 200 + '"\n# ' + "[" * 200 + "\nb = '" + ".".join("x" * 200) + "'\n"
    )
    assert not errors_of("a = [" + "1.5, " * 5000 + "]")
    assert "more than 32 parts" in errors_of('"a b".' * 40 + "c = 1")[0].what


def _ends(pattern: str, text: str) -> int | None:
    match = re.match(pattern, text)
    return match.end() if match else None


def test_a_long_string_ends_at_the_same_place_in_every_python() -> None:
    """Before 3.11.5 a possessive group ends too soon, so another pattern replaces it.

    Both are equal.
    """
    dice = random.Random(0)
    for least in (0, 3):
        pattern = LONG % (least, least)
        for _ in range(20_000):
            text = dice.choice(('"""', "'''")) + "".join(
                dice.choices("\"'\\a\n#", k=dice.randrange(14))
            )
            assert _ends(pattern, text) == _ends(pattern.replace(")*+", ")*"), text), text
    assert (
        _ends(LONG % (3, 3), '"""a""b\\""""""') == 14
        and _ends(LONG % (3, 3), "'''a''b\\'''''") == 13
    )
