"""Annotations of GitHub: errors, failed actions and failed gates, each with its file and line."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import TextIO

from ..types.errors import BuildError, BuildErrors, Location
from ..types.events import Event, Failed, Fault, Judged, Warned
from ..ui.format import last_lines, strip_controls
from .workflow_commands import format_command, write_command

_LOG_LINES = 10
_FINDING = re.compile(
    r"(?P<path>[^\s:][^:]*):(?P<line>\d+):(?:(?P<column>\d+):)? error: (?P<text>.+)"
)
_MOST_FINDINGS = 100  # of one action


class Places:
    """The places of targets and errors as a CI service names them: relative to the repository."""

    def __init__(self, root: str, environ: Mapping[str, str]) -> None:
        self._root = root
        self._repository = environ.get("GITHUB_WORKSPACE", "")
        self._find: Callable[[str], Location] | None = None

    def file(self, path: str) -> str:
        """The path of a file of the workspace, relative to the repository."""
        if not path or not self._repository:
            return path
        relative = os.path.relpath(
            os.path.realpath(os.path.join(self._root, path)), os.path.realpath(self._repository)
        )
        return path if relative.startswith("..") else relative

    def finding(self, path: str, line: int, column: int) -> Location | None:
        """The place of a finding; None if the workspace has no such file."""
        known = not os.path.isabs(path) and os.path.isfile(os.path.join(self._root, path))
        return Location(self.file(path), line, column) if known else None

    def target(self, label: str) -> Location | None:
        """The table that declares a target; None if the workspace has no such target any more."""
        from ..types.label import Label
        from ..workspace.workspace import Workspace

        try:
            if self._find is None:
                workspace = Workspace(self._root)
                self._find = lambda text: workspace.target(Label.parse(text)).place()
            return self._find(label).resolved()
        except BuildError:
            return None


def format_annotation(kind: str, message: str, title: str, at: Location | None = None) -> str:
    """An `error` or `warning` command; a line or column of 0 is omitted."""
    properties: dict[str, object] = {}
    if at is not None and at.path:
        properties = {"file": at.path, "line": at.line, "col": at.column}
    return format_command(kind, message, properties | {"title": title})


def annotate_error(error: BuildError, places: Places, out: TextIO) -> None:
    """Write an annotation for an error, or for each of several errors."""
    for single in error.errors if isinstance(error, BuildErrors) else (error,):
        message = "\n".join(filter(None, (single.what, single.fix)))
        write_command(out, format_annotation("error", message, "", _in_repository(places, single)))


def _in_repository(places: Places, error: BuildError) -> Location | None:
    at = error.at
    return at and Location(places.file(at.path), at.line, at.column, at.length)


class Annotations:
    """A listener that writes an annotation for each failed action, failed gate and warning.

    Each line `PATH:LINE:COLUMN: error: TEXT` in the log of a failed action has one, too.
    """

    def __init__(self, out: TextIO, places: Places) -> None:
        self._out, self._places = out, places
        self._written: set[str] = set()

    def __call__(self, event: Event) -> None:
        """Write the annotations of an event; one that was written already is omitted."""
        findings = self._findings(event) if isinstance(event, Failed) else []
        for line in (self._annotation(event), *findings):
            if line and line not in self._written:
                self._written.add(line)
                write_command(self._out, line)

    def _findings(self, event: Failed) -> list[str]:
        lines = []
        for match in filter(None, map(_FINDING.fullmatch, event.log.splitlines())):
            place = self._places.finding(
                match["path"], int(match["line"]), int(match["column"] or 0)
            )
            if place is not None:
                text = strip_controls(match["text"])
                lines.append(format_annotation("error", text, event.label, place))
        return lines[:_MOST_FINDINGS]

    def _annotation(self, event: Event) -> str:
        match event:
            case Failed(refused=False):
                log = last_lines(event.log, _LOG_LINES)
                title = f"{event.label}: {strip_controls(event.title)}"
                return self._at(event.label, "\n".join((strip_controls(event.why), *log)), title)
            case Fault():
                at = event.at or {}
                place = Location(
                    self._places.file(str(at.get("path", ""))),
                    int(at.get("line", 0)),
                    int(at.get("column", 0)),
                )
                return format_annotation(
                    "error", "\n".join(filter(None, (event.what, event.fix))), event.label, place
                )
            case Judged(verdict="failed"):
                gate = strip_controls(event.gate)
                return self._at(event.label, f"gate failed: {gate}", f"{event.label}: {gate}")
            case Warned(text):
                return format_annotation("warning", strip_controls(text), "")
        return ""

    def _at(self, label: str, message: str, title: str) -> str:
        place = self._places.target(label)
        if place is not None:
            place = Location(self._places.file(place.path), place.line, place.column)
        return format_annotation("error", message, title, place)

    def close(self) -> None:
        """Does nothing: each line is flushed."""
