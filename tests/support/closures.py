"""Compute the direct dependencies of each file of `rules/tools` from its code.

    python -m tests.support.closures --write

A file uses the modules that it imports, the files of `agentc/native` that it names in a string,
and the distributions that it imports, or whose program it runs.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

TOOLS = Path(__file__).parents[2] / "rules/tools"
TABLE = TOOLS / "closures.py"
DISTRIBUTIONS = {
    "numpy": "numpy",
    "deflate": "deflate",
    "networkx": "networkx",
    "packaging": "packaging",
    "pymdp": "inferactively-pymdp",
    "jax": "inferactively-pymdp",
    "equinox": "inferactively-pymdp",
}
"""Distribution of each third-party module that tools import."""
RUN = {"ziglang": "ziglang"}
"""Distributions that a tool runs as programs, found by this name on the search path."""
MARK = "USES: dict[str, str] = {\n"  # the table begins after this line and ends the file


def files() -> list[Path]:
    """The modules of the tools, programs first; the file of the table itself is none of them."""
    modules = [path for path in TOOLS.rglob("*.py") if path.name not in ("__init__.py", TABLE.name)]
    return sorted(modules, key=lambda path: (path.parent != TOOLS, path))


def imported(path: Path) -> Iterator[str]:
    """Dotted names of imported modules; `from package import module` is `package.module`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            modules = [name for name in inner if _file(name).is_file()]
            yield from modules
            if len(modules) < len(inner):
                yield node.module


def _file(dotted: str) -> Path:
    return TOOLS / f"{dotted.replace('.', '/')}.py"


def uses(path: Path) -> list[str]:
    """Names of the direct dependencies of a file, sorted, as they are in the table."""
    names = set[str]()
    for dotted in imported(path):
        top = dotted.partition(".")[0]
        if _file(dotted).is_file():
            names.add(dotted.replace(".", "/"))
        elif top in DISTRIBUTIONS:
            names.add(f"pypi:{DISTRIBUTIONS[top]}")
        elif top not in sys.stdlib_module_names and not (TOOLS / dotted.replace(".", "/")).is_dir():
            raise ValueError(
                f"{path} imports {dotted}, which is neither a tool's nor in DISTRIBUTIONS"
            )
    native = {file.name for file in (TOOLS / "agentc/native").iterdir()}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            names |= {f"agentc/native/{node.value}"} if node.value in native else set()
            names |= {f"pypi:{RUN[node.value]}"} if node.value in RUN else set()
    return sorted(names)


def table() -> str:
    """The lines of the table, its last brace included."""
    rows = {path.relative_to(TOOLS).with_suffix("").as_posix(): uses(path) for path in files()}
    return "".join(f'    "{name}": "{" ".join(names)}",\n' for name, names in rows.items()) + "}\n"


def main(argv: list[str]) -> int:
    """Say whether the table is current, or write it with --write; 1 when it is neither."""
    before, mark, written = TABLE.read_text(encoding="utf-8").partition(MARK)
    text = table()
    if "--write" in argv:
        TABLE.write_text(f"{before}{mark}{text}", encoding="utf-8")
    current = written == text or "--write" in argv
    print(f"{TABLE} is {'current' if current else 'out of date: run this with --write'}")
    return 0 if current else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
