"""Workers: processes that step agents side by side. Answers, state and log have the same bytes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.http_client import LIMIT
from tests.support.requirements import need
from tests.support.worker_programs import Family, requests, worker_programs

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("native-workers")]
TARGETS = {
    "qemu-aarch64-static": ("aarch64-linux-musl", "cortex_a53"),
    "qemu-arm-static": ("arm-linux-musleabihf", "cortex_a7"),
    "qemu-riscv64-static": ("riscv64-linux-musl", "baseline_rv64"),
}


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Family:
    """Return programs with and without workers."""
    return worker_programs(tmp_path_factory)


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


def test_the_doctor_says_the_same_with_workers(family: Family) -> None:
    evidence = []
    for count in (1, 4):
        done = subprocess.run(
            [str(family.program(count)), "--doctor"], capture_output=True, check=False
        )
        assert done.returncode in (1, 3)  # there is no /board
        document = json.loads(done.stdout)
        document.pop("program")
        evidence.append([{**check, "measured": 0} for check in document.pop("checks")] + [document])
    assert evidence[0] == evidence[1]
