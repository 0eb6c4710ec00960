"""Worker processes: signals, killed workers, a killed program, the HTTP service, memory."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import signal
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from agentc.proof.fitness import STACK, worker_bytes
from agentc.toolchain.elf import loads

from tests.support.http_client import LIMIT, Server
from tests.support.native_agents import talk
from tests.support.worker_programs import Family, requests, worker_programs

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("native-workers")]


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Family:
    """Return programs with and without workers."""
    return worker_programs(tmp_path_factory)


def children(pid: int) -> list[int]:
    """Return the processes that a process started."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextmanager
def started(words: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program; end it with the test."""
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def serving(family: Family, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program of four workers that has answered one step and waits for more."""
    with started([str(family.program(4)), "--state", str(tmp_path / "state")]) as process:
        ask(process, requests(0, 1)[0])
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"{")
        yield process


def ask(process: subprocess.Popen[bytes], line: str) -> None:
    """Send a request; do not wait for the answer."""
    assert process.stdin is not None
    process.stdin.write(f"{line}\n".encode())
    process.stdin.flush()


def within(holds: Callable[[], bool]) -> bool:
    """Wait for a condition; return whether it holds."""
    deadline = time.monotonic() + LIMIT
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)
    return holds()


def gone(pids: list[int]) -> bool:
    """Wait for all processes to end; return whether they did."""
    return within(lambda: not any(state_of(pid) not in ("", "Z") for pid in pids))


def state_of(pid: int) -> str:
    """Return the state of a process as in proc(5), "" without the process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def test_a_stop_signal_to_the_group_ends_all_workers_with_0(
    serving: subprocess.Popen[bytes],
) -> None:
    workers = children(serving.pid)
    assert len(workers) == 3
    for pid in workers:
        os.kill(pid, signal.SIGTERM)  # as a terminal or a service manager does
    serving.terminate()
    assert serving.wait(LIMIT) == 0
    assert gone(workers)


def test_workers_end_with_a_killed_program_and_the_state_goes_on(
    family: Family, serving: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    workers = children(serving.pid)
    serving.kill()
    serving.wait(LIMIT)
    assert gone(workers)
    one = [str(family.program(1)), "--beliefs", "--state"]
    lines = requests(0, 3)
    whole = talk(Path(one[0]), lines, *one[1:], str(tmp_path / "whole"), "--seed", "0")
    assert talk(Path(one[0]), lines[1:], *one[1:], str(tmp_path / "state")) == whole[1:]


def test_a_worker_that_is_killed_between_steps_ends_the_program_at_once(
    serving: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    workers = children(serving.pid)
    before = (tmp_path / "state").read_bytes()
    os.kill(workers[1], signal.SIGKILL)  # no request follows
    assert serving.wait(LIMIT) == 70
    assert serving.stderr is not None
    assert serving.stderr.read() == b"a worker was killed between two steps\n"
    assert gone(workers)
    assert (tmp_path / "state").read_bytes() == before


def in_step(process: subprocess.Popen[bytes], worker: int) -> None:
    """Stop a worker, and wait until the program waits for it in a step."""
    assert process.stdin is not None
    os.kill(worker, signal.SIGSTOP)
    assert within(lambda: state_of(worker) == "T")
    ask(process, requests(0, 3)[1])
    unread = bytearray(4)

    def is_waiting() -> bool:
        fcntl.ioctl(process.stdin or 0, termios.FIONREAD, unread)
        return not any(unread) and state_of(process.pid) == "S"

    assert within(is_waiting)


def test_a_worker_that_is_killed_in_a_step_ends_the_program_without_the_step(
    serving: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    workers = children(serving.pid)
    before = (tmp_path / "state").read_bytes()
    in_step(serving, workers[0])
    os.kill(workers[0], signal.SIGKILL)
    answer, log = serving.communicate(timeout=LIMIT)
    assert serving.returncode == 70
    assert log == b"a worker was killed in a step; the state does not have this step\n"
    assert not answer
    assert gone(workers)
    assert (tmp_path / "state").read_bytes() == before


def test_workers_end_with_a_program_that_is_killed_in_a_step(
    serving: subprocess.Popen[bytes],
) -> None:
    workers = children(serving.pid)
    in_step(serving, workers[2])
    serving.kill()
    serving.wait(LIMIT)
    assert gone(workers)


def test_answers_before_a_killed_worker_are_written(family: Family, tmp_path: Path) -> None:
    state = str(tmp_path / "state")
    with started([str(family.program(4)), "--state", state]) as process:
        assert process.stdin is not None
        assert within(lambda: len(children(process.pid)) == 3)
        worker = children(process.pid)[0]
        process.stdin.write("\n".join(requests(0, 400)).encode() + b"\n")
        process.stdin.flush()
        assert process.stdout is not None
        answers = process.stdout.read(1)
        os.kill(worker, signal.SIGKILL)
        answers += process.stdout.read()
        assert process.wait(LIMIT) == 70
    steps = int.from_bytes(Path(state).read_bytes()[24:32], "little")
    assert answers.endswith(b"}\n")
    assert steps == answers.count(b"\n") - answers.count(b'"reset"')


@pytest.fixture
def http(family: Family, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A service of four workers that listens on a socket."""
    program = str(family.program(4, None, "--http"))
    words = [program, "--state", str(tmp_path / "state"), "--listen", f"unix:{tmp_path}/s"]
    with started(words) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith(b"listening on")
        yield process


