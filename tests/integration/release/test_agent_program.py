"""Programs of images, replayed in a sandbox: here, and for another processor."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import assemble_image
import pytest

from buildgraph.release.agent_program import AgentProgram, CannotRun, read_program, replay
from buildgraph.release.behaviour import BehaviourChange, Interface, ProbeSet, compare_replies
from buildgraph.types.errors import BuildError
from tests.support.native_agents import Compiled, emitted, linked, main_text, probed, ring
from tests.support.requirements import need, need_module
from tests.unit.ociimage.test_assemble import CONFIG

_ARM = ("aarch64-linux-musl", "cortex_a53")


def _image(program: Path, folder: Path, architecture: str) -> Path:
    config = folder / "config.json"
    settings = {**CONFIG, "architecture": architecture, "variant": "", "healthcheck": ""}
    settings["entrypoint"] = ["/agent"]
    config.write_text(json.dumps({key: value for key, value in settings.items() if value}))
    layer = ("--layer", "agent", "--dir", "data:0755:1:1", "--file", f"agent={program}:0755")
    words = [*layer, "--config", str(config), "--out", str(folder / "out")]
    assert assemble_image.main(words) == 0
    return folder / "out"


@pytest.fixture(scope="module")
def agents(tmp_path_factory: pytest.TempPathFactory) -> tuple[Compiled, Compiled]:
    """An agent on a ring before and after its preferences were reversed."""
    need_module("ziglang")
    folder = tmp_path_factory.mktemp("agents")
    old = emitted(ring(noise=0.3), "scout", folder / "old")
    preferences = ring().C[0][::-1].copy()
    new = emitted(ring(noise=0.3, C=(preferences,)), "scout", folder / "new")
    probed(old)
    return old, new


@pytest.fixture(scope="module")
def programs(agents: tuple[Compiled, Compiled]) -> tuple[AgentProgram, AgentProgram]:
    """The programs of both agents, read from images for this machine."""
    read = []
    for agent in agents:
        program = linked([agent], main_text([agent], agent.folder / "main"))
        read.append(read_program(_image(program, agent.folder, "amd64")))
    return read[0], read[1]


def _probe(agent: Compiled) -> ProbeSet:
    files = [agent.folder / "probe" / name for name in ("probe.json", "obs.i32", "executed.i32")]
    facts, observed, executed = (path.read_bytes() for path in files)
    return ProbeSet.parse(json.loads(facts), observed, executed)


def _compare(
    agents: tuple[Compiled, Compiled], programs: tuple[AgentProgram, AgentProgram]
) -> BehaviourChange:
    probe = _probe(agents[0])
    replies = [replay(program, "scout", probe.records()) for program in programs]
    sizes = [Interface.parse(agent.interface) for agent in agents]
    return compare_replies(probe, (sizes[0], replies[0]), (sizes[1], replies[1]))


def test_other_preferences_are_seen_as_other_actions(
    agents: tuple[Compiled, Compiled], programs: tuple[AgentProgram, AgentProgram]
) -> None:
    change = _compare(agents, programs)
    assert change.states == 64 and change.different_states > 10
    assert len(change.examples) == 3
    assert all(step.before != step.after for step in change.examples)
    assert change.belief is not None and change.belief < 1e-6  # preferences do not move beliefs


def test_a_program_acts_as_itself(
    agents: tuple[Compiled, Compiled], programs: tuple[AgentProgram, AgentProgram]
) -> None:
    change = _compare(agents, (programs[0], programs[0]))
    assert (change.different_states, change.belief) == (0, 0)


def test_an_emulated_program_gives_the_same_replies(
    agents: tuple[Compiled, Compiled], programs: tuple[AgentProgram, AgentProgram]
) -> None:
    need("qemu-aarch64-static")
    agent = agents[0]
    program = linked([agent], main_text([agent], agent.folder / "arm"), _ARM)
    image = read_program(_image(program, agent.folder / "arm", "arm64"))
    assert image.platform == "linux/arm64"
    records = _probe(agent).records()
    assert replay(image, "scout", records) == replay(programs[0], "scout", records)


def test_without_an_emulator_the_reason_names_the_package(
    programs: tuple[AgentProgram, AgentProgram], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    foreign = AgentProgram(programs[0].data, "linux/s390x")
    with pytest.raises(CannotRun, match="qemu-s390x-static is not installed"):
        replay(foreign, "scout", b"")


def test_a_program_that_refuses_the_records_is_no_crash(
    programs: tuple[AgentProgram, AgentProgram],
) -> None:
    with pytest.raises(CannotRun, match="exit code 2"):
        replay(programs[0], "scout", b"\xff" * 12)


def test_a_damaged_layer_is_refused(
    programs: tuple[AgentProgram, AgentProgram], agents: tuple[Compiled, Compiled]
) -> None:
    image = agents[1].folder / "out"
    largest = max((image / "blobs/sha256").iterdir(), key=lambda path: path.stat().st_size)
    data = bytearray(largest.read_bytes())
    data[len(data) // 2] ^= 1
    largest.chmod(0o644)
    largest.write_bytes(data)
    with pytest.raises(BuildError, match="damaged"):
        read_program(image)
