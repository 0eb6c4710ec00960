"""The trace and the log of a build, and the durations that it records."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.support.workspace import Space, space

_BUILD = """\
[workspace]
name = "w"

[slow]
rule = "command"
outputs = { o = "o" }
argv = ["sh", "-c", "sleep 0.2; echo a > {o}"]

[quick]
rule = "command"
inputs = { a = ":slow" }
outputs = { o = "o" }
argv = ["sh", "-c", "cat {a} > {o}"]

[check]
rule = "gate"
inputs = { a = ":quick" }
argv = ["sh", "-c", "test -s {a}"]
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Space:
    """A chain of two commands and a gate."""
    return space(tmp_path, _BUILD)


def test_the_option_trace_writes_a_trace(workspace: Space) -> None:
    workspace.run("build", "//...", "--trace", "t.json")
    events = json.loads((workspace.root / "t.json").read_text())["traceEvents"]
    rows = {
        event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"
    }
    whole = {event["name"]: event for event in events if event["ph"] == "X"}
    assert {"load and analyse", "actions", "sh"} <= set(whole)
    slow = next(
        event for event in events if event["ph"] == "X" and event["args"].get("label") == "//:slow"
    )
    assert (
        rows[slow["tid"]] == "worker 1" and slow["dur"] >= 200_000 and slow["args"]["how"] == "ran"
    )
    assert [event["name"] for event in events if event["ph"] == "i"] == ["check: passed"]
    # Without the state of that build, the next one looks up every action.
    shutil.rmtree(workspace.root / ".buildgraph")
    workspace.run("build", "//...", "--trace", "t.json")
    events = json.loads((workspace.root / "t.json").read_text())["traceEvents"]
    assert [event["cat"] for event in events if event["ph"] == "i"] == ["hit"] * 3 + ["judged"]


def test_logs_of_the_last_builds_are_kept(workspace: Space) -> None:
    built = workspace.build("//...")
    workspace.build("-j1", "//...")
    lines = [
        json.loads(line)
        for line in (workspace.root / ".buildgraph/events.1.jsonl").read_text().splitlines()
    ]
    printed = [
        {key: value for key, value in event.items() if key != "schema"} for event in built.events
    ]
    assert [
        {key: value for key, value in line.items() if key != "time_us"} for line in lines
    ] == printed
    assert [line["time_us"] for line in lines] == sorted(line["time_us"] for line in lines)
    last = json.loads(workspace.run("trace").out)["traceEvents"]
    before = json.loads(workspace.run("trace", "--before", "1").out)["traceEvents"]
    assert sum(event.get("cat") == "hit" for event in last) == 3
    assert sum(event.get("cat") == "ran" for event in before) == 3
    workspace.run("trace", "out.json")
    assert json.loads((workspace.root / "out.json").read_text())["traceEvents"] == last
    assert (
        "no log of build 4 before the last" in workspace.run("trace", "--before", "4", code=2).err
    )


def test_a_failed_build_has_a_log(workspace: Space) -> None:
    workspace.write("BUILD.toml", _BUILD.replace("cat {a} > {o}", "exit 3"))
    workspace.run("build", "//...", code=1)
    events = json.loads(workspace.run("trace").out)["traceEvents"]
    assert [event["args"]["why"] for event in events if event.get("cat") == "failed"] == [
        "exit code 3"
    ]


def test_the_second_build_estimates_durations(workspace: Space) -> None:
    assert workspace.build("//:quick").events[0]["chains"] == []
    workspace.write("BUILD.toml", _BUILD.replace("echo a", "echo b"))
    planned = workspace.build("//:quick").events[0]
    assert len(planned["chains"]) == 2 and min(planned["chains"]) < 200 <= max(planned["chains"])
