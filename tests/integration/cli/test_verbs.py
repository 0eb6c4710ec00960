"""The verbs that build, on a small workspace with real actions."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.workspace import Space, space

_BUILD = """\
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
"""
_FILES = {
    "page.txt": "hello\n",
    "upper.py": "import sys; open(sys.argv[2], 'w').write(open(sys.argv[1]).read().upper())\n",
    "twice.py": "import sys; open(sys.argv[2], 'w').write(open(sys.argv[1]).read() * 2)\n",
    "short.py": "import sys; n = len(open(sys.argv[1]).read()); print(n, 'letters'); "
    "sys.exit(n > 10)\n",
    "slow.py": "import sys, time; print('begun', flush=True); time.sleep(600)\n",
}


@pytest.fixture
def letters(tmp_path: Path) -> Space:
    """The workspace of this module."""
    workspace = space(tmp_path, _BUILD)
    for name, text in _FILES.items():
        workspace.write(name, text)
    return workspace


def test_a_build_prints_actions_and_outputs(letters: Space) -> None:
    ran = letters.run("build", "//text:twice")
    assert [line.split(" ", 1)[0] for line in ran.err.splitlines()] == ["[1/2]", "[2/2]"]
    assert ran.out.startswith("//text:twice\n  out/text/twice/twice.txt") and "sha256:" in ran.out
    assert "2 ran, 0 hits, 0 failed in " in ran.out
    assert (letters.root / "out/text/twice/twice.txt").read_text() == "HELLO\nHELLO\n"
    ran = letters.run("build", "//text:twice", "-j", "1")
    # A slow machine builds so late that the files are settled, and the manifest answers.
    assert ran.err == ""
    assert "0 ran, 2 hits, 0 failed" in ran.out or "nothing changed: 2 actions" in ran.out


def test_quiet_prints_only_outputs(letters: Space) -> None:
    ran = letters.run("build", "-q", "//text:upper")
    assert ran.err == "" and len(ran.out.splitlines()) == 2


def test_json_is_one_event_a_line(letters: Space) -> None:
    events = letters.build("//text:twice").events
    assert [event["event"] for event in events] == [
        "planned",
        "started",
        "done",
        "started",
        "done",
        "built",
        "finished",
    ]
    assert events[-1]["ran"] == 2


def test_test_reports_only_gates(letters: Space) -> None:
    ran = letters.run("test", "//text:short")
    table = "gates of //text:short\n  gate   verdict\n  short  passed\n"
    assert ran.out.startswith(table)
    letters.write("page.txt", "hello, reader of the text\n")
    ran = letters.run("test", "//text:short", code=1)
    assert "  short  failed\n" in ran.out
    assert "error: //text:short: gate short: " in ran.err
    assert (
        "   | 26 letters" in ran.err
        and "--sandbox-debug keeps its folder, and prints a command that runs it again" in ran.err
    )


def test_why_names_what_changed(letters: Space) -> None:
    letters.run("build", "//text:twice")
    letters.write("page.txt", "goodbye\n")
    letters.run("build", "//text:twice")
    ran = letters.run("why", "//text:upper")
    assert ran.out.splitlines()[0] == 'page.txt changed: line 1 "hello" -> "goodbye"'
    assert (
        "    line 1: 'hello\\n' -> 'goodbye\\n'"
        in letters.run("why", "--all", "//text:upper").out.splitlines()
    )
    reasons = json.loads(letters.run("why", "//text:twice", "--json").out)["reasons"]
    (part,) = (
        part for reason in reasons if reason["label"] == "//text:twice" for part in reason["parts"]
    )
    assert (part["name"], part["origin"]) == (
        "input in/text/page.txt",
        "made by //text:upper (python3)",
    )
    assert part["first"] == "line 1: 'HELLO\\n' -> 'GOODBYE\\n'"
    assert "has run in" in letters.run("why", "//text:slow", code=2).err


def test_query_builds_nothing(letters: Space) -> None:
    assert letters.run("query", "list", "//text:*").out.splitlines() == [
        "//text:short",
        "//text:slow",
        "//text:twice",
        "//text:upper",
    ]
    assert letters.run("query", "deps", "//text:twice").out.splitlines() == [
        "//text:twice",
        "//text:upper",
    ]
    assert letters.run("query", "rdeps", "//text:upper").out.splitlines() == [
        "//text:short",
        "//text:twice",
        "//text:upper",
    ]
    assert letters.run("query", "somepath", "//text:twice", "//text:upper").out.splitlines() == [
        "//text:twice",
        "//text:upper",
    ]
    assert (
        '"//text:twice" -> "//text:upper"'
        in letters.run("query", "deps", "//text:twice", "--output", "dot").out
    )
    assert "did you mean 'rdeps'?" in letters.run("query", "rdep", "//text:upper", code=2).err
    assert not (letters.root / "out").exists()


def test_errors_of_the_workspace_are_shown_with_their_line(letters: Space) -> None:
    letters.write("BUILD.toml", _BUILD.replace('text = "//text:upper"', 'text = "//text:uper"'))
    ran = letters.run("build", "//text:twice", code=2)
    assert "did you mean '//text:upper'?" in ran.err
    assert '12 | inputs = { text = "//text:uper"' in ran.err and "Traceback" not in ran.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_running_build_and_what_it_runs(
    letters: Space, number: signal.Signals, code: int
) -> None:
    process = subprocess.Popen(
        letters.command("build", "//text:slow", "--json"),
        cwd=letters.root,
        text=True,
        env=letters.environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    while '"started"' not in process.stdout.readline():
        assert process.poll() is None
    time.sleep(0.3)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert err.endswith("interrupted\n") and "Traceback" not in err


def test_init_makes_a_workspace_that_builds(letters: Space) -> None:
    letters.run("init", "fresh")
    letters.root /= "fresh"
    listed = letters.run("query", "list", "//...").out.splitlines()
    assert "//exports:pi5" in listed
    letters.run("query", "deps", "//exports:pi5")
