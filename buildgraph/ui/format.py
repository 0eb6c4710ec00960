"""Format numbers, times and logs as plain text, equal on every machine."""

from __future__ import annotations

from ..types.events import Failed

TAIL = 30
"""Lines of a log that are shown."""
_MAX_LINE = 400
_MAX_COMMAND = 1 << 17  # characters; large, because a command that is cut cannot be run
_ESCAPES = r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]"
_CONTROLS = r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]"
_COLOURS = {"red": 31, "green": 32, "yellow": 33, "faint": 2, "bold": 1}


def format_size(count: int) -> str:
    """A size from bytes, in binary units: `412 B`, `41.2 KiB`, `8.0 MiB`."""
    if count < 1024:
        return f"{count} B"
    amount, unit = count / 1024, "KiB"
    for larger in ("MiB", "GiB", "TiB"):
        if amount < 1023.95:
            break
        amount, unit = amount / 1024, larger
    return f"{amount:.1f} {unit}"


def format_seconds(milliseconds: int) -> str:
    """A duration from milliseconds, with two or three digits: `0.04s`, `4.2s`, `1m12s`, `1h02m`."""
    if milliseconds < 995:
        return f"{milliseconds / 1000:.2f}s"
    if milliseconds < 59950:
        return f"{milliseconds / 1000:.1f}s"
    minutes, rest = divmod(round(milliseconds / 1000), 60)
    return f"{minutes}m{rest:02}s" if minutes < 60 else f"{minutes // 60}h{minutes % 60:02}m"


def plural(count: int, noun: str) -> str:
    """A count with its noun: `1 target`, `3 targets`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def strip_controls(line: str, most: int = _MAX_LINE) -> str:
    """A line of text without control sequences, with tabs as spaces, cut after `most` characters.

    Logs come from any command. They must not move the cursor, hide lines or set the title of the
    window.
    """
    if not line.isprintable():
        import re

        line = re.sub(
            _CONTROLS, "", re.sub(_ESCAPES, "", line.rstrip("\r").rpartition("\r")[2])
        ).expandtabs(4)
    return line if len(line) <= most else f"{line[:most]} ..."


def last_lines(log: str, most: int = TAIL) -> list[str]:
    """The last lines of a log without control sequences.

    If there are more lines, the first one gives the number of lines that are omitted.
    """
    lines = [strip_controls(line) for line in log.split("\n")]
    while lines and not lines[-1].strip():
        lines.pop()
    omitted = len(lines) - most
    if omitted <= 0:
        return lines
    return [f"... {plural(omitted, 'line')} before these", *lines[omitted:]]


def format_failure(event: Failed) -> list[str]:
    """Lines on a failed action: its title, the reason, the end of its log, and how to run it again.

    For an action that refused the user's input, only its log.
    """
    log = [f"   | {line}".rstrip() for line in last_lines(event.log)]
    if event.refused:
        return [f"{event.label}: {strip_controls(event.title)} printed:", *log] if log else []
    hint = []
    if event.reproducer:
        hint = [f"   = run it again by hand: {strip_controls(event.reproducer, _MAX_COMMAND)}"]
    elif log:
        hint = ["   = --sandbox-debug keeps its folder, and prints a command that runs it again"]
    return [
        f"error: {event.label}: {strip_controls(event.title)}: {strip_controls(event.why)}",
        *log,
        *hint,
    ]


def paint(text: str, colour: str, on: bool) -> str:
    """Text in a colour, bold or faint if `on`, otherwise unchanged."""
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if on else text
