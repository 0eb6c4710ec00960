"""Imports and interface of a Python file, from its syntax tree.

The interface is the text that other modules can see through a type checker: everything but the
bodies of functions. A function of a class keeps its body when it assigns an attribute of its first
parameter, because that declares an attribute of the class; so does a function with a `global`
statement. Of other bodies it is kept whether they are trivial (the method is then implicitly
abstract in a protocol) and whether they `yield` (a coroutine is then an asynchronous generator).
Function results are never inferred from bodies, and names of modules and classes not either with
mypy's `local_partial_types`.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

Function = ast.FunctionDef | ast.AsyncFunctionDef
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


@dataclass(frozen=True)
class PythonFacts:
    """Facts of a file's content: imports (relative ones begin with dots) and its interface.

    `stub` is the text without bodies; it has as many lines as the file, so that positions stay.
    `interface` is the SHA-256 of the stub without the lines that only keep positions. `is_dynamic`
    is True for a file that imports modules by computed names.
    """

    imports: tuple[str, ...]
    interface: str
    is_dynamic: bool
    stub: str


def python_facts(data: bytes) -> PythonFacts:
    """The facts of a file; one that cannot be parsed imports nothing and is its own interface."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError, RecursionError):
        return PythonFacts((), hashlib.sha256(data).hexdigest(), False, text)
    nodes = list(ast.walk(tree))
    lines = _without_bodies(tree, text)
    rest = "\n".join(line for line in lines if line is not None)
    return PythonFacts(
        tuple(sorted(set(_imports(nodes)))),
        hashlib.sha256(rest.encode("utf-8", "surrogateescape")).hexdigest(),
        any(map(_is_dynamic_import, nodes)),
        "\n".join(line or "" for line in lines),
    )


def _is_dynamic_import(node: ast.AST) -> bool:
    names = ("import_module", "__import__", "run_module", "run_path", "spec_from_file_location")
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
            return name in names
    return False


def _imports(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield base
            joint = "" if base.endswith(".") or not base else "."
            yield from (f"{base}{joint}{alias.name}" for alias in node.names if alias.name != "*")
        elif isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "pytest_plugins"
            for target in node.targets
        ):
            yield from (
                word.value
                for word in ast.walk(node.value)
                if isinstance(word, ast.Constant) and isinstance(word.value, str)
            )


def import_targets(path: str, name: str, files: Iterable[str], roots: Iterable[str]) -> list[str]:
    """The files that importing a name in the file `path` may read: modules and their packages.

    All of `files` that fit in any of the roots are listed, so that every order of search is right.
    """
    known = files if isinstance(files, (set, frozenset, dict)) else set(files)
    dots = len(name) - len(name.lstrip("."))
    parts = [part for part in name.lstrip(".").split(".") if part]
    if dots:
        folder = path.split("/")[:-1]
        if dots - 1 > len(folder):
            return []
        bases = ["/".join(folder[: len(folder) - (dots - 1)])]
    else:
        bases = list(roots)
    targets = []
    for base in bases:
        for end in range(1 if not dots else 0, len(parts) + 1):
            stem = "/".join(filter(None, (base, *parts[:end])))
            candidates = [f"{stem}{suffix}" for suffix in (".py", ".pyi")] if end else []
            inner = f"{stem}/__init__" if stem else "__init__"
            candidates += [f"{inner}{suffix}" for suffix in (".py", ".pyi")]
            targets += [file for file in candidates if file in known and file != path]
    return targets


def _without_bodies(tree: ast.Module, text: str) -> list[str | None]:
    """The lines of a file; None for each line of a body that is left out."""
    lines: list[str | None] = [*text.split("\n")]
    # Functions are searched only for what the text has: most files have neither.
    has_global, may_yield = "global" in text or "nonlocal" in text, "yield" in text
    for function, in_class in _outer_functions(tree.body, in_class=False):
        if not ((in_class or has_global) and _declares(function, in_class)):
            _replace_body(lines, function, may_yield)
    return lines


def _outer_functions(body: list[ast.stmt], in_class: bool) -> Iterator[tuple[Function, bool]]:
    """Functions that are not within functions, and whether they are methods."""
    for node in body:
        if isinstance(node, Function):
            yield node, in_class
        elif isinstance(node, ast.ClassDef):
            yield from _outer_functions(node.body, in_class=True)
        else:
            for name in ("body", "orelse", "finalbody"):
                yield from _outer_functions(getattr(node, name, []), in_class)
            for inner in (*getattr(node, "handlers", []), *getattr(node, "cases", [])):
                yield from _outer_functions(inner.body, in_class)


def _declares(function: Function, in_class: bool) -> bool:
    """True if the body of a function declares names of its class or module."""
    every = [*function.args.posonlyargs, *function.args.args]
    first = every[0].arg if in_class and every else None
    for node in ast.walk(function):
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            return True
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store)
            and isinstance(node.value, ast.Name)
            and node.value.id == first
        ):
            return True
    return False


def _replace_body(lines: list[str | None], function: Function, may_yield: bool) -> None:
    """Replace the body of a function, unless it begins on the line of another statement."""
    body = function.body
    first, last = body[0], body[-1].end_lineno or body[-1].lineno
    start = first.lineno
    if isinstance(first, (*_SCOPES[:3],)) and first.decorator_list:
        start = min(start, *(decorator.lineno for decorator in first.decorator_list))
    header = (lines[start - 1] or "").encode("utf-8", "surrogateescape")[: first.col_offset]
    if header.strip() or start <= function.lineno or _shares_last_line(lines, body[-1]):
        return
    indent = header.decode("utf-8", "surrogateescape")
    if _is_trivial(body):
        statement = "..."
    elif may_yield and any(map(_is_yield, _own_nodes(body))):
        statement = "yield"
    else:
        statement = "assert True"
    lines[start - 1 : last] = [f"{indent}{statement}", *[None] * (last - start)]


def _is_yield(node: ast.AST) -> bool:
    return isinstance(node, (ast.Yield, ast.YieldFrom))


def _shares_last_line(lines: list[str | None], last: ast.stmt) -> bool:
    """True if another statement or a comment follows on the last line of a body."""
    end = (last.end_lineno or last.lineno) - 1
    rest = (lines[end] or "").encode("utf-8", "surrogateescape")[last.end_col_offset or 0 :]
    return rest.strip().startswith(b";") and bool(rest.strip(b"; \t\r"))


def _own_nodes(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """The nodes of a body that are not in the scope of an inner function, class or lambda."""
    waiting: list[Any] = list(body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, _SCOPES):
            waiting += ast.iter_child_nodes(node)


def _is_trivial(body: list[ast.stmt]) -> bool:
    """True for a body that mypy calls trivial, such as a docstring, `pass` or `...`."""
    match body:
        case [ast.Expr(value=ast.Constant(value=str())), *rest]:
            return all(_is_trivial_statement(node) for node in rest)
    return all(_is_trivial_statement(node) for node in body)


def _is_trivial_statement(node: ast.stmt) -> bool:
    match node:
        case ast.Pass() | ast.Raise(exc=ast.Name(id="NotImplementedError")):
            return True
        case ast.Raise(exc=ast.Call(func=ast.Name(id="NotImplementedError"))):
            return True
        case ast.Expr(value=ast.Constant(value=value)):
            return value is ...
    return False
