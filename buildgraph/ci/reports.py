"""Choose the reports of a build: what `--junit` and the environment of a CI job ask for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Protocol

from ..types.errors import BuildError
from ..types.events import Event
from .annotations import Annotations, Places
from .job_summary import Causes, JobSummary
from .junit import JUnitReport


class Report(Protocol):
    """A listener that also reports an error which ends a build before its last event."""

    def __call__(self, event: Event) -> None:
        """Process an event."""

    def error(self, error: BuildError) -> None:
        """Report an error."""

    def close(self) -> None:
        """Release the resources; may be called twice."""


class Reports:
    """The reports of one build of `title`, such as `buildgraph build //...`.

    `junit` is the path of a JUnit file, or empty. Annotations are written to stderr, and a job
    summary if `environ` names a file for it.
    """

    def __init__(
        self, root: str, title: str, junit: str, environ: Mapping[str, str], causes: Causes
    ) -> None:
        self._files: list[Report] = []
        self.listeners: list[Report | Annotations] = []
        if junit:
            self._files.append(JUnitReport(junit, title))
        if environ.get("GITHUB_ACTIONS") == "true":
            if environ.get("GITHUB_STEP_SUMMARY"):
                self._files.append(JobSummary(environ["GITHUB_STEP_SUMMARY"], title, causes))
            self.listeners.append(Annotations(sys.stderr, Places(root, environ)))
        self.listeners += self._files

    def run(self, build: Callable[[], int]) -> int:
        """Run a build that calls the listeners, and report the error that ends it, if any."""
        try:
            return build()
        except BuildError as error:
            for report in self._files:
                report.error(error)
            raise
