"""Answers that cannot be written, and input that cannot be read: an exit code, words, and a state
that holds whole steps.
"""

from __future__ import annotations

import fcntl
import json
import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.integration.agentc.native.test_state import steps
from tests.support.http_client import LIMIT, Server, request
from tests.support.native_agents import Compiled, talk
from tests.support.native_runs import built, proved_scout, seen, serving
from tests.support.requirements import need

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("native-output")]
MANY = "".join(seen(k) + "\n" for k in range(500)).encode()


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """The agent of every program here, proved, so that its self-test says something."""
    return proved_scout(tmp_path_factory)


@pytest.fixture(scope="module")
def program(agent: Compiled, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One agent, nothing else."""
    return built(agent, tmp_path_factory.mktemp("program"))


def ended(words: Sequence[str | Path], **options: Any) -> tuple[int, str]:
    """Exit code and stderr of a program that has 500 lines to answer."""
    done = subprocess.run(
        list(map(str, words)),
        input=MANY,
        stderr=subprocess.PIPE,
        timeout=LIMIT,
        check=False,
        **options,
    )
    return done.returncode, done.stderr.decode()


def lost(message: str) -> int:
    """How many answers are lost, as the program says."""
    return int(message.partition("answers that are lost: ")[2].split(",")[0])


def test_a_full_disk(program: Path) -> None:
    with open("/dev/full", "wb") as full:
        code, message = ended([program], stdout=full)
        assert (
            code == 1
            and message.startswith("stdout: no space left; answers that are lost: ")
            and 0 < lost(message) < 500
        )
        for words in (["--selftest"], ["--health"], ["--version"], ["--help"]):
            assert ended([program, *words], stdout=full) == (1, "stdout: no space left\n")
        records = np.array([[1, 0, -1]] * 2000, "<i4").tobytes()
        done = subprocess.run(
            [program, "--replay", "scout"],
            input=records,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
        assert (done.returncode, done.stderr) == (1, b"stdout: no space left\n")


def test_a_limit_of_the_size_of_files(program: Path, tmp_path: Path) -> None:
    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)

    with (tmp_path / "answers").open("wb") as file:
        code, message = ended([program], stdout=file, preexec_fn=limited)
    whole = (tmp_path / "answers").read_bytes().count(b"\n")
    assert code == 1 and "larger than the limit" in message
    assert whole + lost(message) <= 500 and whole > 50 and lost(message) > 0


def test_a_state_that_is_larger_than_a_file_may_be(agent: Compiled, tmp_path: Path) -> None:
    large, state = built(agent, tmp_path / "large", "--replicas", "scout=100"), tmp_path / "state"

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))

    code, message = ended([large, "--state", state], stdout=subprocess.DEVNULL, preexec_fn=limited)
    assert (
        code == 2 and "the state is not written" in message and "larger than the limit" in message
    )
    assert not state.exists()


@pytest.mark.parametrize("closed", ["", "0", "012"])
def test_what_is_closed_is_said_and_no_file_takes_its_place(
    program: Path, closed: str, tmp_path: Path
) -> None:
    """The state's files would get the numbers 0 to 2, and answers would be written into them."""
    state = tmp_path / "state"
    redirections = {"": "</dev/null >&-", "0": "<&-", "012": "<&- >&- 2>&-"}[closed]
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" --state "$1" {redirections}', str(program), str(state)],
        capture_output=True,
        timeout=LIMIT,
        check=False,
    )
    assert steps(state) == 0 and (tmp_path / "state.lock").read_bytes() == b""
    assert done.returncode == (0 if not closed else 1)  # without a line there is no answer to lose
    assert done.stderr == {"": b"", "0": b"stdin: it is closed\n", "012": b""}[closed]
    code, message = ended(["sh", "-c", 'exec "$0" --state "$1" >&-', str(program), str(state)])
    assert code == 1 and message.startswith("stdout: it is closed; answers that are lost: ")
    assert steps(state) == lost(message) and (tmp_path / "state.lock").read_bytes() == b""


def test_an_input_that_cannot_be_read(program: Path, tmp_path: Path) -> None:
    for words in ([], ["--replay", "scout"]):
        folder = os.open(tmp_path, os.O_RDONLY)
        done = subprocess.run(
            [program, *words], stdin=folder, capture_output=True, timeout=LIMIT, check=False
        )
        os.close(folder)
        assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"stdin: it is a folder\n")


