"""A git worktree in which jobs of CI build a commit with the cache of the jobs before."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buildgraph.cli.dispatch import dispatch
from tests.support.git_space import GitSpace


@dataclass(frozen=True)
class Job:
    """A job: the affected labels with their changes, and labels that ran."""

    affected: dict[str, str]
    predicted: set[str]
    certain: set[str]
    ran: set[str]


class Worktree:
    """A git worktree of the jobs; only the cache is kept between them."""

    def __init__(self, project: GitSpace, folder: Path, capture: Callable[[], str]) -> None:
        self.project, self.folder, self._capture = project, folder, capture
        project.git("worktree", "add", "-q", "--detach", str(folder))

    def run(self, since: str) -> Job:
        """Check HEAD of main out; then predict, build and compare."""
        git = self.project.git
        git("-C", str(self.folder), "clean", "-q", "-xfd")
        git("-C", str(self.folder), "checkout", "-q", "--detach", "main")
        (answer,) = self.verb("affected", "--since", since, "--json")
        events = self.verb("build", "--json", "--since", since)
        assert events[-1]["code"] == 0
        actions = answer["actions"]
        return Job(
            {row["label"]: row["change"] for row in answer["affected"]},
            {row["label"] for row in actions if row["outcome"] in ("run", "may run")},
            {row["label"] for row in actions if row["outcome"] == "run"},
            {event["label"] for event in events if event.get("how") == "ran"},
        )

    def verb(self, *words: str) -> list[dict[str, Any]]:
        """Run a verb in the worktree and return its JSON lines."""
        self._capture()
        assert dispatch(list(words)) == 0
        return [json.loads(line) for line in self._capture().splitlines()]
