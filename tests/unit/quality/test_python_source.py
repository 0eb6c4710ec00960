"""The interface of a Python file: everything that other modules see."""

from __future__ import annotations

import pytest
from quality.python_source import import_targets, python_facts

MODULE = """\
import os
from . import near
from ..far.away import thing


def plain(x: int) -> int:
    {plain}


class Kind:
    def __init__(self) -> None:
        {init}

    def method(self) -> int:
        {method}


async def stream() -> object:
    {stream}
"""
TEXTS = {
    "plain": "return x",
    "init": "self.x = 1",
    "method": "return 1",
    "stream": "return 1",
}


def interface(**changed: str) -> str:
    """The digest of the interface with some bodies changed."""
    return python_facts(MODULE.format(**TEXTS | changed).encode()).interface


@pytest.mark.parametrize(
    ("changed", "seen"),
    [
        ({"plain": "y = x + 1\n    return y"}, False),
        ({"plain": "def inner() -> None:\n        yield\n    return x"}, False),
        ({"method": "return 2  # another"}, False),
        ({"plain": "..."}, True),
        ({"plain": "'''Only words.'''"}, True),
        ({"plain": "raise NotImplementedError"}, True),
        ({"plain": "global LIMIT\n    LIMIT = 1"}, True),
        ({"init": "self.x = 'a'"}, True),
        ({"method": "self.y = 1"}, True),
        ({"stream": "yield 1"}, True),
    ],
)
def test_a_body_is_seen_only_where_it_declares_something(
    changed: dict[str, str], seen: bool
) -> None:
    assert (interface(**changed) != interface()) == seen


def test_everything_outside_of_bodies_is_seen() -> None:
    text = MODULE.format(**TEXTS)
    one = python_facts(text.encode()).interface
    for old, new in (("x: int", "x: str"), ("-> int", "-> str"), ("import os", "import sys")):
        assert python_facts(text.replace(old, new, 1).encode()).interface != one


def test_the_stub_keeps_the_lines_of_what_is_left() -> None:
    text = "def f() -> int:\n    a = 1\n    return a\n\n\nLIMIT = 1\n"
    stub = python_facts(text.encode()).stub
    assert stub == "def f() -> int:\n    assert True\n\n\n\nLIMIT = 1\n"


def test_a_body_on_the_line_of_its_function_stays() -> None:
    assert "return 1" in python_facts(b"def f() -> int: return 1\n").stub


def test_a_file_with_an_error_is_its_own_interface() -> None:
    assert python_facts(b"def (").interface != python_facts(b"def ((").interface
    assert python_facts(b"def (").stub == "def ("


def test_imports_are_listed_with_their_dots() -> None:
    facts = python_facts(MODULE.format(**TEXTS).encode())
    assert facts.imports == (".", "..far.away", "..far.away.thing", ".near", "os")
    assert not facts.is_dynamic
    assert python_facts(b"import importlib\nimportlib.import_module(name)").is_dynamic


def test_plugins_of_pytest_are_imports() -> None:
    assert "tests.plugin" in python_facts(b"pytest_plugins = ['tests.plugin']").imports


FILES = {"a.py", "p/__init__.py", "p/b.py", "p/b.pyi", "p/q/__init__.py", "src/p/b.py", "p/q/c.py"}


@pytest.mark.parametrize(
    ("path", "name", "expected"),
    [
        ("a.py", "p.b", ["p/__init__.py", "p/b.py", "p/b.pyi", "src/p/b.py"]),
        ("a.py", "p.q.c.name", ["p/__init__.py", "p/q/__init__.py", "p/q/c.py"]),
        ("p/q/c.py", ".", ["p/q/__init__.py"]),
        ("p/q/c.py", "..b", ["p/__init__.py", "p/b.py", "p/b.pyi"]),
        ("a.py", "...b", []),
        ("a.py", "os", []),
    ],
)
def test_an_import_reads_modules_and_their_packages(
    path: str, name: str, expected: list[str]
) -> None:
    assert sorted(import_targets(path, name, FILES, ("", "src"))) == expected
