"""A file is a sitting, a function fits a screen, a signature a line; no module is called after nothing."""

from __future__ import annotations

import ast
import statistics
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(path for folder in ("buildgraph", "rules") for path in (ROOT / folder).rglob("*.py"))
NOTHING = {"utils", "helpers", "common", "manager", "base", "core", "misc"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(path: Path) -> list[Function]:
    """Every function of a file."""
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, Function)]


def length(function: Function) -> int:
    """Lines of a function, its signature included."""
    return (function.end_lineno or 0) - function.lineno + 1


@pytest.mark.parametrize("path", FILES, ids=str)
def test_sizes(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400, "a file is a sitting"
    assert path.stem not in NOTHING
    for function in functions(path):
        assert length(function) <= 64, f"{function.name} does not fit a screen"
        arguments = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
        named = [name for name in arguments if name not in ("self", "cls", "ctx")]
        is_rule = any(isinstance(d, ast.Name) and d.id == "rule" for d in function.decorator_list)
        assert len(named) <= (14 if is_rule else 5), (
            f"{function.name} takes {len(named)} parameters"
        )


def test_the_median_function_is_short() -> None:
    assert (
        statistics.median(length(function) for path in FILES for function in functions(path)) < 10
    )


@pytest.mark.parametrize("path", FILES, ids=str)
def test_every_public_name_has_a_sentence(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree) or path.stem == "__main__", "the module says nothing of itself"
    for node in tree.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{node.name} has no docstring"
