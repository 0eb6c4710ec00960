"""Imports point down, and each foreign package comes in by one door."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import networkx as nx
import pytest

ROOT = Path(__file__).parents[2]
LAYERS = (
    "lite",
    "types",
    "files",
    "keys",
    "ui",
    "workspace",
    "signing",
    "analysis",
    "store",
    "sandbox",
    "docker",
    "registry",
    "host",
    "fastpath",
    "execution",
    "outputs",
    "state",
    "build",
    "explain",
    "checks",
    "release",
    "report",
    "ci",
    "cli",
)
"""The packages of buildgraph from below to above: each imports only from earlier ones."""
FACE = {"__init__", "__main__"}  # the two modules above all packages
DOORS = {
    "networkx": "analysis.target_graph",
    "pydantic": "analysis.rule_schema",
    "pydantic_core": "analysis.rule_schema",
    "docker": "docker.client",
    "requests": "docker.client",
    "urllib3": "registry.transport",
    "diskcache": "store.index",
    "xxhash": "host.source_files",
    "rich": "ui.console",
    "packaging": "host.requirements",
    "cryptography": "signing.keys",
    "cyclonedx": "release.sbom",
    "_sha2": "lite.sha256",
    "_sha256": "lite.sha256",
}
"""The one module that imports each foreign package."""
PACKAGES_OF_TOOLS = {
    "agentc",
    "board",
    "ociimage",
    "modelview",
    "packagelock",
    "quality",
    "readiness",
}
TOOLS_MAY = {"numpy", "deflate", "networkx", "packaging", "pymdp", "jax", "equinox"}


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


def module_of(path: Path) -> str:
    """The dotted name of a module, without `buildgraph`."""
    parts = path.relative_to(ROOT / "buildgraph").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def inner(path: Path) -> Iterator[str]:
    """The packages of buildgraph from which a module imports, its own left out."""
    package = path.relative_to(ROOT / "buildgraph").parts[:-1]
    for name, level in imports(path):
        if level:
            base = package[: len(package) - level + 1]
            target = (*base, *name.split("."))
        elif name.startswith("buildgraph."):
            target = tuple(name.split(".")[1:])
        else:
            continue
        if target[:1] != package[:1]:
            yield target[0]


@pytest.mark.parametrize("path", modules("buildgraph"), ids=str)
def test_imports_point_down(path: Path) -> None:
    mine = path.relative_to(ROOT / "buildgraph").parts[0].removesuffix(".py")
    if mine in FACE:
        return
    assert mine in LAYERS, f"add the package {mine} to LAYERS"
    for other in inner(path):
        assert other not in LAYERS or LAYERS.index(other) < LAYERS.index(mine), (
            f"{mine} imports from {other}, which is above"
        )


def test_packages_hold_modules_and_modules_belong_to_packages() -> None:
    below = ROOT / "buildgraph"
    assert {path.stem for path in below.glob("*.py")} == FACE
    assert {path.parent.name for path in below.glob("*/__init__.py")} == set(LAYERS)


def test_no_two_modules_import_each_other() -> None:
    graph: nx.DiGraph[str] = nx.DiGraph()
    for path in modules("buildgraph"):
        package = path.relative_to(ROOT / "buildgraph").parts[:-1]
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level:
                base = [
                    *package[: len(package) - node.level + 1],
                    *(node.module.split(".") if node.module else []),
                ]
                for alias in node.names:
                    inside = (ROOT / "buildgraph").joinpath(*base, f"{alias.name}.py").exists()
                    graph.add_edge(
                        module_of(path), ".".join([*base, alias.name] if inside else base)
                    )
    assert [circle for circle in nx.strongly_connected_components(graph) if len(circle) > 1] == []


@pytest.mark.parametrize("path", modules("buildgraph"), ids=str)
def test_each_foreign_package_has_one_door(path: Path) -> None:
    for name, level in imports(path):
        top = name.split(".")[0]
        if level or top in sys.stdlib_module_names or top == "buildgraph":
            continue
        assert DOORS.get(top) == module_of(path), f"{path} imports {top}"


@pytest.mark.parametrize("path", [p for p in modules("rules") if "tools" not in p.parts], ids=str)
def test_rules_import_only_the_face(path: Path) -> None:
    depth = len(path.relative_to(ROOT / "rules").parts)
    for name, level in imports(path):
        inside = 1 <= level <= depth
        assert inside or name == "buildgraph" or name.split(".")[0] in sys.stdlib_module_names, (
            f"{path} imports {name}"
        )


@pytest.mark.parametrize("path", modules("rules/tools"), ids=str)
def test_tools_know_nothing_of_the_engine(path: Path) -> None:
    for name, level in imports(path):
        top = name.split(".")[0]
        allowed = top in sys.stdlib_module_names or top in PACKAGES_OF_TOOLS or top in TOOLS_MAY
        assert level == 0 and allowed, f"{path} imports {name}"


@pytest.mark.parametrize("path", modules("rules/tools"), ids=str)
def test_no_program_is_the_library_of_another(path: Path) -> None:
    programs = {other.stem for other in (ROOT / "rules/tools").glob("*.py")}
    assert not {name.split(".")[0] for name, _ in imports(path)} & programs
