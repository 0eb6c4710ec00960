"""Every shipped example on every processor: the same bits from two compilers and thirteen kinds of
core; and it is small.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Sequence
from pathlib import Path

import import_gnn
import import_pomdp
import pytest
from agentc.ir import files as ir
from agentc.ir.files import Model
from agentc.proof.replay import load_probe
from agentc.toolchain.zig import FLAGS

from tests.support.native_agents import (
    EXAMPLE_NAMES,
    EXAMPLES,
    Compiled,
    emitted,
    example,
    linked,
    main_text,
    probed,
)
from tests.support.requirements import need, need_module

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("bits")]
TARGETS = {
    "x86_64 x86_64_v3": (),
    "aarch64 cortex_a53": ("qemu-aarch64-static", "-cpu", "cortex-a53"),
    "aarch64 cortex_a57": ("qemu-aarch64-static", "-cpu", "cortex-a57"),
    "aarch64 cortex_a72": ("qemu-aarch64-static", "-cpu", "cortex-a72"),
    "aarch64 cortex_a76": ("qemu-aarch64-static", "-cpu", "cortex-a76"),
    "aarch64 cortex_a78ae": ("qemu-aarch64-static", "-cpu", "cortex-a76"),
    "aarch64 carmel": ("qemu-aarch64-static", "-cpu", "cortex-a76"),
    "arm arm1176jzf_s": ("qemu-arm-static", "-cpu", "arm1176"),
    "arm cortex_a7": ("qemu-arm-static", "-cpu", "cortex-a7"),
    "arm cortex_a8": ("qemu-arm-static", "-cpu", "cortex-a8"),
    "arm cortex_a72": ("qemu-arm-static", "-cpu", "max"),
    "riscv64 baseline_rv64": ("qemu-riscv64-static", "-cpu", "sifive-u54"),
    "riscv64 sifive_u74": ("qemu-riscv64-static", "-cpu", "sifive-u54"),
}
"""Zig's processor -> the emulator of it; qemu has no a78ae and no carmel, and the a76 has all their
instructions.
"""
SYSTEMS = {"arm": "linux-musleabihf"}


def shipped(folder: Path) -> dict[str, Model]:
    """The models of all examples, each through its own door."""
    result = {name: example(name, folder / name) for name in EXAMPLE_NAMES}
    other = EXAMPLES.parents[1]
    for name in ("heater", "vent"):
        result[name] = example(f"../../npz/models/{name}", folder / name)
    for tool, source, words in (
        (import_pomdp, "ferry.pomdp", ["--inference", '{"policy_len": 2}']),
        (import_gnn, "lamplighter.md", ["--layout", '{"B_lamp": "action,previous,next"}']),
    ):
        out = folder / source
        argv = ["--source", str(other / "formats/models" / source), "--out", str(out), *words]
        assert tool.main(argv) == 0
        result[source.partition(".")[0]] = ir.load(out)
    return result


@pytest.fixture(scope="module")
def agents(tmp_path_factory: pytest.TempPathFactory) -> list[Compiled]:
    """All of them, with what the reference did over a few steps."""
    need_module("ziglang")
    folder = tmp_path_factory.mktemp("examples")
    result = []
    for name, model in shipped(folder).items():
        result.append(emitted(model, name, folder / "agents" / name))
        probed(result[-1], 4, 8)
    return result


def outputs(program: Path, agents: Sequence[Compiled], *emulator: str) -> dict[str, str]:
    """SHA-256 of all that each agent answers to its probe: beliefs, policies, actions."""
    result = {}
    for agent in agents:
        records = load_probe(agent.folder / "probe").records().tobytes()
        done = subprocess.run(
            [*emulator, str(program), "--replay", agent.name],
            input=records,
            capture_output=True,
            check=True,
            timeout=120,
        )
        result[agent.name] = hashlib.sha256(done.stdout).hexdigest()
    return result


@pytest.fixture(scope="module")
def wanted(agents: list[Compiled], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The outputs of this machine's baseline, which is what proofs are made with."""
    outputs_ = outputs(linked(agents, main_text(agents, tmp_path_factory.mktemp("host"))), agents)
    assert len(set(outputs_.values())) == len(agents) == 8
    return outputs_


@pytest.mark.parametrize("target", TARGETS)
def test_bits_are_equal_on_every_processor(
    target: str, agents: list[Compiled], wanted: dict[str, str], tmp_path: Path
) -> None:
    family, cpu = target.split()
    emulator = TARGETS[target]
    words = [need(emulator[0]), *emulator[1:]] if emulator else []
    program = linked(
        agents, main_text(agents, tmp_path), (f"{family}-{SYSTEMS.get(family, 'linux-musl')}", cpu)
    )
    assert outputs(program, agents, *words) == wanted
    assert program.stat().st_size < 250_000


@pytest.mark.parametrize("flags", [(), ("-march=x86-64-v3",)])
def test_bits_are_equal_from_another_compiler(
    flags: tuple[str, ...], agents: list[Compiled], wanted: dict[str, str], tmp_path: Path
) -> None:
    sources = [str(main_text(agents, tmp_path)), *(agent.path("agent.c") for agent in agents)]
    link = ("-static", "-Wl,--build-id=none", "-Wl,-z,noexecstack", "-o", str(tmp_path / "program"))
    subprocess.run(
        [need("gcc"), *FLAGS, "-Wno-psabi", *flags, *sources, *link], check=True, timeout=300
    )
    assert outputs(tmp_path / "program", agents) == wanted


def test_contraction_would_change_the_bits_of_an_example(
    agents: list[Compiled], wanted: dict[str, str], tmp_path: Path
) -> None:
    """The negative control: where the flag was forgotten, the comparisons above fail."""
    some = [agent for agent in agents if agent.name in ("tmaze", "grid_world")]
    target = ("aarch64-linux-musl", "cortex_a76")
    program = linked(some, main_text(some, tmp_path), target, ["-ffp-contract=fast"])
    outputs_ = outputs(program, some, need("qemu-aarch64-static"), "-cpu", "cortex-a76")
    assert all(outputs_[agent.name] != wanted[agent.name] for agent in some)


def test_the_tmaze_program_is_below_48_kilobytes(agents: list[Compiled], tmp_path: Path) -> None:
    tmaze = [agent for agent in agents if agent.name == "tmaze"]
    program = linked(tmaze, main_text(tmaze, tmp_path), ("aarch64-linux-musl", "cortex_a76"))
    assert program.stat().st_size <= 48_000
