"""A git worktree in which jobs of CI build a commit with the cache of the jobs before."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buildgraph.cli.dispatch import dispatch
from buildgraph.signing.keys import PrivateKey
from tests.support.git_space import GitSpace


def encode_line(key: PrivateKey) -> str:
    """Return the line of a key's public half that `[workspace.trust]` takes."""
    return key.public.to_pem().splitlines()[1]


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
        self._check_out()
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

    def build_trusting(self, main: str, other: str) -> None:
        """Build HEAD of main where another key is trusted too, until all results are hits."""
        file = self.folder / "BUILD.toml"
        for _ in range(2):
            self._check_out()
            text = file.read_text().replace(f'"{main}"', f'["{main}", "{other}"]')
            file.write_text(text)
            events = self.verb("build", "--json", "//...")
        assert other in text and not any(event.get("how") == "ran" for event in events)

    def _check_out(self) -> None:
        git = self.project.git
        git("-C", str(self.folder), "clean", "-q", "-xfd")
        git("-C", str(self.folder), "checkout", "-q", "--force", "--detach", "main")

    def verb(self, *words: str) -> list[dict[str, Any]]:
        """Run a verb in the worktree and return its JSON lines."""
        self._capture()
        assert dispatch(list(words)) == 0
        return [json.loads(line) for line in self._capture().splitlines()]
