"""Imports of a JavaScript or TypeScript file, found in its text.

The text is searched without a parser: an import in a comment or a string counts as one. That makes
a file depend on more than it does, never on less.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_QUOTED = r"""(["'`])((?:(?!\1)[^\\\n])*)\1"""
_IMPORT = re.compile(
    r"(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire(?:\.\w+)?\s*\(\s*|\bmock\s*\(\s*|"
    r"\bunmock\s*\(\s*|\brequireActual\s*(?:<[^>()]*>)?\s*\(\s*|\bpath\s*=\s*|\btypes\s*=\s*)"
    + _QUOTED
)
_COMPUTED = re.compile(r"""\b(?:import|require(?:\.\w+)?)\s*\(\s*(?!["'`\s])|\(\s*`[^`\n]*\$\{""")
_READS_FILES = re.compile(r"""["'](?:node:)?(?:fs|fs/promises|child_process|worker_threads)["']""")
_MODULE = re.compile(
    r"^\s*(?:import|export)\b|\brequire\s*\(|\bmodule\.exports\b|\bexports\.", re.MULTILINE
)
SUFFIXES = (".ts", ".tsx", ".d.ts", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".json")
_WRITTEN = {
    ".js": (".ts", ".tsx", ".d.ts"),
    ".jsx": (".tsx",),
    ".mjs": (".mts",),
    ".cjs": (".cts",),
}


@dataclass(frozen=True)
class ScriptFacts:
    """Facts of a file's content: names of imported modules, and how it sees other files.

    `is_dynamic` is True for a file that imports by a computed name or reads files itself, and
    `is_global` for one whose declarations every file sees, because it is no module or augments one.
    """

    imports: tuple[str, ...]
    is_dynamic: bool
    is_global: bool


def script_facts(data: bytes, path: str) -> ScriptFacts:
    """The facts of a file."""
    text = data.decode("utf-8", "replace")
    names = tuple(sorted({match[2] for match in _IMPORT.finditer(text)}))
    is_dynamic = bool(_COMPUTED.search(text) or _READS_FILES.search(text))
    is_global = path.endswith((".ts", ".tsx", ".mts", ".cts")) and (
        not _MODULE.search(text) or bool(re.search(r"\bdeclare\s+(?:global|module)\b", text))
    )
    return ScriptFacts(names, is_dynamic, is_global)


def import_targets(path: str, name: str, files: Iterable[str]) -> list[str]:
    """The files that an import may read: every file that fits, whatever the settings say.

    Settings may map a bare name such as `app/x`: all files whose path ends in it, or in what
    follows its first slash, are listed.
    """
    known = files if isinstance(files, (set, frozenset, dict)) else set(files)
    if name.startswith("."):
        stem = _join(path.rpartition("/")[0], name)
        return [] if stem is None else [file for file in _candidates(stem) if file in known]
    if name.startswith(("node:", "/")):
        return []
    tails = {name, name.partition("/")[2]} - {""}
    return [
        file for file in sorted(known) if any(_fits(file, tail) for tail in tails) and file != path
    ]


def _fits(file: str, tail: str) -> bool:
    padded = f"/{file}"
    return any(padded.endswith(f"/{candidate}") for candidate in _candidates(tail))


def _candidates(stem: str) -> list[str]:
    """The paths that a module name without its suffix, or with another one, stands for."""
    paths = [stem, *(f"{stem}{suffix}" for suffix in SUFFIXES)]
    paths += [f"{stem}/index{suffix}".lstrip("/") for suffix in SUFFIXES]
    for written, real in _WRITTEN.items():
        if stem.endswith(written):
            paths += [stem.removesuffix(written) + suffix for suffix in real]
    return paths


def _join(folder: str, name: str) -> str | None:
    """A relative name from a folder; None if it leaves the top."""
    parts = folder.split("/") if folder else []
    for part in name.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)