def test_a_service_answers_as_one_process_and_ends_its_workers(
    family: Family, http: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    workers, server = children(http.pid), Server(str(tmp_path / "s"))
    lines = requests(0, 12)
    one = [str(family.program(1)), "--state", str(tmp_path / "one")]
    assert [server.step(line) for line in lines] == talk(Path(one[0]), lines, *one[1:])
    assert server.ask("GET", "/healthz").status == 200
    measured = server.ask("GET", "/metrics").body
    for name in (b"variational_free_energy_nats{", b"alarms_total{", b"surprise_evidence_ratio{"):
        assert measured.count(b"\ncoalition_" + name) >= 12  # each agent of both copies
    http.terminate()
    assert http.wait(LIMIT) == 0
    assert gone(workers)
    assert (tmp_path / "state").read_bytes() == (tmp_path / "one").read_bytes()


def test_a_service_without_a_worker_ends(http: subprocess.Popen[bytes], tmp_path: Path) -> None:
    workers = children(http.pid)
    assert len(workers) == 3
    Server(str(tmp_path / "s")).step(requests(0, 1)[0])
    os.kill(workers[2], signal.SIGKILL)
    assert http.wait(LIMIT) == 70
    assert http.stderr is not None
    assert b"a worker was killed between two steps\n" in http.stderr.read()
    assert gone(workers)
    assert not (tmp_path / "s").exists()


def test_processes_that_a_first_process_inherits_are_collected(
    family: Family, tmp_path: Path
) -> None:
    """`exec` keeps the children of the shell, as process 1 of a container gets orphans."""
    script = f"sleep 0.2 & exec {family.program(4)} --state {tmp_path}/state"
    with started(["sh", "-c", script]) as process:
        assert within(lambda: len(children(process.pid)) == 4)
        assert within(lambda: len(children(process.pid)) == 3)
        ask(process, requests(0, 1)[0])
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"{")


def test_a_limit_of_processes_leaves_fewer_workers_and_the_same_answers(family: Family) -> None:
    lines = requests(0, 3)
    user = 65534 if os.geteuid() == 0 else None  # the limit does not hold for root
    with family.program(4).open("rb") as program:
        done = subprocess.run(
            [f"/proc/self/fd/{program.fileno()}"],
            input="\n".join(lines).encode(),
            capture_output=True,
            check=True,
            user=user,
            pass_fds=[program.fileno()],
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NPROC, (1, 1)),
        )
    refused = (
        b"a worker cannot be started: the limit of processes is reached; fewer step the agents"
    )
    assert done.stderr.splitlines()[0] == refused
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert answers == talk(family.program(1), lines)


def test_a_measurement_without_a_worker_ends(family: Family) -> None:
    with started([str(family.program(4)), "--measure", "-", "--p99", "100s"]) as process:
        assert within(lambda: len(children(process.pid)) == 3)
        workers = children(process.pid)
        in_step(process, workers[1])
        os.kill(workers[1], signal.SIGKILL)
        answer, log = process.communicate(timeout=LIMIT)
    assert (process.returncode, answer) == (70, b"")
    assert b"a worker was killed" in log
    assert gone(workers)


def test_the_memory_of_a_program_counts_its_workers(
    family: Family, serving: subprocess.Popen[bytes]
) -> None:
    used = []
    for pid in (serving.pid, *children(serving.pid)):
        rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
        facts = {row.split()[0]: int(row.split()[1]) for row in rows}
        used.append(1024 * facts["Pss:"])
    program = family.program(4).read_bytes()
    assert 0 < sum(used[1:]) <= worker_bytes(program, 4)
    assert sum(used) <= sum(one.size for one in loads(program)) + STACK + worker_bytes(program, 4)
