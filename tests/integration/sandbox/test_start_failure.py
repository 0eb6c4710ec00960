"""Reasons for which a program cannot be started are explained, equally in every sandbox."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from buildgraph.sandbox.job import LEVELS, Job, Level, Outcome
from buildgraph.sandbox.sandbox import is_available, run
from buildgraph.sandbox.start_failure import start_error
from tests.support.requirements import absent

TRUE = Path("/bin/true")


def elf(machine: int = 0, loader: bytes = b"") -> bytes:
    """Return a program of this host, changed for another machine or for a missing loader."""
    data = bytearray(TRUE.read_bytes())
    if machine:
        data[18:20] = machine.to_bytes(2, "little" if data[5] == 1 else "big")
    at = data.find(b"/ld-")
    if loader and at >= 0:
        data[at : at + len(loader)] = loader
    return bytes(data)


BAD: dict[str, tuple[bytes, str]] = {
    "CR LF": (b"#!/bin/sh\r\necho\r\n", "ends in CR LF"),
    "CR LF behind env": (b"#!/usr/bin/env python3\r\n", "ends in CR LF"),
    "no such interpreter": (
        b"#!/nonexistent/sh\n",
        "interpreter /nonexistent/sh, which does not exist",
    ),
    "interpreter that is none": (
        b"#!/etc/passwd\n",
        "interpreter /etc/passwd, which is not executable",
    ),
    "no interpreter": (b"#!\necho\n", "names no interpreter"),
    "no first line": (b"echo hi\n", "names no interpreter"),
    "empty": (b"", "is empty"),
    "byte order mark": (b"\xef\xbb\xbf#!/bin/sh\n", "byte order mark"),
    "another machine": (
        elf(machine=22 if os.uname().machine != "s390x" else 183),
        "it is a program for",
    ),
    "no loader": (elf(loader=b"/no-"), "needs the loader"),
    "Windows": (b"MZ" + bytes(90), "a program for Windows"),
    "macOS": (b"\xcf\xfa\xed\xfe" + bytes(90), "a program for macOS"),
    "bytes": (b"\1\0\2" * 9, "not a script, and not a program"),
}


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest) -> Level:
    """Return each level that works here."""
    if request.param != "none" and not is_available(request.param):
        absent(f"no {request.param} here")
    name: Level = request.param
    return name


def started(
    folder: Path, level: Level, data: bytes, mode: int = 0o555, argv: tuple[str, ...] = ("prog",)
) -> tuple[Job, Outcome]:
    """Run a program of the workspace, which may fail to start."""
    stage, temp = folder / "stage", folder / "temp"
    for program in (stage, stage / "out", temp):
        program.mkdir()
    (stage / "prog").write_bytes(data)
    (stage / "prog").chmod(mode)
    job = Job(argv, (("PATH", "/usr/bin:/bin"),), str(stage), str(stage / "out"), str(temp), (), 20)
    return job, run(job, level)


@pytest.mark.parametrize("kind", BAD)
def test_an_error_of_a_program_is_explained(tmp_path: Path, level: Level, kind: str) -> None:
    data, message = BAD[kind]
    fault = start_error(*started(tmp_path, level, data))
    assert fault.startswith("prog cannot be run: ") and message in fault, fault


def test_a_program_that_is_not_executable(tmp_path: Path, level: Level) -> None:
    fault = start_error(*started(tmp_path, level, b"#!/bin/sh\n", 0o444))
    assert "is not executable" in fault and "chmod +x prog" in fault


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (b"#!/bin/sh\nexit 0\n", 0),
        (b"#! /bin/sh -e\nexit 3\n", 3),
        (b"#!/usr/bin/env sh\nexit 127", 127),
    ],
)
def test_a_program_that_ran_has_no_start_error(
    tmp_path: Path, level: Level, script: bytes, code: int
) -> None:
    job, outcome = started(tmp_path, level, script)
    assert outcome.code == code and start_error(job, outcome) == ""


def test_a_script_that_a_shell_starts(tmp_path: Path, level: Level) -> None:
    """The shell prints only that there is no such file."""
    job, outcome = started(
        tmp_path, level, b"#!/bin/sh\r\n", argv=("/bin/sh", "-c", "./prog out/x")
    )
    assert outcome.code and "./prog cannot be run: its first line ends in CR LF" in start_error(
        job, outcome
    )


def test_an_interpreter_that_a_sandbox_does_not_show(tmp_path: Path, level: Level) -> None:
    """It exists on the host, which does not help."""
    own = tmp_path / "sh"
    own.write_bytes(b"#!/bin/sh\n")
    own.chmod(0o755)
    job, outcome = started(tmp_path, level, f"#!{own}\n".encode())
    assert (level == "none") == ("do not see" not in start_error(job, outcome))


SEMAPHORE = (
    "import _multiprocessing as m, sys; sys.stdout.flush()\n"
    "m.SemLock(1, 1, 1, '/bg-test-%d' % __import__('os').getpid(), True)"
)


def test_named_semaphores_work_or_the_sandbox_is_named(tmp_path: Path, level: Level) -> None:
    """They fail where they cannot be private to an action."""
    job, outcome = started(tmp_path, level, b"", argv=("/usr/bin/python3", "-S", "-c", SEMAPHORE))
    if level == "landlock":
        assert (
            outcome.code
            and "landlock" in start_error(job, outcome)
            and "/dev/shm" in start_error(job, outcome)
        )
    else:
        assert (outcome.code, start_error(job, outcome)) == (0, ""), outcome.log
