"""Reference values of every storage, and equal bits of lossy programs on every processor.

The numbers hold on every machine: coding, compiled code and reference have the same bits
everywhere.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import measure_quantization as try_storage
import numpy as np
import pytest
from agentc.ir.files import Model
from agentc.plan import files as plan
from agentc.proof.fidelity import FidelityLimits
from agentc.quantize import plan as plan_coded
from agentc.quantize.trial import load
from agentc.toolchain.zig import FLAGS

from tests.bench.random_agents import random_agent
from tests.integration.agentc.toolchain.test_zig import replayed
from tests.support.native_agents import (
    X86,
    Compiled,
    example,
    linked,
    main_text,
    probed,
    random_model,
)
from tests.support.quantized_agents import dense, stored
from tests.support.requirements import need, need_module

pytestmark = pytest.mark.slow
# bytes of tables, largest divergence and regret in nats, number of actions (of 288) that differ
VALUES = {
    ("tmaze", "uint16"): (596, "2.9e-08", "1.7e-05", 0),
    ("tmaze", "fp16"): (596, "6.0e-08", "1.7e-05", 0),
    ("tmaze", "palette"): (601, "6.0e-08", "1.7e-05", 0),
    ("grid_world", "uint16"): (8404, "1.1e-07", "1.5e-05", 16),
    ("grid_world", "fp16"): (8404, "7.8e-07", "1.7e-09", 0),
    ("grid_world", "palette"): (7814, "3.8e-08", "1.7e-09", 0),
    ("random 128", "uint16"): (29101, "1.1e-07", "0.0e+00", 0),
    ("random 128", "fp16"): (29101, "2.9e-07", "0.0e+00", 0),
    ("random 128", "palette"): (24633, "6.4e-04", "3.9e-02", 3),
    ("dense 24", "uint16"): (9009, "7.1e-05", "0.0e+00", 0),
    ("dense 24", "fp16"): (9009, "3.1e-07", "0.0e+00", 0),
    ("dense 24", "palette"): (9409, "3.6e-04", "6.2e-03", 8),
}


def model_of(name: str, folder: Path) -> Model:
    """A model by its name in VALUES."""
    built = {"random 128": lambda: random_agent(128), "dense 24": lambda: dense(24, 16, 0.3)}
    return built[name]() if name in built else example(name, folder)


def tried(agent: Compiled) -> tuple[float, float, int]:
    """Largest divergence, largest regret, actions that are not the reference's, over 8 long and 40
    short episodes.
    """
    probed(agent, 8, 16)
    (agent.folder / "probe").rename(agent.folder / "own")
    probed(agent, 40, 4)
    words = [
        "--interface",
        agent.path("plan/interface.json"),
        "--probe",
        agent.path("own"),
        "--trial",
        agent.path("probe"),
    ]
    assert (
        try_storage.main(
            [agent.path("agent.c"), "--name", "agent", *words, "--out", agent.path("findings")]
        )
        == 0
    )
    result = [
        load(agent.folder / "findings" / kind, FidelityLimits())[0] for kind in ("probe", "trial")
    ]
    kl, regret, same = (
        np.concatenate([getattr(one, name) for one in result]) for name in ("kl", "regret", "same")
    )
    return float(kl.max()), float(regret.max()), int(np.count_nonzero(~same))


@pytest.mark.parametrize(("name", "storage"), VALUES, ids=map(" ".join, VALUES))
def test_what_a_storage_costs(
    name: str, storage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every array in codes, those too that would be left as they are."""
    need_module("ziglang")
    monkeypatch.setattr(plan_coded, "LEAST_SAVING", -10_000)
    agent = stored(model_of(name, tmp_path / "source"), storage, tmp_path / "agent")
    tables = sum(table.nbytes for table in plan.load(agent.folder / "coded").tables.values())
    kl, regret, other = tried(agent)
    assert (tables, f"{kl:.1e}", f"{regret:.1e}", other) == VALUES[name, storage]


BITS = {
    "uint16": dense(),
    "fp16": random_model("crossed", seed=4),
    "palette": random_model("two_moving", seed=4),
}
PROCESSORS = (
    ("aarch64-linux-musl", "cortex_a53", "qemu-aarch64-static"),
    ("aarch64-linux-musl", "cortex_a76", "qemu-aarch64-static"),
    ("arm-linux-musleabihf", "cortex_a7", "qemu-arm-static"),
    ("riscv64-linux-musl", "baseline_rv64", "qemu-riscv64-static"),
)


@pytest.mark.parametrize("storage", BITS)
def test_bits_of_lossy_programs_are_equal_on_every_processor(
    storage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_module("ziglang")
    monkeypatch.setattr(plan_coded, "LEAST_SAVING", -10_000)
    agent = stored(BITS[storage], storage, tmp_path)
    probed(agent, 4, 24)
    main = main_text([agent], tmp_path / "main")
    result = {
        cpu: replayed(linked([agent], main, (triple, cpu)), agent, need(emulator))
        for triple, cpu, emulator in PROCESSORS
    }
    for target in (X86, ("x86_64-linux-musl", "baseline")):
        result[target[1]] = replayed(linked([agent], main, target), agent)
    link = ("-static", "-Wl,--build-id=none", "-Wl,-z,noexecstack", "-o", str(tmp_path / "program"))
    subprocess.run(
        [need("gcc"), *FLAGS, "-Wno-psabi", str(main), agent.path("agent.c"), *link],
        check=True,
        timeout=300,
    )
    result["gcc"] = replayed(tmp_path / "program", agent)
    assert len(set(result.values())) == 1, result
