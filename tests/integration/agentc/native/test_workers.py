"""Workers: processes that step agents side by side. Answers, state and log have the same bytes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from agentc.toolchain.zig import host_target

from tests.support.http_client import LIMIT
from tests.support.native_agents import Compiled, linked, main_text, talk, two_agents
from tests.support.native_runs import monitored
from tests.support.requirements import need

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("native-workers")]
LINKS = (
    {"from": "scout.0.action.0", "to": "picker.observation.1"},
    {"from": "picker.1.action.0", "to": "scout.0.observation.0"},
)
REPLICAS = ("--replicas", "scout=4", "--replicas", "picker=2", "--copies", "2")
TARGETS = {
    "qemu-aarch64-static": ("aarch64-linux-musl", "cortex_a53"),
    "qemu-arm-static": ("arm-linux-musleabihf", "cortex_a7"),
    "qemu-riscv64-static": ("riscv64-linux-musl", "baseline_rv64"),
}


@dataclass(frozen=True)
class Family:
    """The same agents, stepped by one process and by several."""

    agents: list[Compiled]
    folder: Path
    words: tuple[str, ...]

    def program(self, count: int, target: tuple[str, str] | None = None) -> Path:
        """Return the program of `count` workers; it is built once."""
        name = f"{count}-{(target or ('host',))[0]}"
        ready = self.folder / name / (target or host_target())[1] / "program"
        if not ready.exists():
            words = [*self.words, *REPLICAS]
            if count > 1:
                words += ["--workers", str(_spread(self.folder / f"{name}.json", count))]
            linked(self.agents, main_text(self.agents, self.folder / name, LINKS, *words), target)
        return ready


def _spread(path: Path, count: int) -> Path:
    """Write workers.json: scouts and the last agent are in level 0, linked pickers in level 1."""
    levels = [0, 0, 0, 0, 1, 1]
    places = [0, 1, 2 % count, 3 % count, 1, 0]
    document = {"workers": count, "levels": levels, "places": places, "reason": "a test"}
    path.write_text(json.dumps(document))
    return path


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Family:
    """Four scouts and two pickers with links between some, a monitor, and two copies."""
    agents = two_agents(tmp_path_factory)
    words = [word for agent in agents for word in monitored(agent)]
    limits = ("--false-alarm-every", "2", "--tolerance", "0.001")  # so that alarms are logged
    return Family(agents, tmp_path_factory.mktemp("workers"), (*words, *limits))


def requests(first: int, count: int) -> list[str]:
    """Steps of both copies, one reset among them."""
    lines = []
    for k in range(first, first + count):
        scouts = {f"scout.{r}": [(k * k + r * k) % 5] for r in range(1, 4)}
        pickers = {f"picker.{r}": [(k + r) % 6, None, k % 4] for r in range(2)}
        lines.append(json.dumps({"copy": k % 2, "scout.0": [None], **scouts, **pickers}))
    return [*lines, '{"copy":1,"reset":["scout"]}', lines[-1]]


def run(program: list[str], state: Path, *words: str) -> tuple[bytes, bytes, bytes]:
    """Answers, state and log of two runs, the second one from the state of the first."""
    answers, log = b"", b""
    for first in (0, 25):
        done = subprocess.run(
            [*program, "--beliefs", "--seed", "7", "--state", str(state), *words],
            input="\n".join(requests(first, 25)).encode() + b"\n",
            capture_output=True,
            timeout=LIMIT,
            check=True,
        )
        answers, log = answers + done.stdout, log + done.stderr
    return answers, state.read_bytes(), log


def test_every_number_of_workers_gives_the_same_bytes(family: Family, tmp_path: Path) -> None:
    one = run([str(family.program(1))], tmp_path / "one")
    assert b"degraded" in one[2]
    for count in (2, 4):
        program = [str(family.program(count))]
        assert run(program, tmp_path / f"{count}") == one
        for fewer in range(1, count):
            words = ("--workers", str(fewer))
            assert run(program, tmp_path / f"{count}-{fewer}", *words) == one


@pytest.mark.parametrize("emulator", TARGETS)
def test_other_processors_give_the_same_bytes(
    family: Family, tmp_path: Path, emulator: str
) -> None:
    need(emulator)
    one = run([str(family.program(1))], tmp_path / "one")
    for count in (2, 4):
        program = family.program(count, TARGETS[emulator])
        assert run([emulator, str(program)], tmp_path / f"{count}") == one


def children(pid: int) -> list[int]:
    """Return the processes that a process started."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture
def serving(family: Family, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program of four workers that has answered one step and waits for more."""
    words = [str(family.program(4)), "--state", str(tmp_path / "state"), "--every", "1"]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{requests(0, 1)[0]}\n".encode())
        process.stdin.flush()
        assert process.stdout.readline().startswith(b"{")
        yield process
        process.kill()


def gone(pids: list[int]) -> bool:
    """Wait for all processes to end; return whether they did."""
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        if not any(Path(f"/proc/{pid}").exists() and _runs(pid) for pid in pids):
            return True
        time.sleep(0.01)
    return False


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


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


def test_a_killed_worker_ends_the_program_without_half_a_step(
    serving: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    before = (tmp_path / "state").read_bytes()
    os.kill(children(serving.pid)[1], signal.SIGKILL)
    answer, log = serving.communicate(f"{requests(0, 3)[1]}\n".encode(), LIMIT)
    assert serving.returncode == 70
    assert b"a worker was killed" in log
    assert not answer
    assert (tmp_path / "state").read_bytes() == before


def test_a_number_beyond_the_workers_is_refused(family: Family) -> None:
    for number in ("0", "5"):
        done = subprocess.run(
            [str(family.program(4)), "--workers", number], capture_output=True, check=False
        )
        assert done.returncode == 2


def test_steps_are_measured_with_workers_and_without(family: Family) -> None:
    for number in ("1", "4"):
        words = ["--measure", "--steps", "64", "--p99", "100s", "--worst", "--workers", number]
        done = subprocess.run(
            [str(family.program(4)), *words], capture_output=True, check=True, timeout=LIMIT
        )
        assert json.loads(done.stdout)["checks"][0]["measured"]["steps"] == 64
