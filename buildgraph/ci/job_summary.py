"""The summary of a build in Markdown, which GitHub shows on the page of a run.

GitHub refuses a file of more than 1 MiB, and all commands of a step append to the same file. So the
summary leaves out rows before the file exceeds the limit, and says how many.
"""

from __future__ import annotations

import html
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from ..types.errors import BuildError, BuildErrors
from ..types.events import Built, Done, Event, Failed, Fault, Finished, Judged, Planned, Skipped
from ..ui.format import format_seconds, format_size, last_lines, plural, strip_controls

LIMIT = 1 << 20
"""The bytes that GitHub accepts in the summary of a step."""
_RESERVE = 1024  # for the notes on rows that are left out
_MAX_ROWS = 200  # of a table
Causes: TypeAlias = Callable[[Collection[str], Collection[str]], Mapping[str, str]]
"""(labels whose actions ran, keys of these actions) -> the first cause by label."""


class JobSummary:
    """A listener that appends a summary to a file when a build ends."""

    def __init__(self, path: str, title: str, causes: Causes) -> None:
        self._path, self._title, self._causes = path, title, causes
        self._clear()

    def _clear(self) -> None:
        self._done: list[Done] = []
        self._failed: list[Failed | Skipped] = []
        self._errors: list[tuple[str, str, str]] = []
        self._gates: list[Judged] = []
        self._built: list[Built] = []

    def __call__(self, event: Event) -> None:
        """Record an event; write at the last one."""
        match event:
            case Planned():
                self._clear()
            case Done():
                self._done.append(event)
            case Failed() | Skipped():
                self._failed.append(event)
            case Fault():
                path, line = (event.at or {}).get("path", ""), (event.at or {}).get("line", "")
                self._errors.append((f"{path}:{line}".strip(":"), event.what, event.fix))
            case Judged():
                self._gates.append(event)
            case Built():
                self._built.append(event)
            case Finished():
                self._append(self._blocks(event))

    def error(self, error: BuildError) -> None:
        """Append an error that ends the build, or several."""
        for single in error.errors if isinstance(error, BuildErrors) else (error,):
            place = str(single.at) if single.at else ""
            self._errors.append((place, single.what, single.fix))
        heading = f"### {_code(self._title)}: exit code {error.code}\n\n"
        self._append([(heading, ()), *self._error_table()])

    def close(self) -> None:
        """Does nothing: the summary is written at the last event."""

    def _blocks(self, end: Finished) -> Iterator[tuple[str, Iterable[str]]]:
        """Yield (text, rows) in the order of the page."""
        state = "succeeded" if not end.code else f"exit code {end.code}"
        yield f"### {_code(self._title)}: {state}\n\n", ()
        yield "| | |\n|---|---|\n", self._overview(end)
        yield from self._error_table()
        failures = [event for event in self._failed if isinstance(event, Failed)]
        if failures:
            yield "\n#### Failed\n", map(_failure, failures)
        gates = [gate for gate in self._gates if gate.verdict != "passed"]
        if gates:
            yield _table("Gates", "gate", "target", "verdict", "why"), map(_gate_row, gates)
        ran = [event for event in self._done if event.how == "ran"]
        if ran:
            heading = _table("Ran", "action", "target", "time", "why it was no hit")
            yield heading, self._ran_rows(ran)
        if self._built:
            yield _table("Outputs", "file", "size", "digest"), map(_output_row, self._built)

    def _overview(self, end: Finished) -> Iterator[str]:
        counts = [f"{end.ran} ran", plural(end.hits, "hit")]
        counts += [f"{end.shared} shared"] if end.shared else []
        counts += [f"{end.failed} failed"]
        counts += [f"{end.skipped} skipped"] if end.skipped else []
        yield _row("actions", ", ".join(counts))
        saved = sum(event.milliseconds for event in self._done if event.how != "ran")
        yield _row("time", f"{format_seconds(end.milliseconds)}")
        yield _row("time saved by hits", format_seconds(saved))
        verdicts = [gate.verdict for gate in self._gates]
        gates = [
            f"{verdicts.count(verdict)} {verdict}"
            for verdict in ("passed", "failed", "not checked")
            if verdict == "passed" or verdict in verdicts
        ]
        yield _row("gates", ", ".join(gates))
        if self._built:
            size = format_size(sum(output.bytes for output in self._built))
            yield _row("outputs", f"{plural(len(self._built), 'output')}, {size}")

    def _error_table(self) -> Iterator[tuple[str, Iterable[str]]]:
        if self._errors:
            rows = (_row(_code(at), _prose(what), _prose(fix)) for at, what, fix in self._errors)
            yield _table("Errors", "place", "error", "help"), rows

    def _ran_rows(self, ran: Sequence[Done]) -> Iterator[str]:
        shown = sorted(ran, key=lambda event: -event.milliseconds)
        causes = self._causes({event.label for event in shown[:_MAX_ROWS]}, {e.key for e in ran})
        for event in shown:
            yield _row(
                _code(event.title),
                _code(event.label),
                format_seconds(event.milliseconds),
                _prose(causes.get(event.label, "")),
            )

    def _append(self, blocks: Iterable[tuple[str, Iterable[str]]]) -> None:
        try:
            size = os.path.getsize(self._path) if os.path.exists(self._path) else 0
            text = fit(blocks, LIMIT - _RESERVE - size)
            with open(self._path, "a", encoding="utf-8", errors="replace") as file:
                file.write(text)
        except OSError as error:
            raise BuildError(
                f"cannot write the job summary {self._path}: {error.strerror}",
                fix="GITHUB_STEP_SUMMARY must name a file that can be written",
                reason="environment",
            ) from None


