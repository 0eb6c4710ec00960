"""`build --watch`: what changes is built again, and Ctrl-C is the good end."""

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


class Watching:
    """A running watch, and the lines it says."""

    def __init__(self, of: Space, *words: str) -> None:
        self.space = of
        self.process = subprocess.Popen(
            of.command("build", "--watch", *words),
            cwd=of.root,
            env=of.environ(),
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

    def built(self, within: float = 60) -> list[str]:
        """What is said until it waits again."""
        found: list[str] = []
        end = time.monotonic() + within
        while not (found and found[-1].startswith("watching ")):
            try:
                found.append(self.lines.get(timeout=max(end - time.monotonic(), 0.01)))
            except queue.Empty:
                raise AssertionError(
                    f"it does not come to wait (exit code {self.process.poll()}): {found}"
                ) from None
        return found

    def still(self, seconds: float) -> bool:
        """Whether nothing is said for a while."""
        time.sleep(seconds)
        return self.lines.empty()

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """End it."""
        self.process.send_signal(number)
        try:
            return self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"it does not end: {[self.lines.get() for _ in range(self.lines.qsize())]}"
            ) from None


@pytest.fixture
def made(tmp_path: Path) -> Space:
    """A command over a file, and a glob."""
    of = space(tmp_path, _BUILD)
    of.write("words.txt", "one\n")
    of.write("src/a.txt", "a\n")
    return of


@pytest.fixture
def watching(made: Space) -> Iterator[Watching]:
    """A watch of everything."""
    found = Watching(made, "//...")
    yield found
    found.process.kill()
    found.process.wait()


def test_what_changes_is_built_again_until_ctrl_c(watching: Watching, made: Space) -> None:
    assert any("2 ran" in line for line in watching.built())
    made.write("words.txt", "two\n")
    assert any("1 ran, 1 hit" in line for line in watching.built())
    assert (made.root / "out/upper/upper.txt").read_text() == "TWO\n"
    made.write("src/b.txt", "b\n")
    assert any("1 ran, 1 hit" in line for line in watching.built())
    assert sorted(path.name for path in (made.root / "out/all/tree/src").iterdir()) == [
        "a.txt",
        "b.txt",
    ]
    made.write("unrelated.md", "x")
    made.write("words.txt", "two\n")
    watching.built()
    assert watching.still(1.0)
    assert watching.stop() == 0


def test_a_fault_is_told_and_mended(watching: Watching, made: Space) -> None:
    watching.built()
    made.write("BUILD.toml", _BUILD.replace("words.txt", "word.txt"))
    assert any("did you mean 'words.txt'?" in line for line in watching.built())
    made.write("BUILD.toml", _BUILD)
    assert any("2 hits" in line for line in watching.built())
    made.write("BUILD.toml", _BUILD.replace("tr a-z A-Z <", "exit 3;"))
    assert any("exit code 3" in line for line in watching.built())
    made.write("BUILD.toml", _BUILD)
    assert any("2 hits" in line for line in watching.built())
    assert watching.stop(signal.SIGTERM) == 143


def test_an_interrupted_build_ends_the_watch(made: Space) -> None:
    made.write("BUILD.toml", _BUILD.replace("tr a-z", "sleep 600; tr a-z"))
    running = Watching(made, "//:upper", "--json")
    while '"started"' not in running.lines.get(timeout=60):
        pass
    assert running.stop() == 130


def test_ctrl_c_at_the_very_moment_it_waits_is_the_good_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who reads that it watches may be quicker with Ctrl-C than the next line of the program."""

    class Reader(io.StringIO):
        """One who reads and strikes."""

        def write(self, text: str) -> int:
            signal.raise_signal(signal.SIGINT)
            return super().write(text)

    monkeypatch.setattr(
        watching_module, "find_watched", lambda *_: watching_module.Watched({}, frozenset())
    )
    monkeypatch.setattr(sys, "stderr", Reader())
    with SignalHandler():
        assert (
            watching_module.watch(Invocation("/", ""), (), lambda: 0, lambda fault: fault.code) == 0
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
