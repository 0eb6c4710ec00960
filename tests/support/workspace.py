"""A workspace of its own for a test, built with the real program in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Ran:
    """What a run of the program left: exit code, both streams, and the events when it was asked for JSON."""

    code: int
    out: str
    err: str
    events: list[dict[str, Any]] = field(default_factory=list)

    def titles(self, how: str = "ran") -> list[str]:
        """Titles of the actions that `ran` (or were a `hit`, `shared`), sorted."""
        return sorted(
            event["title"]
            for event in self.events
            if event["event"] == "done" and event["how"] == how
        )

    def digests(self) -> dict[str, str]:
        """`<label> <output>` -> its digest, or the image's manifest digest."""
        return {
            f"{event['label']} {event['name']}": event["image"] or str(event["digest"])
            for event in self.events
            if event["event"] == "built"
        }


@dataclass
class Space:
    """A workspace in a folder; `cache` is its store, apart so that two workspaces can share one."""

    root: Path
    cache: Path
    env: dict[str, str] = field(default_factory=dict)

    def write(self, path: str, text: str | bytes) -> Path:
        """Write a file of the workspace."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode() if isinstance(text, str) else text)
        return target

    def command(self, *words: str) -> list[str]:
        """The command line of the program."""
        return [sys.executable, "-m", "buildgraph", *words]

    def environ(self) -> dict[str, str]:
        """The environment it runs in."""
        return dict(os.environ) | {"BUILDGRAPH_CACHE": str(self.cache), "NO_COLOR": "1"} | self.env

    def run(self, *words: str, code: int | None = 0) -> Ran:
        """Run the program in the workspace and expect an exit code (None: any)."""
        done = subprocess.run(
            self.command(*words),
            cwd=self.root,
            env=self.environ(),
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        events = (
            [json.loads(line) for line in done.stdout.splitlines()] if "--json" in words else []
        )
        assert code is None or done.returncode == code, (
            f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Ran(done.returncode, done.stdout, done.stderr, events)

    def build(self, *patterns: str, code: int = 0) -> Ran:
        """Build and gather the events."""
        return self.run("build", "--json", *patterns, code=code)


def space(folder: Path, build_toml: str, cache: Path | None = None) -> Space:
    """A workspace in `folder/w` with this BUILD.toml, and a cache in `folder/cache` unless it shares one."""
    made = Space(folder / "w", cache or folder / "cache")
    made.write("BUILD.toml", build_toml)
    return made
