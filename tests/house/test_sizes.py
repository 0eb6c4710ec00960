"""Limits of files, functions and signatures; modules have names that say what they hold."""

from __future__ import annotations

import ast
import statistics
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(path for folder in ("buildgraph", "rules") for path in (ROOT / folder).rglob("*.py"))
NOTHING = {"utils", "helpers", "common", "manager", "base", "core", "misc"}
Function = ast.FunctionDef | ast.AsyncFunctionDef
# Parameters that are tuples of different things: this number may only fall.
MIXED_TUPLES = 10


def functions(path: Path) -> list[Function]:
    """Every function of a file."""
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, Function)]


def length(function: Function, is_rule: bool = False) -> int:
    """Lines of a function; of a rule without signature and docstring, which are its reference."""
    start = function.body[1].lineno if is_rule and len(function.body) > 1 else function.lineno
    return (function.end_lineno or 0) - start + 1


@pytest.mark.parametrize("path", FILES, ids=str)
def test_sizes(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 330, "a file is a sitting"
    assert path.stem not in NOTHING
    for function in functions(path):
        is_rule = any(isinstance(d, ast.Name) and d.id == "rule" for d in function.decorator_list)
        assert length(function, is_rule) <= 45, f"{function.name} does not fit a screen"
        arguments = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
        named = [name for name in arguments if name not in ("self", "cls", "ctx")]
        assert len(named) <= (14 if is_rule else 5), (
            f"{function.name} takes {len(named)} positional parameters: pass the others by keyword"
        )


def is_mixed_tuple(annotation: ast.expr) -> bool:
    """True for `tuple[A, B]` of different types, also within a union or a string.

    False for `tuple[A, ...]`.
    """
    match annotation:
        case ast.Constant(value=str(text)):
            return is_mixed_tuple(ast.parse(text, mode="eval").body)
        case ast.BinOp(left=left, right=right):
            return is_mixed_tuple(left) or is_mixed_tuple(right)
        case ast.Subscript(value=ast.Name(id="tuple"), slice=ast.Tuple(elts=parts)):
            return len({ast.dump(part) for part in parts}) > 1 and "..." not in map(
                ast.unparse, parts
            )
    return False


@pytest.mark.parametrize(
    ("annotation", "mixed"),
    [
        ("tuple[int, str]", True),
        ("'tuple[int, str] | None'", True),
        ("tuple[int, ...]", False),
        ("tuple[int, int]", False),
        ("Sequence[tuple[int, str]]", False),
        ("str", False),
    ],
)
def test_tuples_of_different_things_are_recognised(annotation: str, mixed: bool) -> None:
    assert is_mixed_tuple(ast.parse(annotation, mode="eval").body) == mixed


def test_no_parameter_is_a_tuple_of_different_things() -> None:
    """Such a parameter is several unnamed ones: pass them by keyword, or make a record."""
    mixed = []
    for path in FILES:
        for function in functions(path):
            every = function.args
            for parameter in (*every.posonlyargs, *every.args, *every.kwonlyargs):
                if parameter.annotation and is_mixed_tuple(parameter.annotation):
                    place = f"{path.relative_to(ROOT)}:{parameter.lineno}"
                    annotation = ast.unparse(parameter.annotation)
                    mixed.append(f"{place}: {function.name}({parameter.arg}: {annotation})")
    assert len(mixed) <= MIXED_TUPLES, "\n".join(mixed)


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
