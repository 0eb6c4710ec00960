"""The summary at the end of a build: outputs with their digests, gates, and counts of actions."""

from __future__ import annotations

from io import StringIO

from ..lite import TYPE_CHECKING
from ..types.events import Built, Event, Finished, Judged, Planned
from .format import format_seconds, format_size, paint, plural, strip_controls

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import TextIO

FEW = 60
"""The largest number of targets whose outputs are listed."""
_COLOUR = {"passed": "green", "failed": "red", "not checked": "yellow"}


class Summary:
    """A listener that prints a summary at `Finished`; `show` selects "outputs", "gates" and
    "counts".
    """

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
        """Record an event; print the summary at the last one."""
        match event:
            case Planned(sandbox=sandbox):
                # A build that starts over reports its outputs and gates again.
                self._sandbox, self._built, self._judged = sandbox, [], []
            case Built():
                self._built.append(event)
            case Judged():
                self._judged.append(event)
            case Finished():
                self._out.writelines(f"{line}\n" for line in self._lines(event))
                self._out.flush()

    def close(self) -> None:
        """Does nothing: the summary is flushed."""

    def _lines(self, end: Finished) -> Iterator[str]:
        if "outputs" in self._show:
            yield from self._outputs(end.unlisted)
        if "gates" in self._show:
            yield from self._gates()
        if "counts" in self._show:
            yield format_counts(end, self._sandbox)

    def _outputs(self, unlisted: int) -> Iterator[str]:
        labels: dict[str, list[Built]] = {}
        for built in self._built:
            labels.setdefault(built.label, []).append(built)
        if len(labels) + unlisted > FEW:  # a list of thousands would hide the rest of the summary
            yield f"{len(labels) + unlisted} targets are in out/"
            return
        for label in sorted(labels):
            yield paint(label, "bold", self._colour)
            outputs = sorted(labels[label], key=lambda built: built.name)
            width = max(len(built.path) for built in outputs)
            for built in outputs:
                size, digest = format_size(built.bytes), built.image or built.digest.oci
                yield f"  {built.path:<{width}}  {size:>10}  {digest}"

    def _gates(self) -> Iterator[str]:
        labels: dict[str, list[Judged]] = {}
        for judged in self._judged:
            labels.setdefault(judged.label, []).append(judged)
        for label in sorted(labels):
            yield paint(f"gates of {label}", "bold", self._colour)
            for verdict in ("passed", "failed", "not checked"):
                gates = [(j.gate, j.why) for j in labels[label] if j.verdict == verdict]
                yield from self._verdicts(verdict, sorted(gates))

    def _verdicts(self, verdict: str, gates: list[tuple[str, str]]) -> Iterator[str]:
        word = paint(f"{verdict:<11}", _COLOUR[verdict], self._colour)
        without_reason = [strip_controls(gate) for gate, why in gates if not why]
        if without_reason:
            yield f"  {word}  {', '.join(without_reason)}"
        for gate, why in gates:
            if why:
                yield f"  {word}  {strip_controls(gate)}: {strip_controls(why)}"


def format_unchanged(events: Iterable[Event], actions: int, unlisted: int = 0) -> str:
    """The summary that the next build prints if nothing changed: outputs, gates, and actions.

    A NUL follows the outputs, which are all that a quiet build prints.
    """
    text = StringIO()
    outputs = Summary(text, show=frozenset({"outputs"}))
    gates = Summary(text, show=frozenset({"gates"}))
    end = Finished(0, 0, 0, 0, 0, 0, 0, unlisted=unlisted)
    for event in events:
        outputs(event)
        gates(event)
    outputs(end)
    text.write("\0")
    gates(end)
    return f"{text.getvalue()}nothing changed: {plural(actions, 'action')} up to date\n"


def format_counts(end: Finished, sandbox: str) -> str:
    """The counts of a build, such as `12 ran, 3 hits, 0 failed in 4.2s (sandbox: namespaces)`.

    `shared` and `skipped` are omitted if they are zero.
    """
    if end.unchanged:
        actions, time = plural(end.hits, "action"), format_seconds(end.milliseconds)
        return f"nothing changed: {actions} up to date in {time}"
    parts = [f"{end.ran} ran", plural(end.hits, "hit")]
    parts += [f"{end.shared} shared"] if end.shared else []
    parts += [f"{end.failed} failed"]
    parts += [f"{end.skipped} skipped"] if end.skipped else []
    level = f" (sandbox: {sandbox})" if sandbox else ""
    return f"{', '.join(parts)} in {format_seconds(end.milliseconds)}{level}"
