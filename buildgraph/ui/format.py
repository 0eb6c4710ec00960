"""How listeners say numbers and quote logs; plain text, the same on every machine."""

from __future__ import annotations

from ..types.events import Failed

TAIL = 30
_WIDTH = 400
_COMMAND = 1 << 17  # a command that is cut cannot be run
_ESCAPES = r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]"
_CONTROLS = r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]"
_COLOURS = {"red": 31, "green": 32, "yellow": 33, "faint": 2, "bold": 1}


def format_size(count: int) -> str:
    """A number of bytes in binary units: `412 B`, `41.2 KiB`, `8.0 MiB`."""
    if count < 1024:
        return f"{count} B"
    amount, unit = count / 1024, "KiB"
    for larger in ("MiB", "GiB", "TiB"):
        if amount < 1023.95:
            break
        amount, unit = amount / 1024, larger
    return f"{amount:.1f} {unit}"


def format_seconds(milliseconds: int) -> str:
    """A time span, shorter where it is longer: `0.04s`, `4.2s`, `1m12s`, `1h02m`."""
    if milliseconds < 995:
        return f"{milliseconds / 1000:.2f}s"
    if milliseconds < 59950:
        return f"{milliseconds / 1000:.1f}s"
    minutes, rest = divmod(round(milliseconds / 1000), 60)
    return f"{minutes}m{rest:02}s" if minutes < 60 else f"{minutes // 60}h{minutes % 60:02}m"


def plural(count: int, noun: str) -> str:
    """`1 target`, `3 targets`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def strip_controls(line: str, most: int = _WIDTH) -> str:
    """One line of foreign text without what would steer a terminal, tabs as spaces, cut at `most` characters."""
    # A log is written by whatever ran: it must not move the cursor, hide lines or set the window's title.
    if not line.isprintable():
        import re

        line = re.sub(
            _CONTROLS, "", re.sub(_ESCAPES, "", line.rstrip("\r").rpartition("\r")[2])
        ).expandtabs(4)
    return line if len(line) <= most else f"{line[:most]} ..."


def last_lines(log: str, most: int = TAIL) -> list[str]:
    """The last lines of a log, cleaned, with a first line that tells how many were left out."""
    lines = [strip_controls(line) for line in log.split("\n")]
    while lines and not lines[-1].strip():
        lines.pop()
    left = len(lines) - most
    return [f"... {plural(left, 'line')} before these", *lines[left:]] if left > 0 else lines


def format_failure(event: Failed) -> list[str]:
    """What a person needs of a failed action: which, why, the end of its log, and how to run it by hand.

    Of one that refused what the user wrote, only what it printed besides.
    """
    log = [f"   | {line}".rstrip() for line in last_lines(event.log)]
    if event.refused:
        return [f"{event.label}: {strip_controls(event.title)} printed:", *log] if log else []
    again = (
        [f"   = run it again by hand: {strip_controls(event.reproducer, _COMMAND)}"]
        if event.reproducer
        else []
    )
    if not again and log:
        again = ["   = --sandbox-debug keeps its folder, and prints a command that runs it again"]
    return [
        f"error: {event.label}: {strip_controls(event.title)}: {strip_controls(event.why)}",
        *log,
        *again,
    ]


def paint(text: str, colour: str, on: bool) -> str:
    """Text in a colour (or bold, faint) when `on`."""
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if on else text
