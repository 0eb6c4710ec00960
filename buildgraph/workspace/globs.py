"""Globs: `*`, `?` and `[...]` match within a name, and `**` matches any number of folders."""

from __future__ import annotations

import re
from functools import lru_cache

from ..types.errors import BuildError, Location

ANY_FOLDERS = "**"
"""The part of a glob that matches any number of folders."""
_WILDCARD = re.compile(r"[*?\[]")


def is_glob(text: str) -> bool:
    """True if a text has wildcards; otherwise it is the path of one file."""
    return _WILDCARD.search(text) is not None


def split_pattern(pattern: str, at: Location | None) -> tuple[str, ...]:
    """The parts of a glob between its slashes; the last one matches the names of files.

    BuildError at `at` for a glob that leaves the folder, has an empty part, or has `**` within a
    part.
    """
    parts = pattern.split("/")
    if "\\" in pattern or any(part in (".", "..") for part in parts) or pattern.startswith("/"):
        raise BuildError(
            f"{pattern!r} is not a glob inside this folder",
            at,
            'write it relative to the folder, without . and .., such as "src/**/*.py"',
            "path",
        )
    if "" in parts:
        raise BuildError(
            f"{pattern!r} has an empty part between or after its slashes",
            at,
            _without_empty_parts(pattern, parts),
            "path",
        )
    for part in parts:
        without_brackets = re.sub(r"\[!?\]?[^\]]*\]", "x", part)  # a star in brackets is a letter
        if part != ANY_FOLDERS and ANY_FOLDERS in without_brackets:
            correct = "/".join(
                [*parts[: parts.index(part)], ANY_FOLDERS, re.sub(r"\*+", "*", part)]
            )
            raise BuildError(
                f"{part!r}: ** matches folders and must be a part of its own",
                at,
                f'write "{correct}" to search all folders below, or a single *',
                "path",
            )
    distinct = [
        part
        for part, previous in zip(parts, [None, *parts])
        if part != ANY_FOLDERS or previous != ANY_FOLDERS
    ]
    return (*distinct, "*") if distinct[-1] == ANY_FOLDERS else tuple(distinct)


def _without_empty_parts(pattern: str, parts: list[str]) -> str:
    """The help for a glob with empty parts."""
    correct = "/".join(filter(None, parts))
    if not pattern.endswith("/"):
        return f'write "{correct}"'
    correct = f"{correct.removesuffix(ANY_FOLDERS).rstrip('/')}/{ANY_FOLDERS}".lstrip("/")
    return f'write "{correct}" for all files below it'


@lru_cache(maxsize=1024)
def compile_glob(glob: str) -> re.Pattern[str]:
    """The regular expression of one part of a glob.

    It takes time linear in the name: atomic groups find the text after each star once, without
    backtracking.
    """
    first, *rest = [
        [_token_regex(token) for token in re.findall(r"\?|\[!?\]?[^\]]*\]|.", piece, re.DOTALL)]
        for piece in _between_stars(glob)
    ]
    middle = "".join(f"(?>[^/]*?{''.join(tokens)})" for tokens in rest[:-1])
    last = f"[^/]*{''.join(rest[-1])}" if rest else ""
    try:
        return re.compile("".join(first) + middle + last, re.DOTALL)
    except re.error as error:
        raise BuildError(
            f"{glob!r} is not a glob: {error.msg}", fix="write it like [a-z]*.txt", reason="path"
        ) from None


def _between_stars(glob: str) -> list[str]:
    """The pieces of a glob between its stars. A star in brackets is a letter."""
    pieces = [""]
    for token in re.findall(r"\*+|\[!?\]?[^\]]*\]|.", glob, re.DOTALL):
        if token[0] == "*":
            pieces.append("")
        else:
            pieces[-1] += token
    return pieces


def _token_regex(token: str) -> str:
    if token == "?":
        return "[^/]"
    if token[0] == "[" and len(token) > 2:
        inner = re.sub(r"([\\\[&~|])", r"\\\1", token[1:-1]).replace("--", r"-\-")
        if inner.startswith("!"):
            return f"[^{inner[1:]}]"
        return f"[{'' if inner[0] != '^' else chr(92)}{inner}]"
    return re.escape(token)
