"""Both orders of the loops of expected free energy give the same bits."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from agentc.ir.files import Model

from tests.bench.random_agents import random_agent
from tests.support.http_client import LIMIT
from tests.support.native_agents import emitted, linked, main_text, random_model
from tests.support.requirements import need, need_module

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("native-loop-order")]
ROWS, COLUMNS = "DEFINE_NEG_EFE_BY_ROWS(neg_efe_", "DEFINE_NEG_EFE(neg_efe_"
TARGETS = (("x86_64-linux-musl", "x86_64_v3"), ("aarch64-linux-musl", "cortex_a53"))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    "model",
    [
        random_agent(256),
        random_model("still_factor"),
        random_model("two_moving"),
        random_model("one_factor", use_utility=False),
    ],
    ids=["large", "still_factor", "two_moving", "without utility"],
)
def test_the_order_changes_no_bit(model: Model, target: tuple[str, str], tmp_path: Path) -> None:
    need_module("ziglang")
    emulator = [need("qemu-aarch64-static")] if target[0].startswith("aarch64") else []
    agent = emitted(model, "a", tmp_path / "a")
    text = (agent.folder / "agent.c").read_text()
    lines = [
        json.dumps({"a": [(7 * k + m) % size for m, size in enumerate(model.num_obs)]})
        for k in range(6)
    ]
    outputs = []
    for old, new in ((ROWS, COLUMNS), (COLUMNS, ROWS)):
        assert new in text.replace(old, new)
        (agent.folder / "agent.c").write_text(text.replace(old, new))
        program = linked([agent], main_text([agent], tmp_path / new.partition("(")[0]), target)
        done = subprocess.run(
            [*emulator, program, "--beliefs"],
            input="\n".join(lines).encode(),
            capture_output=True,
            check=True,
            timeout=LIMIT,
        )
        outputs.append(done.stdout)
    assert outputs[0] == outputs[1]
    assert outputs[0].count(b"efe") == len(lines)
