"""The packages of the project, their imports and their floors, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.light import light_packages

ROOT = Path(__file__).parents[2]
ENGINE = ROOT / "buildgraph"
_ENTRY = ("__init__", "__main__")  # the face of the package and its start, which are on no floor


@dataclass(frozen=True)
class Package:
    """A package of the engine: first sentence of its docstring, imports, and floor from 0."""

    name: str
    sentence: str
    modules: int
    imports: tuple[str, ...]
    floor: int
    is_light: bool


def packages(engine: Path = ENGINE, light: Iterable[str] | None = None) -> list[Package]:
    """The packages of the engine, floor by floor from below; ValueError when imports form a circle.

    The floor of a package is one above the highest floor of those that it imports. `light` are the
    names of the light packages (default: measured).
    """
    names = light_packages() if light is None else light
    files: dict[str, list[Path]] = {}
    for path in sorted(engine.rglob("*.py")):
        name = path.relative_to(engine).parts[0].removesuffix(".py")
        if name not in _ENTRY:
            files.setdefault(name, []).append(path)
    imports = {
        name: {other for path in paths for other in _imported(engine, path) if other in files}
        - {name}
        for name, paths in files.items()
    }
    floors = floors_of(imports)
    house = [
        Package(
            name,
            _sentence(engine, name),
            len(paths),
            tuple(sorted(imports[name])),
            floors[name],
            name in names,
        )
        for name, paths in files.items()
    ]
    return sorted(house, key=lambda package: (package.floor, package.name))


def floors_of(imports: Mapping[str, Iterable[str]]) -> dict[str, int]:
    """The floor of each name, from 0; ValueError when the names of some lead back to themselves."""
    floors: dict[str, int] = {}
    waiting = dict(imports)
    while waiting:
        ready = {
            name: below
            for name, below in waiting.items()
            if all(other in floors for other in below)
        }
        if not ready:
            raise ValueError(f"imports form a circle among {', '.join(sorted(waiting))}")
        floors |= {
            name: max((floors[other] + 1 for other in below), default=0)
            for name, below in ready.items()
        }
        for name in ready:
            del waiting[name]
    return floors


def reduce_imports(imports: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """The imports that no chain of other imports implies."""
    floors = floors_of(imports)
    beneath: dict[str, set[str]] = {}
    for name in sorted(imports, key=lambda name: floors[name]):
        beneath[name] = {deep for other in imports[name] for deep in (other, *beneath[other])}
    return {
        name: tuple(
            sorted(other for other in below if not any(other in beneath[via] for via in below))
        )
        for name, below in ((name, set(below)) for name, below in imports.items())
    }


def _imported(engine: Path, path: Path) -> Iterator[str]:
    """The first part below the engine of each module that a file imports from it."""
    depth = len(path.relative_to(engine).parts)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            above = path.relative_to(engine).parts[: depth - node.level] if node.level else ()
            dotted = (node.module or "").split(".") if node.module else []
            if node.level:
                whole = [*above, *dotted]
                yield from whole[:1] or (alias.name for alias in node.names)
            elif dotted[:1] == ["buildgraph"]:
                yield from dotted[1:2] or (alias.name for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (
                alias.name.split(".")[1]
                for alias in node.names
                if alias.name.startswith("buildgraph.")
            )


def _sentence(engine: Path, name: str) -> str:
    """The first sentence of the docstring of a package or module."""
    path = engine / name / "__init__.py" if (engine / name).is_dir() else engine / f"{name}.py"
    text = (
        " ".join((ast.get_docstring(ast.parse(path.read_text())) or "").split())
        if path.exists()
        else ""
    )
    return text.partition(". ")[0].rstrip(".")
