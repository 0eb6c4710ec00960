"""Progress on a terminal: what runs now and since when, redrawn in place and gone at the end. The door to rich.

Nothing of it is imported or drawn before something runs, so that a build of hits alone stays quick and still.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TextIO

from ..types.events import (
    Done,
    Event,
    Failed,
    Fault,
    Finished,
    Judged,
    Planned,
    Skipped,
    Started,
    Warned,
)
from .format import format_failure, format_seconds, plural, strip_controls
from .plain_progress import format_gate

if TYPE_CHECKING:
    from rich.console import Console as Rich, RenderableType
    from rich.live import Live
    from rich.text import Text

_ROWS = 8
_PATIENCE = 0.5


class CriticalPath:
    """How long the longest chain of what is not yet known would still run; `chains` as in Planned."""

    def __init__(self, chains: Sequence[int]) -> None:
        self._chains = chains
        self._open = set(range(len(chains)))
        self._order = sorted(
            self._open, key=lambda number: (chains[number], -number)
        )  # the longest last

    def end(self, number: int) -> None:
        """An action runs no more, or never will."""
        self._open.discard(number)

    def left(self, since: Mapping[int, float]) -> int:
        """Milliseconds; `since` tells for how many seconds each action that runs has been running."""
        while self._order and (self._order[-1] not in self._open or self._order[-1] in since):
            self._order.pop()
        running = [
            self._chains[number] - round(1000 * ran)
            for number, ran in since.items()
            if number in self._open
        ]
        return max([*running, self._chains[self._order[-1]] if self._order else 0, 0])


class Console:
    """A listener that keeps a few live lines on a terminal and prints only what should stay: faults and warnings."""

    def __init__(self, out: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._out, self._clock, self._begun = out, clock, clock()
        self._running: dict[int, tuple[str, str, float]] = {}
        self._total = self._known = self._hits = self._failed = 0
        self._path = CriticalPath(())
        self._rich: Rich | None = None
        self._live: Live | None = None

    def __call__(self, event: Event) -> None:
        """Take an event in; the screen follows by itself a few times a second."""
        self._count(event)
        if isinstance(event, Finished):
            self.close()
        elif isinstance(event, Started) or self._clock() - self._begun > _PATIENCE:
            self._open()
        for text, style in _lasting(event):
            self._print(text, style)

    def _count(self, event: Event) -> None:
        match event:
            case Planned(actions=actions, chains=chains):
                self._total, self._known, self._hits, self._failed = actions, 0, 0, 0
                self._path = CriticalPath(chains)
                self._running.clear()
            case Started(number, label, title):
                self._running[number] = (strip_controls(title), label, self._clock())
            case Done() | Failed() | Skipped():
                self._running.pop(event.number, None)
                self._path.end(event.number)
                self._known += 1
                self._hits += isinstance(event, Done) and event.how != "ran"
                self._failed += isinstance(event, Failed)

    def close(self) -> None:
        """Clear the live lines and leave the terminal as it was; may be called twice."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _console(self) -> Rich:
        if self._rich is None:
            from rich.console import Console as Rich

            self._rich = Rich(file=self._out, highlight=False, markup=False, emoji=False)
        return self._rich

    def _print(self, text: str, style: str) -> None:
        self._console().print(text, style=style, soft_wrap=True)

    def _open(self) -> None:
        if self._live is not None:
            return
        from rich.live import Live

        self._live = Live(
            console=self._console(),
            get_renderable=self.screen,
            transient=True,
            refresh_per_second=8,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def screen(self) -> RenderableType:
        """What stands on the terminal now; called by the thread that redraws, so it takes one copy and no lock."""
        from rich.console import Group

        now = self._clock()
        running = sorted(self._running.values(), key=lambda row: row[2])
        rows = [_row(title, label, now - since) for title, label, since in running[:_ROWS]]
        if len(running) > _ROWS:
            rows.append(_text((f"   ... and {len(running) - _ROWS} more", "dim")))
        return Group(self._head(now, len(running)), *rows)

    def _head(self, now: float, running: int) -> RenderableType:
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        total = max(self._total, self._known, 1)
        waiting = max(total - self._known - running, 0)
        words = [
            f"{self._known}/{total}",
            f"{running} running",
            f"{waiting} waiting",
            plural(self._hits, "hit"),
        ]
        text = _text((", ".join(words), "bold"))
        if self._failed:
            text.append(f", {self._failed} failed", "bold red")
        text.append(f"  {format_seconds(round((now - self._begun) * 1000))}", "dim")
        since = {number: now - began for number, (_, _, began) in tuple(self._running.items())}
        if left := self._path.left(since):
            text.append(f", critical path {format_seconds(left)}", "dim")
        grid = Table.grid(padding=(0, 1))
        grid.add_row(ProgressBar(total=total, completed=self._known, width=24), text)
        return grid


def _row(title: str, label: str, since: float) -> Text:
    return _text(
        (f"{format_seconds(round(since * 1000)):>8}  ", "cyan"), (title, ""), (f"  {label}", "dim")
    )


def _text(*parts: tuple[str, str]) -> Text:
    from rich.text import Text

    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")


def _lasting(event: Event) -> list[tuple[str, str]]:
    match event:
        case Failed() | Fault():
            lines = (
                format_failure(event)
                if isinstance(event, Failed)
                else event.rendered.rstrip("\n").split("\n")
            )
            return [(line, "" if number else "bold red") for number, line in enumerate(lines)]
        case Judged(verdict="failed"):
            return [(format_gate(event), "red")]
        case Warned(text):
            return [(f"warning: {strip_controls(text)}", "yellow")]
    return []


def render_markdown(text: str, columns: int) -> str:
    """Render Markdown with colours for a terminal of some columns; blanks at the ends of lines are removed."""
    from io import StringIO

    from rich.console import Console as Rich
    from rich.markdown import Markdown
    from rich.theme import Theme

    # The theme of rich prints code on black, which is hard to read on a light terminal.
    theme = Theme({"markdown.code": "bold cyan"})
    out = StringIO()
    console = Rich(file=out, force_terminal=True, width=columns, theme=theme)
    console.print(Markdown(text, code_theme="ansi_dark", hyperlinks=False))
    lines = [line.rstrip() for line in out.getvalue().split("\n")]
    return "\n".join(lines).rstrip("\n") + "\n"
