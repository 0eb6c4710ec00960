"""Each module has a test file of its name, or coverage.toml names its tests."""

from __future__ import annotations

import ast
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LISTED: dict[str, dict[str, list[str]]] = tomllib.loads(
    (Path(__file__).with_name("coverage.toml")).read_text()
)
TOOLS = Path("rules/tools")
TIERS = ("unit", "integration")
# Text of a script or command that runs the program or imports the package.
STARTS = ("-m buildgraph", "import buildgraph", "from buildgraph")


def has_code(path: Path) -> bool:
    """True unless a file is an `__init__.py` of a docstring, imports and names only."""
    if path.name != "__init__.py":
        return True
    kinds = (ast.Expr, ast.ImportFrom, ast.Import, ast.If)
    return not all(isinstance(node, kinds) for node in ast.parse(path.read_text()).body)


def modules() -> list[Path]:
    """Files of code below buildgraph/ and rules/, relative to the root of the repository."""
    paths = [path for top in ("buildgraph", "rules") for path in (ROOT / top).rglob("*.py")]
    return sorted(path.relative_to(ROOT) for path in paths if has_code(path))


def own_tests(path: Path) -> list[Path]:
    """The test files with the name of a module; packages of tools have folders of their own."""
    folder = path.parent
    if folder.parts[0] == "buildgraph":
        folder = folder.relative_to("buildgraph")
    elif folder.is_relative_to(TOOLS) and folder != TOOLS:
        folder = folder.relative_to(TOOLS)
    elif folder == TOOLS:
        folder = Path("tools")
    names = [ROOT / "tests" / tier / folder / f"test_{path.stem}.py" for tier in TIERS]
    return [name for name in names if name.is_file()]


def listed(path: Path) -> list[str]:
    """The tests that coverage.toml names for a module."""
    return LISTED.get(".".join(path.parent.parts), {}).get(path.stem, [])


@cache
def names_in(path: Path) -> tuple[frozenset[str], frozenset[str]]:
    """(dotted names that a file imports, its other strings); relative imports are made absolute."""
    package = path.relative_to(ROOT).parts[:-1]
    imported, strings = set(), set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, *([node.module] if node.module else [])))
            imported |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            strings.add(node.value)
    return frozenset(imported), frozenset(strings)


def module_file(dotted: str) -> Path | None:
    """The file of a module of the repository."""
    base = ROOT.joinpath(*dotted.split("."))
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


@cache
def uses(path: Path) -> frozenset[Path]:
    """Files that a file imports, or that it loads or runs by a name in a string."""
    imported, strings = names_in(path)
    files = {module_file(name) for name in imported}
    files |= {module_file(f"rules.tools.{name}") for name in imported}
    if path == ROOT / "buildgraph/cli/dispatch.py":
        files |= set((ROOT / "buildgraph/cli/verbs").glob("*.py"))
    if path == ROOT / "buildgraph/analysis/builtin_rules.py":
        files |= set((ROOT / "rules").glob("*.py"))
    if path.is_relative_to(ROOT / "rules"):
        files |= {module_file(f"rules.tools.{name}") for name in strings if name.isidentifier()}
    for text in strings:
        if text == "buildgraph" or any(start in text for start in STARTS):
            files.add(ROOT / "buildgraph/__main__.py")
        if text.endswith(".py") and (path.parent / text).is_file():
            files.add(path.parent / text)
        if text.replace(".", "").isidentifier() and "." in text:
            files |= {module_file(text), module_file(f"buildgraph.{text}")}
    return frozenset(file for file in files if file is not None)


@cache
def reached(test: Path) -> frozenset[Path]:
    """All files that a test uses, directly or not."""
    seen, waiting = {test}, [test]
    while waiting:
        for file in uses(waiting.pop()) - seen:
            seen.add(file)
            waiting.append(file)
    return frozenset(seen)


@pytest.mark.parametrize("path", modules(), ids=str)
def test_each_module_has_tests(path: Path) -> None:
    section = ".".join(path.parent.parts)
    assert own_tests(path) or listed(path), f'name the tests of {path} below ["{section}"]'


def test_the_list_names_modules_that_exist() -> None:
    existing = {(".".join(path.parent.parts), path.stem) for path in modules()}
    entries = {(section, name) for section, names in LISTED.items() for name in names}
    assert entries - existing == set()


@pytest.mark.parametrize(
    ("module", "test"),
    sorted({(f"{s}.{m}", test) for s, names in LISTED.items() for m in names for test in names[m]}),
)
def test_a_listed_test_reaches_its_module(module: str, test: str) -> None:
    file = module_file(module.removesuffix(".__init__"))
    assert (ROOT / test).is_file() and file in reached(ROOT / test)


def test_a_test_does_not_reach_everything() -> None:
    label = reached(ROOT / "tests/unit/types/test_label.py")
    assert ROOT / "buildgraph/types/label.py" in label
    assert ROOT / "buildgraph/store/disk.py" not in label
