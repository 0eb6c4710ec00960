"""Progress in the log of a CI job: actions and gates in groups that the page folds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal, TextIO

from ..types.events import Done, Event, Failed, Fault, Finished, Judged, Planned, Warned
from ..ui.format import plural
from ..ui.plain_progress import PlainProgress
from .workflow_commands import format_command, write_command

Service = Literal["github", "gitlab"]
_CLEAR = "\r\x1b[0K"  # how GitLab hides the mark of a section


class GroupedProgress:
    """A listener that writes plain progress in groups.

    Failures and warnings are outside of groups, so a folded log shows them.
    """

    def __init__(
        self, out: TextIO, service: Service, clock: Callable[[], float] = time.time
    ) -> None:
        self._out, self._service, self._clock = out, service, clock
        self._progress = PlainProgress(out)
        self._group = self._actions = ""
        self._count = 0

    def __call__(self, event: Event) -> None:
        """Write the lines of an event, and begin or end a group before them."""
        match event:
            case Planned(actions=actions):
                self._end()
                self._actions = plural(actions, "action")
            case Done(how="ran"):
                self._begin(f"Run {self._actions}")
            case Judged(verdict=verdict) if verdict != "failed":
                self._begin("Gates")
            case Failed() | Fault() | Judged() | Warned() | Finished():
                self._end()
        self._progress(event)

    def _begin(self, title: str) -> None:
        if self._group == title:
            return
        self._end()
        self._group = title
        self._count += 1
        if self._service == "github":
            write_command(self._out, format_command("group", title))
        else:
            self._out.write(f"{self._section('start')}[collapsed=true]{_CLEAR}{title}\n")

    def _end(self) -> None:
        if not self._group:
            return
        self._group = ""
        if self._service == "github":
            write_command(self._out, format_command("endgroup"))
        else:
            self._out.write(f"{self._section('end')}{_CLEAR}\n")
            self._out.flush()

    def _section(self, edge: str) -> str:
        return f"section_{edge}:{int(self._clock())}:buildgraph_{self._count}"

    def close(self) -> None:
        """End the open group; may be called twice."""
        self._end()
