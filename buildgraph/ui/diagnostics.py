"""Errors as text: what is wrong, the line with a caret below the location, and what to do."""

from __future__ import annotations

from collections.abc import Callable

from ..types.errors import BuildError, BuildErrors, Location

WIDTH = 110
"""Characters of a line that are shown."""


def format_error(error: BuildError, read_line: Callable[[str, int], str | None]) -> str:
    """The text of one error or several, sorted by location and without duplicates.

    `read_line(path, number)` returns a line of a file of the workspace, or None.
    """
    errors = error.errors if isinstance(error, BuildErrors) else (error,)
    texts: list[str] = []
    for single in errors:
        text = _format_single(single, read_line)
        if text not in texts:
            texts.append(text)
    return "\n".join(texts)


def _format_single(error: BuildError, read_line: Callable[[str, int], str | None]) -> str:
    lines = [f"error: {_clean(error.what)}"]
    if error.at is not None and error.at.path:
        lines.append(f"  --> {_clean(str(error.at))}")
        source = read_line(error.at.path, error.at.line) if error.at.line else None
        if source is not None:
            lines += _excerpt(source.rstrip("\r\n"), error.at)
    if error.fix:
        lines.append(f"help: {_clean(error.fix)}")
    return "\n".join(lines) + "\n"


def _excerpt(source: str, at: Location) -> list[str]:
    """The line, cut around the caret if it is long, and the line of the caret if the column is
    known.
    """
    margin = " " * len(str(at.line))
    start = max(0, at.column - 1)
    cut = max(0, start - WIDTH // 2) if len(source) > WIDTH else 0
    excerpt = source[cut : cut + WIDTH]
    prefix, suffix = "..." if cut else "", "..." if cut + WIDTH < len(source) else ""
    lines = [f"{at.line} | {prefix}{_clean(excerpt)}{suffix}"]
    if at.column:
        underlined = excerpt[start - cut : start - cut + at.length]
        caret = "^" * max(1, min(_columns(underlined), WIDTH))
        lines.append(f"{margin} | {_blank(prefix + excerpt[: start - cut])}{caret}")
    return lines


def _clean(text: str) -> str:
    """The text with control characters as `?` and line breaks as spaces, safe for a terminal."""
    return "".join(c if c == "\t" or c.isprintable() else " " if c == "\n" else "?" for c in text)


def _blank(text: str) -> str:
    """Spaces as wide as the text. Tabs stay, so that the caret is right for any width of tabs."""
    return "".join("\t" if c == "\t" else " " * _columns(c) for c in text)


def _columns(text: str) -> int:
    import unicodedata  # not at module level: errors are also printed when memory is short

    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )
