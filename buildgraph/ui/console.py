"""Progress on a terminal: the running actions and their times, redrawn in place by `rich`.

The live lines are removed at the end. `rich` is imported when an action runs, so a build of hits
alone is fast and draws nothing.
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

_ROWS = 8  # running actions that are shown
_DELAY_S = 0.5  # before anything is drawn in a build of hits


class CriticalPath:
    """The remaining time of the longest chain of unfinished actions; `chains` as in Planned."""

    def __init__(self, chains: Sequence[int]) -> None:
        self._chains = chains
        self._unfinished = set(range(len(chains)))
        # The longest chain is the last.
        self._order = sorted(self._unfinished, key=lambda number: (chains[number], -number))

    def end(self, number: int) -> None:
        """Record that an action is finished or was skipped."""
        self._unfinished.discard(number)

    def left(self, running: Mapping[int, float]) -> int:
        """Milliseconds that remain.

        `running` has the seconds for which each running action has run.
        """
        order = self._order
        while order and (order[-1] not in self._unfinished or order[-1] in running):
            order.pop()
        remaining = [
            self._chains[number] - round(1000 * seconds)
            for number, seconds in running.items()
            if number in self._unfinished
        ]
        return max([*remaining, self._chains[order[-1]] if order else 0, 0])


class Console:
    """A listener that shows live lines on a terminal, and prints errors and warnings above them."""

    def __init__(self, out: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._out, self._clock, self._start = out, clock, clock()
        self._running: dict[int, tuple[str, str, float]] = {}
        self._total = self._finished = self._hits = self._failed = 0
        self._path = CriticalPath(())
        self._rich: Rich | None = None
        self._live: Live | None = None

    def __call__(self, event: Event) -> None:
        """Record an event. The live lines are redrawn eight times a second."""
        self._count(event)
        if isinstance(event, Finished):
            self.close()
        elif isinstance(event, Started) or self._clock() - self._start > _DELAY_S:
            self._open()
        for text, style in _permanent_lines(event):
            self._print(text, style)

    def _count(self, event: Event) -> None:
        match event:
            case Planned(actions=actions, chains=chains):
                self._total, self._finished, self._hits, self._failed = actions, 0, 0, 0
                self._path = CriticalPath(chains)
                self._running.clear()
            case Started(number, label, title):
                self._running[number] = (strip_controls(title), label, self._clock())
            case Done() | Failed() | Skipped():
                self._running.pop(event.number, None)
                self._path.end(event.number)
                self._finished += 1
                self._hits += isinstance(event, Done) and event.how != "ran"
                self._failed += isinstance(event, Failed)

    def close(self) -> None:
        """Remove the live lines and restore the terminal; may be called twice."""
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
        """The live lines.

        The thread that redraws calls this, so it copies the running actions once.
        """
        from rich.console import Group

        now = self._clock()
        running = sorted(self._running.values(), key=lambda row: row[2])
        rows = [_row(title, label, now - start) for title, label, start in running[:_ROWS]]
        if len(running) > _ROWS:
            rows.append(_text((f"   ... and {len(running) - _ROWS} more", "dim")))
        return Group(self._head(now, len(running)), *rows)

    def _head(self, now: float, running: int) -> RenderableType:
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        total = max(self._total, self._finished, 1)
        waiting = max(total - self._finished - running, 0)
        words = [
            f"{self._finished}/{total}",
            f"{running} running",
            f"{waiting} waiting",
            plural(self._hits, "hit"),
        ]
        text = _text((", ".join(words), "bold"))
        if self._failed:
            text.append(f", {self._failed} failed", "bold red")
        text.append(f"  {format_seconds(round((now - self._start) * 1000))}", "dim")
        seconds = {number: now - start for number, (_, _, start) in tuple(self._running.items())}
        if left := self._path.left(seconds):
            text.append(f", critical path {format_seconds(left)}", "dim")
        grid = Table.grid(padding=(0, 1))
        grid.add_row(ProgressBar(total=total, completed=self._finished, width=24), text)
        return grid


def _row(title: str, label: str, seconds: float) -> Text:
    return _text(
        (f"{format_seconds(round(seconds * 1000)):>8}  ", "cyan"),
        (title, ""),
        (f"  {label}", "dim"),
    )


def _text(*parts: tuple[str, str]) -> Text:
    from rich.text import Text

    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")


def _permanent_lines(event: Event) -> list[tuple[str, str]]:
    """The lines of an event that stay on the terminal, with their styles."""
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
    """Render Markdown with colours for a terminal of some columns, without trailing blanks."""
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
