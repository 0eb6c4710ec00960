"""`build --watch`: changed targets are built again, and Ctrl-C ends it with exit code 0."""

from __future__ import annotations

import io
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from buildgraph.cli.invocation import Invocation
from buildgraph.cli.signals import SignalHandler
from buildgraph.cli.verbs import watch as watching_module
from buildgraph.cli.verbs.watch import stamps, wait
from tests.support.workspace import Space, space

_BUILD = """\
[workspace]
name = "w"

[upper]
rule = "command"
inputs = { text = "words.txt" }
outputs = { o = "upper.txt" }
argv = ["sh", "-c", "tr a-z A-Z < {text} > {o}"]

[all]
rule = "files"
srcs = ["src/*.txt"]
"""


class WatchProcess:
    """A running watch and the lines that it prints."""

    def __init__(self, workspace: Space, *words: str) -> None:
        self.space = workspace
        self.process = subprocess.Popen(
            workspace.command("build", "--watch", *words),
            cwd=workspace.root,
            env=workspace.environ(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line.rstrip())

    def wait_for_build(self, timeout: float = 60) -> list[str]:
        """Return the lines that it prints before it waits for changes; `timeout` is in seconds."""
        lines: list[str] = []
        end = time.monotonic() + timeout
        while not (lines and lines[-1].startswith("watching ")):
            try:
                lines.append(self.lines.get(timeout=max(end - time.monotonic(), 0.01)))
            except queue.Empty:
                raise AssertionError(
                    f"it does not wait for changes (exit code {self.process.poll()}): {lines}"
                ) from None
        return lines

    def is_silent(self, seconds: float) -> bool:
        """Return True if it prints nothing for some seconds."""
        time.sleep(seconds)
        return self.lines.empty()

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        try:
            return self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"it does not end: {[self.lines.get() for _ in range(self.lines.qsize())]}"
            ) from None


@pytest.fixture
def workspace(tmp_path: Path) -> Space:
    """Create a workspace with a command that reads a file and with a glob."""
    workspace = space(tmp_path, _BUILD)
    workspace.write("words.txt", "one\n")
    workspace.write("src/a.txt", "a\n")
    return workspace


@pytest.fixture
def watching(workspace: Space) -> Iterator[WatchProcess]:
    """Watch all targets."""
    running = WatchProcess(workspace, "//...")
    yield running
    running.process.kill()
    running.process.wait()


def test_changed_targets_are_built_again_until_ctrl_c(
    watching: WatchProcess, workspace: Space
) -> None:
    assert any("2 ran" in line for line in watching.wait_for_build())
    workspace.write("words.txt", "two\n")
    assert any("1 ran, 1 hit" in line for line in watching.wait_for_build())
    assert (workspace.root / "out/upper/upper.txt").read_text() == "TWO\n"
    workspace.write("src/b.txt", "b\n")
    assert any("1 ran, 1 hit" in line for line in watching.wait_for_build())
    assert sorted(path.name for path in (workspace.root / "out/all/tree/src").iterdir()) == [
        "a.txt",
        "b.txt",
    ]
    workspace.write("unrelated.md", "x")
    workspace.write("words.txt", "two\n")
    watching.wait_for_build()
    assert watching.is_silent(1.0)
    assert watching.stop() == 0


def test_an_error_is_reported_until_it_is_fixed(watching: WatchProcess, workspace: Space) -> None:
    watching.wait_for_build()
    workspace.write("BUILD.toml", _BUILD.replace("words.txt", "word.txt"))
    assert any("did you mean 'words.txt'?" in line for line in watching.wait_for_build())
    workspace.write("BUILD.toml", _BUILD)
    assert any("2 hits" in line for line in watching.wait_for_build())
    workspace.write("BUILD.toml", _BUILD.replace("tr a-z A-Z <", "exit 3;"))
    assert any("exit code 3" in line for line in watching.wait_for_build())
    workspace.write("BUILD.toml", _BUILD)
    assert any("2 hits" in line for line in watching.wait_for_build())
    assert watching.stop(signal.SIGTERM) == 143


def test_an_interrupted_build_ends_the_watch(workspace: Space) -> None:
    workspace.write("BUILD.toml", _BUILD.replace("tr a-z", "sleep 600; tr a-z"))
    running = WatchProcess(workspace, "//:upper", "--json")
    while '"started"' not in running.lines.get(timeout=60):
        pass
    assert running.stop() == 130


def test_ctrl_c_at_the_moment_when_the_wait_begins_ends_with_code_0(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A user can press Ctrl-C before the program executes the line after the message."""

    class InterruptingStream(io.StringIO):
        """A stream that raises SIGINT when a text is written to it."""

        def write(self, text: str) -> int:
            signal.raise_signal(signal.SIGINT)
            return super().write(text)

    monkeypatch.setattr(
        watching_module, "find_watched", lambda *_: watching_module.Watched({}, frozenset())
    )
    monkeypatch.setattr(sys, "stderr", InterruptingStream())
    with SignalHandler():
        assert (
            watching_module.watch(Invocation("/", ""), (), lambda: 0, lambda error: error.code) == 0
        )


def test_changes_are_awaited_until_they_are_still(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("0")
    before, polls = stamps([str(path), str(tmp_path), str(tmp_path / "none")]), []

    def sleep(seconds: float) -> None:
        polls.append(seconds)
        if 3 <= len(polls) <= 6:
            path.write_text("x" * len(polls))
            os.utime(path, ns=(0, len(polls)))
        assert len(polls) < 20

    assert wait(before, sleep) == {str(path)}
    assert len(polls) == 7 and set(polls) == {0.2}
