"""A workspace for one test, built by the real program in a separate process."""

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
    """Result of a run of the program: exit code, stdout, stderr, and the events of `--json`."""

    code: int
    out: str
    err: str
    events: list[dict[str, Any]] = field(default_factory=list)

    def titles(self, how: str = "ran") -> list[str]:
        """Return the sorted titles of the actions that `ran` (or were a `hit` or `shared`)."""
        return sorted(
            event["title"]
            for event in self.events
            if event["event"] == "done" and event["how"] == how
        )

    def digests(self) -> dict[str, str]:
        """Map `<label> <output>` to the output's digest, or to the manifest digest of an image."""
        return {
            f"{event['label']} {event['name']}": event["image"] or str(event["digest"])
            for event in self.events
            if event["event"] == "built"
        }


@dataclass
class Space:
    """A workspace in a folder; `cache` is its store, which two workspaces can share."""

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
        """Return the command line of the program."""
        return [sys.executable, "-m", "buildgraph", *words]

    def environ(self) -> dict[str, str]:
        """Return the environment of the program."""
        return dict(os.environ) | {"BUILDGRAPH_CACHE": str(self.cache), "NO_COLOR": "1"} | self.env

    def run(self, *words: str, code: int | None = 0) -> Ran:
        """Run the program in the workspace and expect an exit code (None: any)."""
        process = subprocess.run(
            self.command(*words),
            cwd=self.root,
            env=self.environ(),
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        events = (
            [json.loads(line) for line in process.stdout.splitlines()] if "--json" in words else []
        )
        assert code is None or process.returncode == code, (
            f"exit {process.returncode}\n{process.stdout}\n{process.stderr}"
        )
        assert "Traceback" not in process.stderr, process.stderr
        return Ran(process.returncode, process.stdout, process.stderr, events)

    def build(self, *patterns: str, code: int = 0) -> Ran:
        """Build with `--json` and parse the events."""
        return self.run("build", "--json", *patterns, code=code)


def space(folder: Path, build_toml: str, cache: Path | None = None) -> Space:
    """Create a workspace in `folder/w`; its cache is `folder/cache` by default."""
    workspace = Space(folder / "w", cache or folder / "cache")
    workspace.write("BUILD.toml", build_toml)
    return workspace
