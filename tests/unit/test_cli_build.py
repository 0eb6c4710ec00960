"""The verbs that build, on a small workspace with real actions, as a user runs them."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

_SRC = str(Path(__file__).parents[2])
_BUILD = '''\
[workspace]
name = "letters"

[text.upper]
rule = "command"
inputs = { text = "page.txt", tool = "upper.py" }
outputs = { page = "page.txt" }
argv = ["python3", "{tool}", "{text}", "{page}"]

[text.twice]
rule = "command"
inputs = { text = "//text:upper", tool = "twice.py" }
outputs = { page = "twice.txt" }
argv = ["python3", "{tool}", "{text}", "{page}"]

[text.short]
rule = "gate"
inputs = { text = "//text:upper", tool = "short.py" }
argv = ["python3", "{tool}", "{text}"]

[text.slow]
rule = "command"
inputs = { tool = "slow.py" }
outputs = { page = "never.txt" }
argv = ["python3", "{tool}", "{page}"]
'''
_FILES = {
    "BUILD.toml": _BUILD,
    "page.txt": "hello\n",
    "upper.py": "import sys; open(sys.argv[2], 'w').write(open(sys.argv[1]).read().upper())\n",
    "twice.py": "import sys; open(sys.argv[2], 'w').write(open(sys.argv[1]).read() * 2)\n",
    "short.py": "import sys; n = len(open(sys.argv[1]).read()); print(n, 'letters'); sys.exit(n > 10)\n",
    "slow.py": "import sys, time; print('begun', flush=True); time.sleep(600)\n",
}


class Space:
    """A workspace and a cache of its own, and the command line in it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "letters"
        self.environ = {**os.environ, "BUILDGRAPH_CACHE": str(folder / "cache"), "PYTHONPATH": _SRC}
        self.root.mkdir()
        for name, text in _FILES.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> None:
        """Write a file of the workspace."""
        (self.root / name).write_text(text, encoding="utf-8")

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start `buildgraph WORDS`."""
        return subprocess.Popen([sys.executable, "-m", "buildgraph", *words], cwd=self.root, env=self.environ, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, *words: str, code: int = 0) -> tuple[str, str]:
        """Run `buildgraph WORDS` to its end, which must be `code`; what it wrote to stdout and stderr."""
        process = self.start(*words)
        out, err = process.communicate(timeout=120)
        assert process.returncode == code, f"{process.returncode}\n{out}\n{err}"
        return out, err

    def events(self, *words: str, code: int = 0) -> list[dict[str, Any]]:
        """The events of a run with --json."""
        return [json.loads(line) for line in self.run(*words, "--json", code=code)[0].splitlines()]


@pytest.fixture
def space(tmp_path: Path) -> Space:
    """The workspace of this page."""
    return Space(tmp_path)


def test_a_build_tells_what_ran_and_where_the_outputs_stand(space: Space) -> None:
    out, err = space.run("build", "//text:twice")
    assert [line.split(" ", 1)[0] for line in err.splitlines()] == ["[1/2]", "[2/2]"]
    assert out.startswith("//text:twice\n  out/text/twice/twice.txt") and "sha256:" in out
    assert "2 ran, 0 hits, 0 failed in " in out
    assert (space.root / "out/text/twice/twice.txt").read_text() == "HELLO\nHELLO\n"
    out, err = space.run("build", "//text:twice", "-j", "1")
    assert "0 ran, 2 hits, 0 failed" in out and err == ""


def test_quiet_says_only_where_the_outputs_stand(space: Space) -> None:
    out, err = space.run("build", "-q", "//text:upper")
    assert err == "" and len(out.splitlines()) == 2


def test_json_is_one_event_a_line(space: Space) -> None:
    events = space.events("build", "//text:twice")
    assert [event["event"] for event in events] == ["planned", "started", "done", "started", "done", "built", "finished"]
    assert events[-1]["ran"] == 2


def test_test_tells_of_gates_only(space: Space) -> None:
    out, _ = space.run("test", "//text:short")
    assert out.startswith("gates of //text:short\n  passed       short\n")
    space.write("page.txt", "hello, whoever reads this\n")
    out, err = space.run("test", "//text:short", code=1)
    assert "  failed       short" in out
    assert "error: //text:short: gate short: " in err and "   | 26 letters" in err and "run it again by hand: " in err


def test_why_names_what_changed(space: Space) -> None:
    space.run("build", "//text:twice")
    space.write("page.txt", "goodbye\n")
    space.run("build", "//text:twice")
    out, _ = space.run("why", "//text:upper")
    assert out.splitlines()[0] == "//text:upper: python3"
    assert out.splitlines()[1].startswith("  input page.txt  sha256:") and len(out.splitlines()) == 2
    (reason,) = json.loads(space.run("why", "//text:twice", "--json")[0])["reasons"]
    assert [part for part, _, _ in reason["parts"]] == ["input in/text/page.txt"]
    assert "has been done" in space.run("why", "//text:slow", code=2)[1]


def test_query_asks_without_building(space: Space) -> None:
    assert space.run("query", "list", "//text:*")[0].splitlines() == [
        "//text:short", "//text:slow", "//text:twice", "//text:upper"]
    assert space.run("query", "deps", "//text:twice")[0].splitlines() == ["//text:twice", "//text:upper"]
    assert space.run("query", "rdeps", "//text:upper")[0].splitlines() == ["//text:short", "//text:twice", "//text:upper"]
    assert space.run("query", "somepath", "//text:twice", "//text:upper")[0].splitlines() == [
        "//text:twice", "//text:upper"]
    assert '"//text:twice" -> "//text:upper"' in space.run("query", "deps", "//text:twice", "--dot")[0]
    assert "did you mean 'rdeps'?" in space.run("query", "rdep", "//text:upper", code=2)[1]
    assert not (space.root / "out").exists()


def test_faults_of_the_workspace_are_shown_with_their_line(space: Space) -> None:
    space.write("BUILD.toml", _BUILD.replace('text = "//text:upper"', 'text = "//text:uper"'))
    _, err = space.run("build", "//text:twice", code=2)
    assert "did you mean '//text:upper'?" in err
    assert '12 | inputs = { text = "//text:uper"' in err and "Traceback" not in err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_running_build_and_what_it_runs(space: Space, number: signal.Signals, code: int) -> None:
    process = space.start("build", "//text:slow", "--json")
    assert process.stdout is not None
    while '"started"' not in process.stdout.readline():
        assert process.poll() is None
    time.sleep(0.3)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert err.endswith("interrupted\n") and "Traceback" not in err


def test_init_makes_a_workspace_that_builds(space: Space) -> None:
    space.run("init", "fresh")
    space.root /= "fresh"
    listed = space.run("query", "list", "//...")[0].splitlines()
    assert "//exports:pi5" in listed
    space.run("query", "deps", "//exports:pi5")