@pytest.mark.parametrize("error", ["EIO", "ENOSPC", "EDQUOT"])
def test_a_device_that_fails_in_the_middle(program: Path, error: str, tmp_path: Path) -> None:
    strace, answers, state = need("strace"), tmp_path / "answers", tmp_path / "state"
    words = [
        strace,
        "-qq",
        "-o",
        "/dev/null",
        "-P",
        str(answers),
        "-e",
        f"inject=write:error={error}:when=3+",
    ]
    with answers.open("wb") as file:
        code, message = ended([*words, program, "--state", state], stdout=file)
    whole = answers.read_bytes().count(b"\n")
    assert code == 1 and message.endswith(", their steps are in the state\n")
    assert 0 < whole < 500 and steps(state) == whole + lost(message)


@pytest.mark.parametrize("every", ["0", "1", "7"])
def test_the_state_holds_every_step_that_was_carried_out(
    program: Path, every: str, tmp_path: Path
) -> None:
    """The reader takes some answers and leaves: the state says which step comes next."""
    state, wanted = tmp_path / "state", talk(program, [seen(k) for k in range(500)])
    with subprocess.Popen(
        [program, "--state", state, "--every", every],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as child:
        assert child.stdin and child.stdout and child.stderr
        for k in range(5):
            child.stdin.write(seen(k).encode() + b"\n")
            child.stdin.flush()
            assert json.loads(child.stdout.readline()) == wanted[k]
        child.stdout.close()
        child.stdin.write("".join(seen(k) + "\n" for k in range(5, 9)).encode())
        child.stdin.close()
        assert child.wait(LIMIT) == 1
        message = child.stderr.read().decode()
    assert (
        message
        == "stdout: its reader is gone; answers that are lost: 4, their steps are in the state\n"
    )
    assert steps(state) == 9 and talk(program, [seen(9)], "--state", str(state)) == [wanted[9]]


def test_a_tick_is_not_waited_for_when_answers_are_lost(agent: Compiled, tmp_path: Path) -> None:
    paced, state = built(agent, tmp_path / "paced", "--tick", "200000000"), tmp_path / "state"
    with open("/dev/full", "wb") as full:
        code, message = ended([paced, "--state", state], stdout=full)
    assert code == 1 and (lost(message), steps(state)) == (1, 1)


def test_a_non_blocking_reader_is_waited_for(program: Path) -> None:
    """EAGAIN and partial writes are no error: every answer arrives."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=writer) as child:
        os.close(writer)
        assert child.stdin
        child.stdin.write(MANY)
        child.stdin.close()
        time.sleep(0.1)
        with os.fdopen(reader, "rb", buffering=0) as answers:
            got = b"".join(iter(lambda: answers.read(997), b""))
        assert child.wait(LIMIT) == 0
    assert got.count(b"\n") == 500 and [json.loads(line) for line in got.splitlines()] == talk(
        program, MANY.decode().split()
    )


@pytest.fixture(scope="module")
def served(agent: Compiled, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The agent behind HTTP."""
    return built(agent, tmp_path_factory.mktemp("served"), "--http")


def fill(link: socket.socket) -> None:
    """Ask and do not read, until nothing more fits."""
    link.settimeout(0.5)
    with pytest.raises(TimeoutError):
        while True:
            link.sendall(request("GET", "/metrics") * 100)


def test_answers_that_a_client_does_not_take_are_counted(served: Path, tmp_path: Path) -> None:
    with serving(served, tmp_path) as server:
        assert b"coalition_answers_lost_total 0\n" in server.ask("GET", "/metrics").body
        with server.connect() as deaf:
            fill(deaf)
        until = time.monotonic() + LIMIT
        while (
            b"coalition_answers_lost_total 1\n" not in server.ask("GET", "/metrics").body
            and time.monotonic() < until
        ):
            time.sleep(0.05)
        assert b"coalition_answers_lost_total 1\n" in server.ask("GET", "/metrics").body


def test_a_server_that_ends_before_its_answers_are_taken_says_so(
    served: Path, tmp_path: Path
) -> None:
    with subprocess.Popen(
        [served, "--listen", f"unix:{tmp_path}/s"], stderr=subprocess.PIPE
    ) as process:
        assert process.stderr and process.stderr.readline()
        with Server(f"{tmp_path}/s").connect() as deaf:
            fill(deaf)
            process.terminate()
            assert process.wait(LIMIT) == 1
        assert (
            process.stderr.read()
            == b"the last answers are not all sent: a client did not read for a second\n"
        )
