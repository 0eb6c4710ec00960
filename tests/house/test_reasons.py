"""The reasons of errors are those of one table, which the reference shows."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from buildgraph.types.errors import REASONS, BuildError
from tests.house.test_layers import ROOT, modules

_FOURTH = 3  # the place of `reason` among the arguments of BuildError


def reasons() -> Iterator[tuple[str, ast.expr | None]]:
    """(place, expression) of the reason of each error that the code makes; None for one without."""
    for path in [
        *modules("buildgraph"),
        *(path for path in modules("rules") if "tools" not in path.parts),
    ]:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            if called not in ("BuildError", "super().__init__"):
                continue
            named = [word.value for word in node.keywords if word.arg == "reason"]
            if called == "BuildError" and len(node.args) > _FOURTH:
                named.append(node.args[_FOURTH])
            if named or called == "BuildError":
                yield f"{path.relative_to(ROOT)}:{node.lineno}", named[0] if named else None


def literals(expression: ast.expr) -> list[object]:
    """The values that an expression may have: its own, or those of both sides of a choice."""
    if isinstance(expression, ast.IfExp):
        return literals(expression.body) + literals(expression.orelse)
    return [expression.value] if isinstance(expression, ast.Constant) else []


def test_every_reason_is_in_the_table_and_is_used() -> None:
    used: set[object] = set()
    for place, expression in reasons():
        values = literals(expression) if expression else ["input"]
        # Another error's reason, handed on.
        assert values or (isinstance(expression, ast.Attribute) and expression.attr == "reason"), (
            f"{place}: not a literal"
        )
        assert set(values) <= REASONS.keys(), f"{place}: list the reason {values} in REASONS"
        used |= set(values)
    assert used == REASONS.keys()


@pytest.mark.parametrize("reason", [*REASONS, "a reason of a user's rule"])
def test_a_reason_has_an_exit_code(reason: str) -> None:
    assert BuildError("what", reason=reason).code == REASONS.get(reason, (2, ""))[0]
