"""The program as a process: self-test, words on its command line, pipes and signals; with the real
toolchain.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from agentc.ir import files as ir
from agentc.proof.replay import parse

from tests.support.native_agents import SEEN, Compiled, linked, main_text, talk, two_agents

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("native-process")]


@pytest.fixture(scope="module")
def agents(tmp_path_factory: pytest.TempPathFactory) -> list[Compiled]:
    """scout and picker, proved."""
    return two_agents(tmp_path_factory)


@pytest.fixture(scope="module")
def pair(agents: list[Compiled], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program of both agents without links."""
    return linked(agents, main_text(agents, tmp_path_factory.mktemp("pair")))


def test_selftest_and_health_agree_with_the_proof(pair: Path, agents: list[Compiled]) -> None:
    done = subprocess.run([str(pair), "--selftest"], capture_output=True, timeout=60, check=True)
    document = json.loads(done.stdout)["selftest"]
    for agent in agents:
        proof = json.loads((agent.folder / "proof.json").read_bytes())
        assert document[agent.name]["agrees"] and document[agent.name]["found"] == proof["golden"]
        assert document[agent.name]["steps"] == proof["golden_steps"] == 16
    assert talk(pair, [], "--health") == [{"health": "ok"}]
    assert set(talk(pair, [], "--version")[0]["agents"]) == {"scout", "picker"}


def test_a_damaged_table_fails_the_selftest(
    pair: Path, agents: list[Compiled], tmp_path: Path
) -> None:
    value = ir.load(agents[1].folder / "ir").D[0][0]
    content = pair.read_bytes()
    place = content.index(np.float64(value).tobytes())
    damaged = tmp_path / "damaged"
    damaged.write_bytes(
        content[: place + 6] + bytes([content[place + 6] ^ 1]) + content[place + 7 :]
    )
    damaged.chmod(0o755)
    for word in ("--selftest", "--health"):
        done = subprocess.run([str(damaged), word], capture_output=True, timeout=60, check=False)
        assert done.returncode == 1 and b"false" in done.stdout + b"false" * (word == "--health")


@pytest.mark.parametrize(
    "words", [["--what"], ["--replay"], ["--replay", "thief"], ["--beliefs", "x"], ["x"]]
)
def test_unknown_words_show_the_help_and_exit_2(pair: Path, words: list[str]) -> None:
    done = subprocess.run(
        [str(pair), *words], input=b"", capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 2 and b"--selftest" in done.stderr and not done.stdout


def test_help_is_for_stdout(pair: Path) -> None:
    done = subprocess.run([str(pair), "--help"], capture_output=True, timeout=60, check=True)
    assert b"--beliefs" in done.stdout and not done.stderr


def test_a_reader_that_leaves_ends_the_program(pair: Path) -> None:
    child = subprocess.Popen(
        [str(pair)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert child.stdin and child.stdout and child.stderr
    child.stdout.close()
    child.stdin.write(SEEN.encode() + b"\n")
    child.stdin.flush()
    assert child.wait(timeout=60) == 1
    assert child.stderr.read() == b"stdout: its reader is gone; answers that are lost: 1\n"
    child.stdin.close()
    child.stderr.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_stop_a_waiting_program_at_once(pair: Path, number: signal.Signals) -> None:
    with subprocess.Popen([str(pair)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin and child.stdout
        child.stdin.write(SEEN.encode() + b"\n")
        child.stdin.flush()
        assert child.stdout.readline()
        child.send_signal(number)
        assert child.wait(timeout=60) == 0


def test_each_line_is_answered_before_the_next_is_sent_in_pieces(pair: Path) -> None:
    with subprocess.Popen([str(pair)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin and child.stdout
        for _ in range(3):
            for piece in (SEEN[:4], SEEN[4:20], SEEN[20:] + "\n" + '{"sc', "\n"):
                child.stdin.write(piece.encode())
                child.stdin.flush()
                time.sleep(0.01)
            assert b"scout" in child.stdout.readline()
            assert b"error" in child.stdout.readline()
        child.stdin.close()
        assert child.wait(timeout=60) == 0


def test_a_non_blocking_pipe_is_waited_for(pair: Path) -> None:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    with subprocess.Popen([str(pair)], stdin=reader, stdout=subprocess.PIPE) as child:
        os.close(reader)
        time.sleep(0.05)
        os.write(writer, SEEN.encode() + b"\n")
        os.close(writer)
        assert child.stdout and b"scout" in child.stdout.read()
        assert child.wait(timeout=60) == 0


def test_replay_refuses_records_out_of_range(pair: Path) -> None:
    good = np.array([1, 0, -1], "<i4").tobytes()
    for bad in (
        np.array([1, 9, 0], "<i4").tobytes(),
        np.array([1, -1, 0], "<i4").tobytes(),
        np.array([1, 0, 3], "<i4").tobytes(),
        good[:7],
    ):
        done = subprocess.run(
            [str(pair), "--replay", "scout"], input=good + bad, capture_output=True, check=False
        )
        assert done.returncode == 2 and b"out of range" in done.stderr
        interface = {"num_states": [5], "n_policies": 27, "num_controls": [3]}
        assert len(parse(done.stdout, interface).action) == 1


def test_a_program_is_small_and_starts_at_once(pair: Path) -> None:
    assert pair.stat().st_size < 64_000
    best = min(_spawn(pair) for _ in range(20))
    assert best < 0.005


def _spawn(program: Path) -> float:
    begin = time.perf_counter()
    subprocess.run(
        [str(program)], input=SEEN.encode() + b"\n", stdout=subprocess.DEVNULL, check=True
    )
    return time.perf_counter() - begin
