"""Light modules import light modules and a short list of standard ones; plain modules need no
replacements.

A build without changes, and one in which little changed, import light modules only. The docstring
of `buildgraph.lite` has the prices of the standard modules that are missing in the list.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.test_layers import LAYERS, ROOT, modules

ENGINE = ROOT / "buildgraph"

LIGHT = {
    "lite",
    "files",
    "types",
    "keys",
    "ui",
    "store",
    "sandbox",
    "host",
    "fastpath",
    "execution",
    "outputs",
    "state",
    "build",
    "workspace.root",
    "workspace.text_encoding",
    "cli.__init__",
    "cli.dispatch",
    "cli.errors",
    "cli.invocation",
    "cli.signals",
    "cli.verbs.build",
    "cli.verbs.__init__",
}
"""Packages and modules that are light. All others are plain."""
PLAIN = {
    "build.cache_export",
    "build.cache_import",
    "build.container_trial",
    "build.described_targets",
    "build.from_source",
    "build.partial_analysis",
    "build.unchecked_gates",
    "files.user_file",
    "host.requirements",
    "sandbox.bubblewrap",
    "sandbox.forkserver",
    "sandbox.process",
    "sandbox.sandbox",
    "sandbox.supervised",
    "store.archive",
    "store.auto_gc",
    "store.fsck",
    "store.gc",
    "store.index",
    "store.memory",
    "store.stats",
    "types.provider",
    "types.quantities",
    "ui.chrome_trace",
    "ui.console",
    "ui.diagnostics",
    "ui.gate_table",
    "ui.markdown",
    "ui.pager",
}
"""Plain modules in light packages. Light modules import them in functions only."""
STANDARD = {
    "array",
    "errno",
    "fcntl",
    "gc",
    "heapq",
    "io",
    "itertools",
    "os",
    "resource",
    "select",
    "stat",
    "struct",
    "sys",
    "time",
    "zlib",
}
"""Standard modules that are part of the interpreter's start, or take less than 1 ms."""
PRIVATE = {"_ctypes", "_json", "_queue", "_sha2", "_sha256", "_signal", "_socket", "_thread"}
"""Private modules of CPython, each of which has a public one as a fall-back."""
IMPORTS_PRIVATE = {"lite", "cli.__init__"}
"""Where they are imported. A build without changes imports nothing else of the engine."""
NOT_REPLACED = {
    "TYPE_CHECKING",
    "Cancelled",
    "add_zeros",
    "cancellable",
    "check_cancelled",
    "data_ranges",
    "hash_open_file",
    "run_on_two_threads",
}
"""Names of `lite` for which the standard library has no equal; plain modules may use them, too."""
FORKED = {"sandbox.forkserver", "sandbox.process"}
"""Plain modules that share records or sockets with processes that are forked from light ones."""


def name_of(path: Path) -> str:
    """The dotted name of a module without `buildgraph`; that of a package ends with `__init__`."""
    return ".".join(path.relative_to(ENGINE).with_suffix("").parts)


def belongs(module: str, table: set[str]) -> bool:
    """True if a table has the module or a package that contains it."""
    parts = module.split(".")
    return any(".".join(parts[:end]) in table for end in range(1, len(parts) + 1))


def is_light(module: str) -> bool:
    """True if a module is light by the two tables."""
    return belongs(module, LIGHT) and not belongs(module, PLAIN)


def is_type_checking(test: ast.expr) -> bool:
    """True for the condition of a block that only type checkers read."""
    return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"


def run_at_import(body: list[ast.stmt]) -> Iterator[ast.Import | ast.ImportFrom]:
    """The imports that run when a module is imported; handlers of exceptions are fall-backs and
    omitted.
    """
    for node in body:
        match node:
            case ast.Import() | ast.ImportFrom():
                yield node
            case ast.If(test, then, otherwise):
                yield from run_at_import(
                    otherwise if is_type_checking(test) else [*then, *otherwise]
                )
            case ast.Try():
                yield from run_at_import([*node.body, *node.orelse, *node.finalbody])
            case ast.With() | ast.ClassDef():
                yield from run_at_import(node.body)


def targets_of(path: Path, node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """(module, name) for each name of an import; a module of the engine begins with a dot."""
    if isinstance(node, ast.Import):
        yield from ((alias.name, "") for alias in node.names)
        return
    if not node.level:
        yield from ((node.module or "", alias.name) for alias in node.names)
        return
    package = path.relative_to(ENGINE).parts[:-1]
    base = [*package[: len(package) - node.level + 1], *filter(None, [node.module])]
    base = ".".join(base).split(".") if base else []
    for alias in node.names:
        inner = ENGINE.joinpath(*base, alias.name)
        is_module = inner.with_suffix(".py").is_file() or inner.is_dir()
        yield "." + ".".join([*base, alias.name] if is_module else base), alias.name


@pytest.mark.parametrize("path", modules("buildgraph"), ids=str)
def test_light_modules_import_light_ones_and_a_short_list(path: Path) -> None:
    if not is_light(name_of(path)):
        return
    for node in run_at_import(ast.parse(path.read_text()).body):
        for module, name in targets_of(path, node):
            if module == "__future__":
                continue
            if module.startswith("."):
                assert is_light(module[1:]) or (module == "." and name == "__version__"), (
                    f"{module[1:]} is plain: import it in the function that needs it"
                )
            elif module in PRIVATE:
                assert belongs(name_of(path), IMPORTS_PRIVATE), f"import {module} in lite"
            else:
                assert module in STANDARD, f"{module} takes time: see buildgraph/lite/__init__.py"


@pytest.mark.parametrize("path", modules("buildgraph"), ids=str)
def test_plain_modules_use_the_standard_library(path: Path) -> None:
    module = name_of(path)
    if is_light(module) or belongs(module, FORKED):
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for target, name in targets_of(path, node):
                assert not target.startswith(".lite") or name in NOT_REPLACED, (
                    f"use the standard library instead of {target[1:]}.{name}"
                )
                assert target not in PRIVATE, f"{target} is private to CPython"


@pytest.mark.parametrize("path", modules("buildgraph"), ids=str)
def test_private_modules_have_a_fall_back(path: Path) -> None:
    tree = ast.parse(path.read_text())
    guarded = set[int]()
    for block in ast.walk(tree):
        if isinstance(block, ast.Try) and block.handlers:
            bodies = [block.body, *(handler.body for handler in block.handlers)]
            guarded |= {id(node) for body in bodies for node in body}
        elif isinstance(block, ast.If) and is_type_checking(block.test):
            guarded |= {id(node) for node in block.body}
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)) and id(node) not in guarded:
            assert not {module for module, _ in targets_of(path, node)} & PRIVATE


def test_the_tables_name_modules_that_exist() -> None:
    names = {name_of(path) for path in modules("buildgraph")}
    known = names | {".".join(name.split(".")[:end]) for name in names for end in (1, 2)}
    for table in (LIGHT, PLAIN, FORKED):
        assert table <= known, f"remove {sorted(table - known)}"
    assert PLAIN <= {name for name in known if belongs(name, LIGHT)}
    assert FORKED <= PLAIN and {name.partition(".")[0] for name in LIGHT} <= set(LAYERS)


def test_imports_that_run_later_are_omitted() -> None:
    source = """
if TYPE_CHECKING:
    import a
else:
    import b
try:
    import c
except ImportError:
    import d
class C:
    import e
def f():
    import g
"""
    nodes = run_at_import(ast.parse(source).body)
    assert [alias.name for node in nodes for alias in node.names] == ["b", "c", "e"]
