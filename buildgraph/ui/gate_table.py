"""Tables of gates: a row for each check with its number and its limit, or the whole evidence."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TextIO

from ..types.events import Event, Finished, Judged, Planned
from .format import format_size, paint, strip_controls

COLUMNS = ("gate", "check", "verdict", "measured", "limit", "unit")
_COLOUR = {"passed": "green", "failed": "red", "not checked": "yellow"}
_WIDEST = 28  # characters of a value in the table
_KEYS = ("how", "on", "measured", "limit", "unit", "why", "fix")


class GateTable:
    """A listener that prints a table of each target's checks at `Finished`.

    With `explain` it prints the whole evidence of the gates of that name, "" for all.
    """

    def __init__(self, out: TextIO, colour: bool = False, explain: str | None = None) -> None:
        self._out, self._colour, self._explain = out, colour, explain
        self._judged: list[Judged] = []

    def __call__(self, event: Event) -> None:
        """Record a verdict; print all at the end."""
        match event:
            case Planned():
                self._judged = []
            case Judged():
                self._judged.append(event)
            case Finished():
                self._out.writelines(f"{line}\n" for line in self._lines())
                self._out.flush()

    def close(self) -> None:
        """Do nothing: the table is flushed."""

    def _lines(self) -> Iterator[str]:
        labels: dict[str, list[Judged]] = {}
        for judged in self._judged:
            if not self._explain or judged.gate == self._explain:
                labels.setdefault(judged.label, []).append(judged)
        for label in sorted(labels):
            yield paint(f"gates of {label}", "bold", self._colour)
            gates = sorted(labels[label], key=lambda judged: judged.gate)
            if self._explain is not None:
                for judged in gates:
                    yield from self._explained(judged)
            else:
                yield from self._table(gates)

    def _table(self, gates: Iterable[Judged]) -> Iterator[str]:
        rows, notes = list[tuple[str, ...]](), list[str]()
        for judged in gates:
            if judged.evidence is None:
                rows.append((judged.gate, "", judged.verdict, "", "", ""))
                notes.append(judged.why)
            for check in judged.evidence["checks"] if judged.evidence else ():
                rows.append((judged.gate, check["name"], check["verdict"], *_numbers(check)))
                notes.append(_note(check))
        cells = [tuple(strip_controls(cell) for cell in row) for row in (COLUMNS, *rows)]
        used = [at for at in range(len(COLUMNS)) if any(row[at] for row in cells[1:])]
        widths = {at: max(len(row[at]) for row in cells) for at in used}
        for row, note in zip(cells, ("", *notes), strict=True):
            texts = [f"{row[at]:<{widths[at]}}" for at in used]
            if row[2] in _COLOUR:
                texts[used.index(2)] = paint(texts[used.index(2)], _COLOUR[row[2]], self._colour)
            yield f"  {'  '.join(texts)}".rstrip()
            if note:
                yield f"    {strip_controls(note)}"

    def _explained(self, judged: Judged) -> Iterator[str]:
        verdict = paint(judged.verdict, _COLOUR[judged.verdict], self._colour)
        why = f": {strip_controls(judged.why)}" if judged.why else ""
        yield f"  {strip_controls(judged.gate)}: {verdict}{why}"
        if judged.evidence is None:
            yield "    it writes no evidence"
            return
        for check in judged.evidence["checks"]:
            verdict = paint(check["verdict"], _COLOUR.get(check["verdict"], ""), self._colour)
            yield f"    {strip_controls(check['name'])}: {verdict}"
            for key in _KEYS:
                if check.get(key) not in (None, ""):
                    yield f"      {key:<8}  {strip_controls(_whole(check, key))}"


def _note(check: Mapping[str, Any]) -> str:
    return "; ".join(str(check[key]) for key in ("why", "fix") if check.get(key))


def _numbers(check: Mapping[str, Any]) -> tuple[str, str, str]:
    """The measured value, the limit and the unit as cells."""
    unit = str(check.get("unit", ""))
    values = [_value(check.get(key), unit) for key in ("measured", "limit")]
    return values[0], values[1], "" if unit == "bytes" else unit


def _value(value: Any, unit: str) -> str:
    if value is None:
        return ""
    if unit == "bytes" and isinstance(value, int):
        return format_size(value)
    if isinstance(value, list) and len(value) != 1:
        return f"{len(value)} entries"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 3]}..."


def _whole(check: Mapping[str, Any], key: str) -> str:
    value = check[key]
    if key in ("measured", "limit") and check.get("unit") == "bytes" and isinstance(value, int):
        return f"{value} ({format_size(value)})"
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
