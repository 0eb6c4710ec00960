"""A workspace in a git repository, with git and `affected` run in it."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

from tests.support.requirements import need
from tests.support.workspace import Space


class GitSpace:
    """A new repository around a workspace, whose root becomes the folder `inner` of it."""

    def __init__(self, space: Space, inner: str = "") -> None:
        need("git")
        self.top, self.space = space.root, space
        if inner:
            (self.top / "BUILD.toml").unlink()
            self.space.root = self.top / inner
            self.space.root.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *words: str) -> str:
        """Run git in the repository."""
        who = ["-c", "user.name=n", "-c", "user.email=e@x", "-c", "commit.gpgsign=false"]
        env = dict(os.environ) | {
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_SYSTEM": "/dev/null",
        }
        return subprocess.run(
            ["git", "-C", str(self.top), *who, *words],
            check=True,
            capture_output=True,
            text=True,
            env=env,
        ).stdout

    def commit(self) -> None:
        """Commit all files."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "x")

    def answer(self, *words: str, since: str = "HEAD") -> dict[str, Any]:
        """Run `affected` and return its JSON answer."""
        before = self.git("status", "--porcelain", "--ignored")
        answer: dict[str, Any] = json.loads(
            self.space.run("affected", "--since", since, "--json", *words).out
        )
        assert self.git("status", "--porcelain", "--ignored") == before, "the work tree was touched"
        assert answer["commit"] == self.git("rev-parse", since.partition("...")[0]).strip()
        assert answer["labels"] == [
            row["label"] for row in answer["affected"] if row["change"] != "gone"
        ]
        return answer

    def affected(self, *words: str, since: str = "HEAD") -> dict[str, dict[str, Any]]:
        """Run `affected`; map the labels to its rows."""
        return {row["label"]: row for row in self.answer(*words, since=since)["affected"]}
