"""Orders: a job that is encoded is what a supervisor parses."""

from __future__ import annotations

import os
from pathlib import Path

from buildgraph.sandbox import supervisor
from buildgraph.sandbox.job import Job
from buildgraph.sandbox.job_encoding import NETWORK_FILES, encode_job, environment
from buildgraph.sandbox.process import memory_file


def job(folder: Path, network: bool = False) -> Job:
    """Return a job with a declared variable and a visible path."""
    stage = str(folder)
    env = (("LANG", "C"), ("TEXT", "a=b\nc"))
    out, temp = f"{stage}/out", f"{stage}-temp"
    return Job(("tool", "a b", "-x"), env, stage, out, temp, ("/opt/tool",), 60, network)


def read(one: Job, confined: bool) -> dict[str, list[str]]:
    """Encode a job, and read its orders as a supervisor does."""
    fd = memory_file(encode_job(one, confined, 77))
    try:
        return supervisor.read_orders(fd)
    finally:
        os.close(fd)


def test_a_plain_job(tmp_path: Path) -> None:
    one = job(tmp_path)
    orders = read(one, confined=False)
    assert set(orders) == {"p", "s", "e", "a"}
    assert orders["p"] == ["77"] and orders["s"] == [one.stage]
    assert orders["a"] == ["./tool", "a b", "-x"]
    assert supervisor.parse_environment(orders) == environment(one, one.stage, one.temp)


def test_a_confined_job_has_grants(tmp_path: Path) -> None:
    one = job(tmp_path)
    orders = read(one, confined=True)
    assert orders["l"] == [""] and "n" not in orders
    assert {"/opt/tool", os.path.realpath(one.stage)} <= set(orders["r"])
    assert orders["w"] == [one.out, one.temp] and "/dev/null" in orders["d"]


def test_the_network_is_granted_with_its_files(tmp_path: Path) -> None:
    plain, network = (read(job(tmp_path, wish), confined=True) for wish in (False, True))
    assert network["n"] == [""]
    added = set(network["r"]) - set(plain["r"])
    assert added == {os.path.realpath(path) for path in NETWORK_FILES} - set(plain["r"])


def test_declared_variables_replace_defaults_but_not_the_folder(tmp_path: Path) -> None:
    one = Job(("x",), (("HOME", "/h"), ("PWD", "/p")), str(tmp_path), "", "/temp", (), 1)
    variables = environment(one, "/build", "/tmp")
    assert variables["HOME"] == "/h" and variables["PWD"] == "/build"
    assert variables["TMPDIR"] == "/tmp" and variables["PATH"] == "/usr/bin:/bin"
