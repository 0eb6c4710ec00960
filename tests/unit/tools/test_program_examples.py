"""The four shipped examples in one program: small, and the same bits on every board's processor as were proved."""
from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.needs import need, need_module
from tests.unit.tools.native_agents import (
    EXAMPLE_NAMES, Compiled, emitted, example, linked, main_text, probed, proved)

pytestmark = pytest.mark.slow
BOARDS = {"cortex_a53": "cortex-a53", "cortex_a76": "cortex-a76", "cortex_a78ae": "cortex-a76"}


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> list[Compiled]:
    """All four, proved over a few steps."""
    need_module("ziglang")
    folder = tmp_path_factory.mktemp("examples")
    found = []
    for name in EXAMPLE_NAMES:
        agent = emitted(example(name, folder / name), name, folder / name / "agent")
        probed(agent, 4, 8)
        assert proved(agent) == 0
        found.append(agent)
    return found


@pytest.mark.parametrize("cpu", BOARDS)
def test_all_examples_in_one_program_agree_with_their_proofs(
        cpu: str, examples: list[Compiled], tmp_path: Path) -> None:
    qemu = need("qemu-aarch64-static")
    program = linked(examples, main_text(examples, tmp_path), ("aarch64-linux-musl", cpu))
    assert program.stat().st_size < 160_000
    done = subprocess.run([qemu, "-cpu", BOARDS[cpu], str(program), "--selftest"], capture_output=True, check=True)
    found = json.loads(done.stdout)["selftest"]
    assert [agent["agrees"] for agent in found.values()] == [True] * len(EXAMPLE_NAMES) == [True] * 4


def test_the_tmaze_program_is_below_forty_kilobytes(examples: list[Compiled], tmp_path: Path) -> None:
    tmaze = [agent for agent in examples if agent.name == "tmaze"]
    program = linked(tmaze, main_text(tmaze, tmp_path), ("aarch64-linux-musl", "cortex_a76"))
    assert program.stat().st_size <= 40_000
