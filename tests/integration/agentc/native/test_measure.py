"""Times of steps on a machine: the form of the evidence, the exit code, and what is measured."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.native_agents import (
    Compiled,
    emitted,
    linked,
    main_text,
    random_model,
    two_agents,
)
from tests.support.native_runs import built, proved_scout, seen
from tests.support.requirements import need

pytestmark = pytest.mark.xdist_group("native-measure")
FOREIGN = {
    "qemu-aarch64-static": ("aarch64-linux-musl", "cortex_a53"),
    "qemu-arm-static": ("arm-linux-musleabihf", "cortex_a7"),
    "qemu-riscv64-static": ("riscv64-linux-musl", "baseline_rv64"),
}


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """A proved agent: its program has steps to measure."""
    return proved_scout(tmp_path_factory)


@pytest.fixture(scope="module")
def program(agent: Compiled, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The agent's program, without a deadline."""
    return built(agent, tmp_path_factory.mktemp("measured"))


def measured(
    program: Path, *words: str, data: str = "", run: tuple[str, ...] = ()
) -> tuple[int, dict[str, Any], str]:
    """Exit code, evidence and stderr of `--measure`."""
    done = subprocess.run(
        [*run, str(program), "--measure", *words],
        input=data,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, json.loads(done.stdout or "{}"), done.stderr


def check(evidence: dict[str, Any]) -> dict[str, Any]:
    """The one check of the evidence."""
    (only,) = evidence["checks"]
    return dict(only)


def test_the_evidence_has_the_form_of_a_gate_and_names_the_program(program: Path) -> None:
    code, evidence, _ = measured(program)
    only = check(evidence)
    assert (code, evidence["verdict"], only["verdict"]) == (3, "not checked", "not checked")
    assert (evidence["schema"], evidence["gate"], only["name"]) == (1, "step_p99", "step_p99")
    assert evidence["program"] == hashlib.sha256(program.read_bytes()).hexdigest()
    times = only["measured"]
    assert times["steps"] == 10_000 and only["unit"] == "nanoseconds"
    assert 0 < times["min"] <= times["p50"] <= times["p99"] <= times["max"]
    assert set(evidence["board"]) == {"compatible", "governor", "khz", "model"}
    assert evidence["clock"]["name"] == "CLOCK_MONOTONIC" and evidence["clock"]["least"] > 0
    assert list(only) == sorted(only) and list(evidence) == sorted(evidence)


def test_the_limit_decides_the_verdict_and_the_exit_code(program: Path) -> None:
    for limit, nanoseconds, code, verdict in (
        ("1000s", 10**12, 0, "passed"),
        ("1ns", 1, 1, "failed"),
        ("2us", 2000, None, None),
        ("3ms", 3_000_000, None, None),
    ):
        exit_code, evidence, _ = measured(program, "--steps", "50", "--p99", limit)
        assert check(evidence)["limit"] == nanoseconds
        assert check(evidence)["measured"]["steps"] == 50
        if code is not None:
            assert (exit_code, evidence["verdict"], check(evidence)["verdict"]) == (
                code,
                verdict,
                verdict,
            )


def test_the_deadline_of_the_coalition_is_the_limit(agent: Compiled, tmp_path: Path) -> None:
    program = built(agent, tmp_path, "--deadline", "3")
    code, evidence, _ = measured(program, "--steps", "20")
    assert (code, check(evidence)["limit"], evidence["verdict"]) == (1, 3, "failed")


def test_it_measures_lines_and_refuses_bad_ones(program: Path) -> None:
    lines = "".join(seen(k) + "\n" for k in range(30))
    code, evidence, _ = measured(program, "-", data=lines + '{"reset":true}\n\n' + seen(1) + "\n")
    assert code == 3 and check(evidence)["measured"]["steps"] == 31
    code, evidence, _ = measured(program, "-", "--steps", "7", data=lines)
    assert code == 3 and check(evidence)["measured"]["steps"] == 7
    code, evidence, _ = measured(program, "-", data='{"scout":[9]}\n')
    assert code == 2 and "modality 0" in evidence["error"]
    code, _, text = measured(program, "-", data="")
    assert code == 2 and "no step to measure" in text
    for words in (("--steps", "0"), ("--steps", "65537"), ("--p99", "5"), ("--p99", "0ms"), ("x",)):
        code, _, text = measured(program, *words)
        assert code == 2 and "--measure" in text


def test_linked_agents_with_replicas_and_copies_are_measured(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    agents = two_agents(tmp_path_factory)
    link = {"from": "scout.action.0", "to": "picker.observation.1"}
    words = ("--replicas", "picker=2", "--copies", "3", "--deadline", "1000000000000")
    program = linked(agents, main_text(agents, tmp_path, [link], *words))
    code, evidence, text = measured(program, "--steps", "100")
    assert code == 0 and evidence["verdict"] == "passed", text


@pytest.mark.parametrize("emulator", FOREIGN)
def test_it_works_on_the_emulated_processors(
    agent: Compiled, tmp_path: Path, emulator: str
) -> None:
    run = (need(emulator),)
    program = built(agent, tmp_path, target=FOREIGN[emulator])
    code, evidence, _ = measured(program, "--steps", "40", "--p99", "1000s", run=run)
    assert (code, evidence["verdict"]) == (0, "passed")
    assert check(evidence)["measured"]["steps"] == 40
    assert evidence["program"] == hashlib.sha256(program.read_bytes()).hexdigest()


def test_loops_that_run_to_their_bounds_change_no_bit(tmp_path: Path) -> None:
    """The fixed point of two factors converges early; the rounds after it change nothing."""
    agent = emitted(random_model("still_factor", seed=6), "picker", tmp_path / "picker")
    text = (agent.folder / "agent.c").read_text()
    assert text.count("static volatile i32 to_bounds;") == 1
    records = bytearray()
    for k in range(60):
        row = [int(k % 20 == 0), k % 6, k % 3, k % 4, *[-1] * len(agent.interface["num_controls"])]
        for number in row:
            records += number.to_bytes(4, "little", signed=True)
    outputs = []
    for name, value in (("normal", ""), ("bounds", " = 1")):
        (agent.folder / "agent.c").write_text(
            text.replace("static volatile i32 to_bounds;", f"static volatile i32 to_bounds{value};")
        )
        program = linked([agent], main_text([agent], tmp_path / name))
        done = subprocess.run(
            [str(program), "--replay", "picker"],
            input=bytes(records),
            capture_output=True,
            check=True,
        )
        outputs.append(done.stdout)
    assert outputs[0] == outputs[1] and len(outputs[0]) > 1000
