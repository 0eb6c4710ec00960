"""Jobs: the program of an argv, endings, and jobs that a fork server can run."""

from __future__ import annotations

import os
import sys

import pytest

from buildgraph.sandbox.job import FLAGS, Job, classify_ending, is_tool

PYTHON = os.path.realpath(sys.executable)


def job(*argv: str, network: bool = False) -> Job:
    """Return a job with an argv."""
    return Job(argv, (), "/stage", "/stage/out", "/temp", (), 60, network)


def test_path_is_never_searched() -> None:
    assert job("tool", "x").words == ("./tool", "x")
    assert job("/bin/sh", "x").words == ("/bin/sh", "x")
    assert job("sub/tool").words == ("sub/tool",)


@pytest.mark.parametrize(
    ("code", "cause", "oom_kill", "ending"),
    [
        (0, "exit", True, "exit"),
        (3, "exit", True, "exit"),
        (137, "exit", True, "memory"),
        (137, "exit", False, "signal"),
        (139, "exit", True, "signal"),
        (193, "exit", True, "exit"),
        (137, "timeout", True, "timeout"),
        (143, "interrupted", True, "interrupted"),
    ],
)
def test_the_ending_of_a_job(code: int, cause: str, oom_kill: bool, ending: str) -> None:
    assert classify_ending(code, cause, lambda: oom_kill) == ending


def test_a_fork_server_runs_tools_of_this_interpreter_only() -> None:
    assert is_tool(job(PYTHON, *FLAGS, "tools/a.py"))
    assert not is_tool(job(PYTHON, *FLAGS, "tools/a.py", network=True))
    assert not is_tool(job(PYTHON, *FLAGS, "other/a.py"))
    assert not is_tool(job(PYTHON, *FLAGS))
    assert not is_tool(job(PYTHON, "-S", "-B", "-s", "tools/a.py"))
    assert not is_tool(job("/bin/sh", *FLAGS, "tools/a.py"))
