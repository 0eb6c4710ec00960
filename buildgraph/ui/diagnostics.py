"""A user's fault as text: what is wrong, the line with a caret under the place, and what to do."""

from __future__ import annotations

from collections.abc import Callable

from ..types.errors import BuildError, BuildErrors, Location

WIDTH = 110


def format_error(fault: BuildError, read_line: Callable[[str, int], str | None]) -> str:
    """One fault or several, in the order of their places; `read_line(path, number)` gives a line of the workspace."""
    faults = fault.errors if isinstance(fault, BuildErrors) else (fault,)
    texts: list[str] = []
    for one in faults:
        text = _one(one, read_line)
        if text not in texts:
            texts.append(text)
    return "\n".join(texts)


def _one(fault: BuildError, read_line: Callable[[str, int], str | None]) -> str:
    lines = [f"error: {_clean(fault.what)}"]
    if fault.at is not None and fault.at.path:
        lines.append(f"  --> {_clean(str(fault.at))}")
        source = read_line(fault.at.path, fault.at.line) if fault.at.line else None
        if source is not None:
            lines += _excerpt(source.rstrip("\r\n"), fault.at)
    if fault.fix:
        lines.append(f"help: {_clean(fault.fix)}")
    return "\n".join(lines) + "\n"


def _excerpt(source: str, at: Location) -> list[str]:
    """The line, cut around the caret when it is long, and the caret line when the column is known."""
    margin = " " * len(str(at.line))
    start = max(0, at.column - 1)
    cut = max(0, start - WIDTH // 2) if len(source) > WIDTH else 0
    shown = source[cut : cut + WIDTH]
    lines = [
        f"{at.line} | {'...' if cut else ''}{_clean(shown)}{'...' if cut + WIDTH < len(source) else ''}"
    ]
    if at.column:
        before = ("..." if cut else "") + shown[: start - cut]
        caret = "^" * max(1, min(_columns(shown[start - cut : start - cut + at.length]), WIDTH))
        lines.append(f"{margin} | {_blank(before)}{caret}")
    return lines


def _clean(text: str) -> str:
    """Text that cannot move the cursor or colour the terminal: control characters become `?`, line breaks blanks."""
    return "".join(c if c == "\t" or c.isprintable() else " " if c == "\n" else "?" for c in text)


def _blank(text: str) -> str:
    """As wide as `text`; tabs stay tabs, so that the caret stands right wherever the terminal puts them."""
    return "".join("\t" if c == "\t" else " " * _columns(c) for c in text)


def _columns(text: str) -> int:
    import unicodedata  # for an excerpt only: that memory is short must be told without

    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )
