"""The state on disk: what was answered survives kill -9 at every point, and no other program's
state is taken.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.http_client import LIMIT
from tests.support.native_agents import Compiled, talk
from tests.support.native_runs import built, scout, seen
from tests.support.requirements import need

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("native-state")]
HEADER = 32  # magic, identity, size of the payload, steps: eight bytes each
FOREIGN = {
    "aarch64-linux-musl cortex_a53": "qemu-aarch64-static",
    "arm-linux-musleabihf cortex_a7": "qemu-arm-static",
    "riscv64-linux-musl baseline_rv64": "qemu-riscv64-static",
}


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """The agent of every program here."""
    return scout(tmp_path_factory.mktemp("agent"))


@pytest.fixture(scope="module")
def program(agent: Compiled, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One agent, nothing else."""
    return built(agent, tmp_path_factory.mktemp("program"))


@pytest.fixture(scope="module")
def walk(program: Path) -> list[Any]:
    """Replies of an uninterrupted program to the first 400 requests."""
    return talk(program, [seen(k) for k in range(400)])


def steps(path: Path) -> int:
    """How many steps a state holds."""
    return int.from_bytes(path.read_bytes()[24:32], "little")


def failed(words: Sequence[str | Path], code: int = 2) -> str:
    """Messages of a program that does not start."""
    done = subprocess.run(
        list(map(str, words)), input=b"", capture_output=True, timeout=LIMIT, check=False
    )
    assert done.returncode == code and done.stdout == b"", done
    return done.stderr.decode()


def fnv(data: bytes) -> bytes:
    """The checksum at the end of a state."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value.to_bytes(8, "little")


def test_a_restored_program_goes_on_where_it_was(
    program: Path, walk: list[Any], tmp_path: Path
) -> None:
    words = ("--state", str(tmp_path / "state"))
    answered: list[Any] = []
    for first, last in ((0, 1), (1, 1), (1, 50), (50, 120)):
        answered += talk(program, [seen(k) for k in range(first, last)], *words)
    assert answered == walk[:120] and steps(tmp_path / "state") == 120
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state", "state.lock"]
    assert talk(program, ['{"reset":["scout"]}', seen(0)], *words)[1] == walk[0]


@pytest.mark.parametrize("target", FOREIGN)
def test_a_state_moves_between_processors(
    target: str, agent: Compiled, program: Path, walk: list[Any], tmp_path: Path
) -> None:
    emulator, (triple, cpu) = need(FOREIGN[target]), target.split()
    foreign = built(agent, tmp_path / "foreign", target=(triple, cpu))
    state = str(tmp_path / "state")
    assert talk(program, [seen(k) for k in range(9)], "--state", state) == walk[:9]
    there = talk(Path(emulator), [seen(k) for k in range(9, 19)], str(foreign), "--state", state)
    assert there == walk[9:19]
    assert talk(program, [seen(k) for k in range(19, 25)], "--state", state) == walk[19:25]


def test_the_state_of_other_agents_is_refused(
    program: Path, agent: Compiled, tmp_path: Path
) -> None:
    two = built(agent, tmp_path / "two", "--replicas", "scout=2")
    state = tmp_path / "state"
    talk(program, [seen(0)], "--state", str(state))
    stored = state.read_bytes()
    assert "the state of other agents" in failed([two, "--state", state])
    assert state.read_bytes() == stored


def test_no_damage_goes_unnoticed(program: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    talk(program, [seen(0), seen(1)], "--state", str(state))
    good = state.read_bytes()
    assert good[-8:] == fnv(good[:-8])
    spoilt = [good[:k] + bytes([good[k] ^ 1 << k % 8]) + good[k + 1 :] for k in range(len(good))]
    for bad in [*spoilt, b"", good[:-1], good[:HEADER], good + b"\0", good * 2, b"hello"]:
        state.write_bytes(bad)
        assert "move it away to start afresh" in failed([program, "--state", state])
        assert state.read_bytes() == bad


def test_a_forged_action_cannot_lead_out_of_a_table(program: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    talk(program, [seen(0)], "--state", str(state))
    good = bytearray(state.read_bytes()[:-8])
    action = HEADER + 8 * (
        2 * 5 + 3
    )  # behind prior and posterior over five states, evidence, seed, draws
    for value in (3, -1, 1 << 30):
        good[action : action + 4] = value.to_bytes(4, "little", signed=True)
        state.write_bytes(bytes(good) + fnv(bytes(good)))
        assert "damaged" in failed([program, "--state", state])


def test_paths_that_cannot_be_are_refused_at_once(program: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for path, message in (
        (tmp_path / "absent/state", "no such file or folder"),
        (tmp_path / "file/state", "no folder"),
        (tmp_path / "folder", "it is a folder"),
        ("x/" * 600 + "y", "too long"),
        ("", "a file is wanted"),
        (f"{tmp_path}/", "a file is wanted"),
    ):
        assert message in failed([program, "--state", path]), path
    for words in (
        ["--state"],
        ["--every", "3"],
        ["--state", "a", "--every", "x"],
        ["--state", "a", "--state", "b"],
        ["--state", "a", "--every", "9999999999"],
        ["--listen", ":1"],
    ):
        assert "--state FILE" in failed([program, *words])


def test_two_programs_do_not_share_a_state(program: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    with subprocess.Popen(
        [program, "--state", state], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as first:
        assert first.stdin and first.stdout
        first.stdin.write(seen(0).encode() + b"\n")
        first.stdin.flush()
        assert first.stdout.readline()
        assert "another program uses it" in failed([program, "--state", state])
        first.stdin.close()
        assert first.wait(LIMIT) == 0
    talk(program, [seen(1)], "--state", str(state))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_writes_what_every_left_out(
    program: Path, walk: list[Any], number: signal.Signals, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    with subprocess.Popen(
        [program, "--state", state, "--every", "0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdin and child.stdout
        for k in range(3):
            child.stdin.write(seen(k).encode() + b"\n")
            child.stdin.flush()
            assert json.loads(child.stdout.readline()) == walk[k]
        assert steps(state) == 0
        child.send_signal(number)
        assert child.wait(LIMIT) == 0
    assert steps(state) == 3
    assert talk(program, [seen(3)], "--state", str(state)) == [walk[3]]


def test_a_signal_ends_a_program_whose_reader_does_not_read(program: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    with subprocess.Popen(
        [program, "--state", state, "--every", "0"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as child:
        assert child.stdin and child.stderr
        os.set_blocking(child.stdin.fileno(), False)
        stalled = 0
        while stalled < 4:  # both pipes are full
            raw: Any = child.stdin.raw  # type: ignore[attr-defined]
            stalled = 0 if raw.write(seen(0).encode() + b"\n") else stalled + 1
            time.sleep(0.05 * bool(stalled))
        child.send_signal(signal.SIGTERM)
        assert child.wait(LIMIT) == 1  # for the answers in its buffer are lost
        message = child.stderr.read()
    assert message.startswith(
        b"stdout: its reader did not read for a second; answers that are lost: "
    )
    assert message.endswith(b", their steps are in the state\n") and steps(state) > 100


def test_killed_at_any_moment_it_has_what_it_answered(
    program: Path, walk: list[Any], tmp_path: Path
) -> None:
    draw, state = random.Random(4), tmp_path / "state"
    data = [seen(k).encode() + b"\n" for k in range(400)]
    done, kills, stuck = 0, 0, 0
    while done < 400:
        with subprocess.Popen(
            [program, "--state", state], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as child:
            assert child.stdin and child.stdout
            child.stdin.write(b"".join(data[done:]))
            child.stdin.close()
            time.sleep(draw.random() * 0.02 * (1 + stuck))  # longer where it takes longer to start
            child.kill()
            kills += child.wait(LIMIT) == -signal.SIGKILL
            whole = child.stdout.read().split(b"\n")[:-1]
        assert [json.loads(line) for line in whole] == walk[done : done + len(whole)]
        stored = steps(state) if state.exists() else 0
        assert done + len(whole) <= stored <= 400
        stuck = stuck + 1 if stored == done else 0
        done = stored
    assert kills >= 5


def test_killed_at_every_system_call_of_a_write(
    program: Path, walk: list[Any], tmp_path: Path
) -> None:
    strace, state = need("strace"), tmp_path / "state"
    state.unlink(missing_ok=True)
    calls = {"openat": 5, "write": 10, "fsync": 6, "renameat2": 3, "close": 3}
    ended = 0
    for call, most in calls.items():
        for when in range(1, most + 1):
            for path in tmp_path.iterdir():
                path.unlink()
            talk(program, [seen(0)], "--state", str(state))
            words = [
                strace,
                "-qq",
                "-o",
                "/dev/null",
                "-e",
                f"inject={call}:signal=KILL:when={when}",
            ]
            done = subprocess.run(
                [*words, str(program), "--state", str(state)],
                capture_output=True,
                check=False,
                input="\n".join(map(seen, range(1, 3))).encode() + b"\n",
                timeout=LIMIT,
            )
            answered = len(done.stdout.split(b"\n")) - 1
            ended += done.returncode != 0
            stored = steps(state)
            assert 1 + answered <= stored <= 3, (call, when)
            assert talk(program, [seen(stored)], "--state", str(state)) == [walk[stored]], (
                call,
                when,
            )
    assert ended >= 20


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        ("fsync:error=EIO:when=3+", "EIO", "input or output error"),
        ("write:error=ENOSPC:when=5+", "ENOSPC", "no space left"),
        ("renameat2:error=EROFS:when=2+", "EROFS", "read-only"),
    ],
)
def test_a_disk_that_fails_is_said_and_the_agents_go_on(
    call: str, error: str, message: str, program: Path, walk: list[Any], tmp_path: Path
) -> None:
    """Only the files of the state: the answers to stdout are written as ever."""
    strace, state = need("strace"), tmp_path / "state"
    words = [
        strace,
        "-qq",
        "-o",
        "/dev/null",
        "-P",
        f"{state}.new",
        "-P",
        str(tmp_path),
        "-e",
        f"inject={call}",
    ]
    done = subprocess.run(
        [*words, str(program), "--state", str(state)],
        capture_output=True,
        check=False,
        input="\n".join(map(seen, range(4))).encode() + b"\n",
        timeout=LIMIT,
    )
    assert [json.loads(line) for line in done.stdout.splitlines()] == walk[:4]
    assert done.returncode == 1 and done.stderr.decode().count("the state is not written") == 1, (
        error
    )
    assert message in done.stderr.decode()
    stored = steps(state)
    assert talk(program, [seen(stored)], "--state", str(state)) == [walk[stored]]
