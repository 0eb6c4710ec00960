"""The door to the compiler: the same bytes on every build, the same bits on every processor."""

from __future__ import annotations

import subprocess
from pathlib import Path

import compile_c as compile_tool
import link_program as link
import numpy as np
import pytest
from agentc.proof.replay import bits, load_probe

from tests.bench.random_agents import dense, random_agent
from tests.support.native_agents import (
    X86,
    Compiled,
    emitted,
    linked,
    main_text,
    probed,
    random_model,
    ring,
)
from tests.support.requirements import need, need_module

EMULATED = {"cortex_a53": "cortex-a53", "cortex_a76": "cortex-a76", "cortex_a78ae": "cortex-a76"}
"""Zig's name of a processor and qemu's (which does not know the a78 family)."""


MODELS = {
    "plain": random_model("still_factor", seed=4),
    "dense": dense((4, 3, 2, 3), (3, 2, 1, 1), crossed=True, outcomes=(5, 3)),
    "many rows": random_agent(64),
    "crossed, drawn, with goals": random_model(
        "crossed",
        seed=4,
        action_selection="stochastic",
        alpha=2.0,
        use_inductive=True,
        inductive_lengths=(2, 2, 2),
        I=tuple(np.eye(n)[-2:] for n in (3, 2, 4)),
    ),
}


def agent_of(folder: Path, model: str = "plain") -> Compiled:
    result = emitted(MODELS[model], "agent", folder)
    probed(result, episodes=4, steps=24)
    return result


def replayed(program: Path, agent: Compiled, *emulator: str) -> str:
    records = load_probe(agent.folder / "probe").records().tobytes()
    done = subprocess.run(
        [*emulator, str(program), "--replay", "agent"],
        input=records,
        capture_output=True,
        check=True,
        timeout=120,
    )
    return bits(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_bits_are_equal_on_every_processor(model: str, tmp_path: Path) -> None:
    need_module("ziglang")
    qemu = need("qemu-aarch64-static")
    agent = agent_of(tmp_path, model)
    main = main_text([agent], tmp_path / "main")
    result = {
        cpu: replayed(
            linked([agent], main, ("aarch64-linux-musl", cpu)), agent, qemu, "-cpu", emulated
        )
        for cpu, emulated in EMULATED.items()
    }
    for cpu in ("baseline", "x86_64_v3"):
        result[cpu] = replayed(linked([agent], main, ("x86_64-linux-musl", cpu)), agent)
    assert len(set(result.values())) == 1, result


@pytest.mark.slow
def test_contraction_would_change_the_bits(tmp_path: Path) -> None:
    """The negative control: without -ffp-contract=off the comparison above would fail."""
    need_module("ziglang")
    agent = agent_of(tmp_path)
    main = main_text([agent], tmp_path / "main")
    exact = replayed(linked([agent], main, X86), agent)
    assert replayed(linked([agent], main, X86, ["-ffp-contract=fast"]), agent) != exact


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "architecture",
    [
        "arm-linux-musleabihf cortex_a7 qemu-arm-static",
        "riscv64-linux-musl baseline_rv64 qemu-riscv64-static",
    ],
)
def test_other_processors_give_the_same_bits(architecture: str, model: str, tmp_path: Path) -> None:
    need_module("ziglang")
    triple, cpu, emulator = architecture.split()
    agent = agent_of(tmp_path, model)
    main = main_text([agent], tmp_path / "main")
    result = replayed(linked([agent], main, (triple, cpu)), agent, need(emulator))
    assert result == replayed(linked([agent], main, X86), agent)


@pytest.mark.slow
def test_two_builds_in_two_folders_give_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_module("ziglang")
    agent = emitted(ring(), "agent", tmp_path)
    built = []
    for place in ("here", "there/and/deeper"):
        folder = tmp_path / place
        folder.mkdir(parents=True)
        monkeypatch.chdir(folder)
        monkeypatch.setenv("TMPDIR", str(folder))
        monkeypatch.delenv("HOME", raising=False)
        (folder / f"{folder.name}.c").write_bytes((agent.folder / "agent.c").read_bytes())
        target = ["--triple", "aarch64-linux-musl", "--cpu", "cortex_a53"]
        assert compile_tool.main([f"{folder.name}.c", *target, "--out", "a.o"]) == 0
        main = main_text([agent], folder / "main")
        assert compile_tool.main([str(main), *target, "--small", "--out", "main.o"]) == 0
        assert (
            link.main(["main.o", "a.o", "--triple", "aarch64-linux-musl", "--out", "program"]) == 0
        )
        built.append([(folder / name).read_bytes() for name in ("a.o", "main.o", "program")])
    assert built[0] == built[1]
    assert not any(str(tmp_path).encode() in content for content in built[0])


@pytest.mark.parametrize(
    ("triple", "cpu", "word"),
    [
        ("mips-linux-musl", "mips32", "one of aarch64"),
        ("../x", "y", "one of aarch64"),
        ("aarch64-linux-musl", "cortex-a76 -x", "zig's spelling"),
        ("aarch64-linux-musl", "-O0", "zig's spelling"),
    ],
)
def test_a_wrong_target_is_refused(
    triple: str, cpu: str, word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "a.c"
    source.write_text("int x;\n")
    words = [str(source), f"--triple={triple}", f"--cpu={cpu}", "--out", str(tmp_path / "a.o")]
    assert compile_tool.main(words) == 1
    assert word in capsys.readouterr().err


@pytest.mark.slow
def test_an_unknown_processor_is_the_compilers_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    need_module("ziglang")
    source = tmp_path / "a.c"
    source.write_text("int x;\n")
    words = [
        str(source),
        "--triple=aarch64-linux-musl",
        "--cpu=cortex_b99",
        "--out",
        str(tmp_path / "a.o"),
    ]
    assert compile_tool.main(words) == 1
    assert "cortex_b99" in capsys.readouterr().err
