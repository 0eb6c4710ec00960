"""What a tool declares is what it imports: its key must change with every file and distribution that it uses."""

from __future__ import annotations

import importlib
import sys

import pytest

from buildgraph import Tool
from tests.house.test_layers import ROOT, imports

TOOLS = ROOT / "rules" / "tools"
DISTRIBUTIONS = {
    "numpy": "numpy",
    "deflate": "deflate",
    "ziglang": "ziglang",
    "pymdp": "inferactively-pymdp",
    "jax": "inferactively-pymdp",
    "equinox": "inferactively-pymdp",
}


def declared() -> list[Tool]:
    """Every tool that a shipped rule declares."""
    found = []
    for path in sorted((ROOT / "rules").glob("*.py")):
        module = importlib.import_module(
            f"buildgraph.rules.{path.stem}" if path.stem != "__init__" else "buildgraph.rules"
        )
        found += [value for value in vars(module).values() if isinstance(value, Tool)]
    return sorted(set(found), key=lambda tool: tool.name)


def closure(name: str) -> tuple[set[str], set[str]]:
    """(sibling modules, distributions) that a tool imports, directly or not."""
    siblings, foreign, front = set[str](), set[str](), [name]
    while front:
        path = TOOLS / f"{front.pop()}.py"
        if path.stem == "toolchain":  # runs the wheel's program instead of importing the wheel
            foreign.add("ziglang")
        for top in {dotted.split(".")[0] for dotted, _ in imports(path)} - set(
            sys.stdlib_module_names
        ):
            if (TOOLS / f"{top}.py").exists():
                front += [top] if top not in siblings else []
                siblings.add(top)
            elif top in DISTRIBUTIONS:
                foreign.add(DISTRIBUTIONS[top])
    return siblings - {name}, foreign


@pytest.mark.parametrize("tool", declared(), ids=lambda tool: tool.name)
def test_a_tool_declares_what_it_uses(tool: Tool) -> None:
    siblings, foreign = closure(tool.name)
    assert set(tool.modules) == siblings
    assert set(tool.distributions) == foreign
    assert all((TOOLS / name).is_file() for name in tool.data)


def test_every_program_in_tools_is_declared_by_a_rule() -> None:
    programs = {path.stem for path in TOOLS.glob("*.py") if "__main__" in path.read_text()}
    assert programs == {tool.name for tool in declared()}