def fit(blocks: Iterable[tuple[str, Iterable[str]]], limit: int) -> str:
    """Join texts and their rows; rows that exceed the limit of bytes are counted instead."""
    parts: list[str] = []
    for text, rows in blocks:
        size = len(text.encode("utf-8", "replace"))
        if size > limit:
            break
        parts.append(text)
        limit -= size
        left_out = 0
        for number, row in enumerate(rows):
            size = len(row.encode("utf-8", "replace"))
            if left_out or number >= _MAX_ROWS or size > limit:
                left_out += 1
            else:
                parts.append(row)
                limit -= size
        if left_out:
            parts.append(f"\n... and {left_out} more\n")
    return "".join([*parts, "\n"]) if parts else ""


def _table(title: str, *columns: str) -> str:
    return f"\n#### {title}\n\n{_row(*columns)}|{'---|' * len(columns)}\n"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |\n"


def _failure(event: Failed) -> str:
    log = "\n".join(html.escape(line) for line in last_lines(event.log))
    what = f"{_code(event.label)} {_code(event.title)}: {_prose(event.why)}"
    details = f"<details><summary>{what}</summary>\n<pre>{_one_block(log)}</pre></details>"
    return f"\n{details if log else what}\n"


def _one_block(text: str) -> str:
    """Text of HTML without blank lines: one would end the block of HTML in Markdown."""
    return "\n".join(line or "&nbsp;" for line in text.split("\n"))


def _gate_row(event: Judged) -> str:
    return _row(_code(event.gate), _code(event.label), event.verdict, _prose(event.why))


def _output_row(event: Built) -> str:
    digest = event.image or event.digest.oci
    return _row(_code(event.path), format_size(event.bytes), _code(digest))


def _code(text: str) -> str:
    return f"<code>{_prose(text)}</code>" if text else ""


def _prose(text: str) -> str:
    """Text that Markdown and HTML leave alone, in one line."""
    clean = strip_controls(text.replace("\n", " "))
    escaped = html.escape(clean)
    return "".join(f"&#{ord(char)};" if char in "|`*_[]\\~#@" else char for char in escaped)
