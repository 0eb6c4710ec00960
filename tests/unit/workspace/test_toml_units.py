"""A file is split into tables that can be parsed alone, and not at what only looks like a table."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given, strategies as st

from buildgraph.workspace.toml_units import Unit, split_units


def _split(text: str) -> dict[str, Unit]:
    units = split_units(text.encode(), "BUILD.toml")
    assert units is not None
    return units


def _merge(into: dict[str, Any], values: dict[str, Any]) -> None:
    for key, value in values.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            assert key not in into, key
            into[key] = value


def _parsed_alone(units: dict[str, Unit]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for unit in units.values():
        _merge(values, tomllib.loads(unit.text))
    return values


def test_tables_are_units() -> None:
    text = "# first\n\n[a.b]\nx = 1\n[ a . 'c d' ] # a table\ny = 2"
    units = _split(text)
    assert {key: unit.text for key, unit in units.items()} == {
        "a\nb": "[a.b]\nx = 1\n",
        "a\nc d": "[ a . 'c d' ] # a table\ny = 2\n",
    }
    assert all(unit.is_whole for unit in units.values())


def test_a_table_has_the_tables_below_it_wherever_they_are() -> None:
    units = _split("[a.env]\nx = 1\n[b]\ny = 2\n[a]\nz = 3\n[a.env.deep]\n")
    assert [*units] == ["a", "b"]
    assert units["a"].text == "[a.env]\nx = 1\n[a]\nz = 3\n[a.env.deep]\n"


@pytest.mark.parametrize(
    "text",
    ["x = 1\n[a]\n", "a.b = 1\n", "[[a]]\nx = 1\n", '["a\\n"]\n', "'''x'''.y = 1\n[a]\n"],
)
def test_a_file_with_other_statements_is_not_split(text: str) -> None:
    assert split_units(text.encode(), "BUILD.toml") is None


@pytest.mark.parametrize(
    "text",
    [
        'x = """\n[b]\n"""\n',
        "x = '''\n[b]\n'''\n",
        'x = """foo "bar\n[b]\nfoo" """\n',
        'x = [\n["b"]\n]\n',
        'x = [\n["b"]\n,\n["a"]\n]\n',
        'x = [ # ]\n["b"], ["a"],\n["b"]\n]\n',
        'x = [["a"],\n["a"]\n]\n',
        "x = ['''\n[b]\n''',\n]\n",
    ],
)
def test_what_looks_like_a_table_within_a_value_is_noticed(text: str) -> None:
    tomllib.loads(f"[a]\n{text}")
    units = split_units(f"[a]\n{text}[c]\ny = 1\n".encode(), "BUILD.toml")
    assert units is not None and not all(unit.is_whole for unit in units.values())


def test_order_of_tables_and_ends_of_lines_change_no_unit() -> None:
    one, other = _split("[a]\nx = 1\n[b]\ny = 2\n"), _split("[b]\r\ny = 2\r\n\r\n[a]\r\nx = 1")
    assert {key: unit.digest for key, unit in one.items()} == {
        key: unit.digest for key, unit in other.items()
    }
    assert one["a"].digest != _split("[a]\nx = 2\n")["a"].digest


_KEYS = st.sampled_from(["a", "b", "a.b", "a.c", '"a"', "'b c'", "a.b.c", "c . 'a'"])
_VALUES = st.sampled_from(
    [
        "1",
        '"[a]"',
        "'''\n[a]\n'''",
        '"""x\n[b]\n"""',
        '[\n["a"]\n]',
        "{ x = 1 } # [b]",
        '"#"',
        "'[\"'",
        '"""a "b\n[c]\nc" """',
        '[\n["b"]\n,\n["a"]\n, # ]\n]',
    ]
)
_TABLES = st.lists(st.tuples(_KEYS, st.lists(_VALUES, max_size=3)), max_size=6)


@given(_TABLES)
def test_units_parsed_alone_are_the_file(tables: list[tuple[str, list[str]]]) -> None:
    text = "".join(
        f"[{key}]\n" + "".join(f"v{at} = {value}\n" for at, value in enumerate(values))
        for key, values in tables
    )
    try:
        whole = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    units = split_units(text.encode(), "BUILD.toml")
    if units is not None and all(unit.is_whole for unit in units.values()):
        assert _parsed_alone(units) == whole


_STATEMENTS = st.sampled_from(
    (
        *("[a]\n", "[b]\n", "[a.c]\n", '["a"]\n', ",\n", "]\n", '"""\n', "'''\n", "x = [\n"),
        *("y = 1\n", 'z = """x "\n', "'\n", '"\n', 'w = "', "#\n", "v = '''", "{ q = ["),
        *("} ]\n", " \n", "u"),
    )
)


@given(st.lists(_STATEMENTS, max_size=12).map("".join))
def test_no_valid_text_is_split_in_a_wrong_way(text: str) -> None:
    try:
        whole = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    units = split_units(text.encode(), "BUILD.toml")
    if units is not None and all(unit.is_whole for unit in units.values()):
        assert _parsed_alone(units) == whole
