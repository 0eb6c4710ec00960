"""What a build came to, said once at its end: outputs with their digests, gates, and the counts."""

from __future__ import annotations

from io import StringIO

from ..lite import TYPE_CHECKING
from ..types.events import Built, Event, Finished, Judged, Planned
from .format import format_seconds, format_size, paint, plural, strip_controls

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import TextIO

FEW = 60  # targets that are listed one by one
_COLOUR = {"passed": "green", "failed": "red", "not checked": "yellow"}


class Summary:
    """A listener that gathers and prints at `Finished`; `show` chooses among "outputs", "gates" and "counts"."""

    def __init__(
        self,
        out: TextIO,
        colour: bool = False,
        show: frozenset[str] = frozenset({"outputs", "gates", "counts"}),
    ) -> None:
        self._out, self._colour, self._show = out, colour, show
        self._built: list[Built] = []
        self._judged: list[Judged] = []
        self._sandbox = ""

    def __call__(self, event: Event) -> None:
        """Remember an event; print all at the last."""
        match event:
            case Planned(sandbox=sandbox):
                # A build that starts over plans again: what it said before does not count.
                self._sandbox, self._built, self._judged = sandbox, [], []
            case Built():
                self._built.append(event)
            case Judged():
                self._judged.append(event)
            case Finished():
                self._out.writelines(f"{line}\n" for line in self._lines(event))
                self._out.flush()

    def close(self) -> None:
        """Nothing to put away."""

    def _lines(self, end: Finished) -> Iterator[str]:
        if "outputs" in self._show:
            yield from self._outputs(end.unlisted)
        if "gates" in self._show:
            yield from self._gates()
        if "counts" in self._show:
            yield format_counts(end, self._sandbox)

    def _outputs(self, untold: int) -> Iterator[str]:
        labels: dict[str, list[Built]] = {}
        for built in self._built:
            labels.setdefault(built.label, []).append(built)
        if len(labels) + untold > FEW:  # nobody reads a list of thousands; out/ has them all
            yield f"{len(labels) + untold} targets stand below out/"
            return
        for label in sorted(labels):
            yield paint(label, "bold", self._colour)
            mine = sorted(labels[label], key=lambda built: built.name)
            wide = max(len(built.path) for built in mine)
            for built in mine:
                yield f"  {built.path:<{wide}}  {format_size(built.bytes):>10}  {built.image or built.digest.oci}"

    def _gates(self) -> Iterator[str]:
        labels: dict[str, list[Judged]] = {}
        for judged in self._judged:
            labels.setdefault(judged.label, []).append(judged)
        for label in sorted(labels):
            yield paint(f"gates of {label}", "bold", self._colour)
            mine = labels[label]
            for verdict in ("passed", "failed", "not checked"):
                yield from self._verdicts(
                    verdict, sorted((j.gate, j.why) for j in mine if j.verdict == verdict)
                )

    def _verdicts(self, verdict: str, found: list[tuple[str, str]]) -> Iterator[str]:
        word = paint(f"{verdict:<11}", _COLOUR[verdict], self._colour)
        silent = [strip_controls(gate) for gate, why in found if not why]
        if silent:
            yield f"  {word}  {', '.join(silent)}"
        yield from (
            f"  {word}  {strip_controls(gate)}: {strip_controls(why)}" for gate, why in found if why
        )


def format_unchanged(events: Iterable[Event], actions: int, untold: int = 0) -> str:
    """What a build says that finds all of this unchanged: outputs, gates, and how many actions stand."""
    text = StringIO()
    summary = Summary(text, show=frozenset({"outputs", "gates"}))
    for event in (*events, Finished(0, 0, 0, 0, 0, 0, 0, unlisted=untold)):
        summary(event)
    return f"{text.getvalue()}nothing changed: {plural(actions, 'action')} up to date\n"


def format_counts(end: Finished, sandbox: str) -> str:
    """`12 ran, 3 hits, 0 failed in 4.2s (sandbox: namespaces)`; what is zero and rare is left out."""
    if end.unchanged:
        return f"nothing changed: {plural(end.hits, 'action')} up to date in {format_seconds(end.milliseconds)}"
    parts = [f"{end.ran} ran", plural(end.hits, "hit")]
    parts += [f"{end.shared} shared"] if end.shared else []
    parts += [f"{end.failed} failed"]
    parts += [f"{end.skipped} skipped"] if end.skipped else []
    where = f" (sandbox: {sandbox})" if sandbox else ""
    return f"{', '.join(parts)} in {format_seconds(end.milliseconds)}{where}"
