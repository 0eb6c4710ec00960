"""Globs: `*`, `?` and `[...]` within a name, `**` for any folders; a pattern is cut into the parts between its slashes."""

from __future__ import annotations

import re
from functools import lru_cache

from ..types.errors import BuildError, Location

ANY_FOLDERS = "**"
_MAGIC = re.compile(r"[*?\[]")


def is_glob(text: str) -> bool:
    """Whether a text stands for several names, or is the path of one file."""
    return _MAGIC.search(text) is not None


def split_pattern(pattern: str, at: Location | None) -> tuple[str, ...]:
    """The parts of a glob, the last of them for the names of files; BuildError when it is no glob of a folder's files."""
    parts = pattern.split("/")
    if "\\" in pattern or any(part in (".", "..") for part in parts) or pattern.startswith("/"):
        raise BuildError(
            f"{pattern!r} is no glob of files of this folder",
            at,
            'write it relative to the folder, without . and .., such as "src/**/*.py"',
            "path",
        )
    if "" in parts:
        right = "/".join(filter(None, parts))
        if pattern.endswith("/"):
            right = f"{right.removesuffix(ANY_FOLDERS).rstrip('/')}/{ANY_FOLDERS}".lstrip("/")
        raise BuildError(
            f"{pattern!r} has an empty part between or after its slashes",
            at,
            f'write "{right}" for all files below it'
            if pattern.endswith("/")
            else f'write "{right}"',
            "path",
        )
    for part in parts:
        if part != ANY_FOLDERS and ANY_FOLDERS in re.sub(
            r"\[!?\]?[^\]]*\]", "x", part
        ):  # a star in brackets is a letter
            right = "/".join([*parts[: parts.index(part)], ANY_FOLDERS, re.sub(r"\*+", "*", part)])
            raise BuildError(
                f"{part!r}: ** stands for folders and must be a part of its own",
                at,
                f'write "{right}" to look in all folders below, or a single *',
                "path",
            )
    kept = [
        part
        for part, before in zip(parts, [None, *parts])
        if part != ANY_FOLDERS or before != ANY_FOLDERS
    ]
    return (*kept, "*") if kept[-1] == ANY_FOLDERS else tuple(kept)


@lru_cache(maxsize=1024)
def compile_glob(glob: str) -> re.Pattern[str]:
    """The regular expression of one part of a glob: what stands after a star is sought once, so that it stays fast."""
    first, *rest = [
        [_word(word) for word in re.findall(r"\?|\[!?\]?[^\]]*\]|.", piece, re.DOTALL)]
        for piece in _between_stars(glob)
    ]
    middle = "".join(f"(?>[^/]*?{''.join(words)})" for words in rest[:-1])
    last = f"[^/]*{''.join(rest[-1])}" if rest else ""
    try:
        return re.compile("".join(first) + middle + last, re.DOTALL)
    except re.error as fault:
        raise BuildError(
            f"{glob!r} is no glob: {fault.msg}", fix="such as [a-z]*.txt", reason="path"
        ) from None


def _between_stars(glob: str) -> list[str]:
    """The pieces of a glob between its runs of stars; a star in brackets is a letter."""
    pieces = [""]
    for word in re.findall(r"\*+|\[!?\]?[^\]]*\]|.", glob, re.DOTALL):
        if word[0] == "*":
            pieces.append("")
        else:
            pieces[-1] += word
    return pieces


def _word(word: str) -> str:
    if word == "?":
        return "[^/]"
    if word[0] == "[" and len(word) > 2:
        inner = re.sub(r"([\\\[&~|])", r"\\\1", word[1:-1]).replace("--", r"-\-")
        return (
            f"[^{inner[1:]}]"
            if inner.startswith("!")
            else f"[{'' if inner[0] != '^' else chr(92)}{inner}]"
        )
    return re.escape(word)
