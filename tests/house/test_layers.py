"""Imports point down, and each foreign package comes in by one door."""
from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# A module imports from its own layer's list only what stands left of it, and from any lower layer.
LAYERS = [
    ["noun", "context", "pair", "stamp", "names", "coding", "removal", "regular"],
    ["errors", "own_folder"],
    ["sha", "digest", "label", "image_name", "reapi", "values", "toml_places", "toml", "root"],
    ["model", "provider"],
    ["places", "declare", "key", "plan", "graph", "events", "steps"],
    ["globs", "listing", "matrix", "mistakes", "pending", "tables", "workspace", "rulemodules", "rulefile", "schema",
     "key_meanings", "editor", "analysis"],
    ["receipt", "source", "store", "execute", "ui", "installed", "toolchain"],
    ["host", "detect", "slot", "refusal", "input_copies", "worker", "crew", "drive", "written", "trees", "ways",
     "materialise", "pace", "basis",
     "snapshot", "stood", "left", "work", "loading", "scope", "copies", "increment", "clone", "session", "unlike", "check",
     "audit"],
    ["history", "query", "diff", "git", "revision", "evaluated", "why", "affected", "since",
     "model_difference", "file_change", "cause", "value_names"],
    ["cli", "__main__"],
]
SIBLINGS = {"store", "execute", "ui"}   # these never import each other, but for the store's protocol
DOORS = {"networkx": "graph", "pydantic": "schema", "pydantic_core": "schema", "docker": "execute", "diskcache": "store",
         "xxhash": "source", "rich": "ui", "packaging": "toolchain", "_sha2": "sha", "_sha256": "sha"}
RANK = {name: (level, place) for level, layer in enumerate(LAYERS) for place, name in enumerate(layer)}
TOOLS_MAY = {"numpy", "deflate", "pymdp", "jax", "equinox"}


def modules(folder: str) -> list[Path]:
    """Every Python file below a folder of the repository."""
    return sorted(path for path in (ROOT / folder).rglob("*.py"))


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """(dotted name, relative level) of everything a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            names = [node.module] if node.module else [alias.name for alias in node.names]
            yield from ((name, node.level) for name in names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, 0) for alias in node.names)


def area(path: Path) -> str:
    """The module or folder of buildgraph that a file belongs to."""
    first = path.relative_to(ROOT / "buildgraph").parts[0]
    return first.removesuffix(".py")


def inner(path: Path) -> Iterator[tuple[str, str]]:
    """(area, module) of each import from buildgraph itself, siblings of one folder left out."""
    depth = len(path.relative_to(ROOT / "buildgraph").parts)
    for name, level in imports(path):
        if level == depth or (level == 0 and name.startswith("buildgraph.")):
            yield name.removeprefix("buildgraph.").split(".")[0], name


@pytest.mark.parametrize("path", modules("buildgraph"), ids=str)
def test_imports_point_down(path: Path) -> None:
    mine = area(path)
    if mine == "__init__":
        return
    assert mine in RANK, f"say in tests/house/test_layers.py to which layer {mine} belongs"
    for other, name in inner(path):
        if other == "__init__" or other == mine or other not in RANK:
            continue
        assert RANK[other] < RANK[mine], f"{path.name} imports {name} from above"
        assert not {mine, other} <= SIBLINGS or name.startswith("store.protocol"), f"{mine} imports its sibling {other}"


@pytest.mark.parametrize("path", modules("buildgraph"), ids=str)
def test_each_foreign_package_has_one_door(path: Path) -> None:
    for name, level in imports(path):
        top = name.split(".")[0]
        if level or top in sys.stdlib_module_names or top == "buildgraph":
            continue
        assert DOORS.get(top, {"requests": "execute"}.get(top)) == area(path), f"{path} imports {top}"


@pytest.mark.parametrize("path", [p for p in modules("rules") if p.parent.name != "tools"], ids=str)
def test_rules_import_only_the_face(path: Path) -> None:
    for name, level in imports(path):
        assert level == 1 or name == "buildgraph" or name.split(".")[0] in sys.stdlib_module_names, f"{path} imports {name}"


@pytest.mark.parametrize("path", modules("rules/tools"), ids=str)
def test_tools_know_nothing_of_the_engine(path: Path) -> None:
    siblings = {other.stem for other in modules("rules/tools")}
    for name, level in imports(path):
        top = name.split(".")[0]
        assert level == 0 and (top in sys.stdlib_module_names or top in siblings or top in TOOLS_MAY), f"{path} imports {name}"
