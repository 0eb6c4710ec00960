"""The variation of a job that runs again, and the comparison of results."""

from __future__ import annotations

import shutil

import pytest

from buildgraph.checks import reproducibility
from buildgraph.checks.reproducibility import diff_results, vary_job
from buildgraph.execution.task_job import FIXED
from buildgraph.keys.reapi import Directory, encode_directory
from buildgraph.sandbox.job import Job
from buildgraph.store.memory import MemoryStore
from buildgraph.types.digest import Digest
from buildgraph.types.result import File, Node, Result, Tree


def job(*argv: str, **env: str) -> Job:
    """A job with the fixed environment of builds and some variables."""
    variables = dict(FIXED) | env
    return Job(argv, tuple(sorted(variables.items())), "/s", "/s/out", "/t", (), 60)


def test_fixed_variables_vary_and_those_of_the_action_stay() -> None:
    env = dict(vary_job(job("cc", TZ="Europe/Rome", NAME="x")).env)
    assert env["TZ"] == "Europe/Rome" and env["NAME"] == "x"
    varied = dict(vary_job(job("cc")).env)
    assert varied["TZ"] != dict(FIXED)["TZ"]
    assert varied["PYTHONHASHSEED"] != dict(FIXED)["PYTHONHASHSEED"]
    assert varied["PATH"] == dict(FIXED)["PATH"]


def test_the_command_runs_with_another_umask_and_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reproducibility, "faketime_prefix", lambda: ("/bin/faketime", "-f", "+1d"))
    argv = vary_job(job("tool.sh", "a b")).argv
    assert argv[:2] == ("/bin/sh", "-c") and "umask 077" in argv[2]
    assert argv[4:] == ("/bin/faketime", "-f", "+1d", "./tool.sh", "a b")


def test_without_faketime_the_time_is_that_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name, path: None)
    assert reproducibility.faketime_prefix() == ()


CONTENTS: dict[Digest, bytes] = {}


def file(data: bytes, executable: bool = False) -> File:
    """A file with some content."""
    digest = Digest.of(data)
    CONTENTS[digest] = data
    return File(digest, executable)


def tree(target: str = "", **files: bytes) -> Tree:
    """A folder of files, and a symlink if there is a target."""
    entries = tuple((name, file(data).digest, False) for name, data in sorted(files.items()))
    links = (("link", target),) if target else ()
    data = encode_directory(Directory(entries, (), links))
    return Tree(file(data).digest)


@pytest.mark.parametrize(
    ("before", "after", "difference"),
    [
        (file(b"a\n"), file(b"a\n"), ""),
        (file(b"a\n"), file(b"b\n"), "o: line 1: 'a\\n' -> 'b\\n'"),
        (file(b"a"), file(b"a", True), "o: executable: False -> True"),
        (tree(x=b"1"), tree(x=b"2"), "o/x: line 1: '1' -> '2'"),
        (tree(x=b"1"), tree(y=b"1"), "o/x is only in the first"),
        (tree("x", x=b""), tree("y", x=b""), "o/link: x -> y"),
        (file(b"a"), tree(x=b"a"), "o is only in the first"),
    ],
)
def test_the_first_difference_of_two_results(before: Node, after: Node, difference: str) -> None:
    log = Digest.of(b"")
    results = [Result((("o", node),), log, "none", 1) for node in (before, after)]
    read = CONTENTS.__getitem__
    assert diff_results(results[0], results[1], read, read) == difference


def test_logs_may_differ() -> None:
    batch = MemoryStore().batch()
    results = [
        Result((("o", file(b"a")),), batch.add(log), "none", time)
        for log, time in ((b"1", 1), (b"2", 2))
    ]
    read = CONTENTS.__getitem__
    assert diff_results(results[0], results[1], read, read) == ""
