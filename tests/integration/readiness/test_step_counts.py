"""Counts of whole programs: their document, and the worst case that bounds every step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import compile_counter
import count_steps
import pytest
from readiness import step_counts

from tests.support.native_agents import Compiled, linked, main_text, two_agents
from tests.support.requirements import need, need_module

pytestmark = pytest.mark.xdist_group("count")
LINK = {"from": "scout.action.0", "to": "picker.observation.1"}
REPLICAS = ("--replicas", "picker=2", "--copies", "2")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the plugins, and a program of two linked agents for aarch64."""
    need_module("ziglang")
    folder = tmp_path_factory.mktemp("counted")
    assert compile_counter.main(["--out", str(folder / "counter")]) == 0
    agents = two_agents(tmp_path_factory)
    main = main_text(agents, folder / "main", [LINK], *REPLICAS)
    linked(agents, main, ("aarch64-linux-musl", "cortex_a72")).rename(folder / "program")
    return folder


def words(agents: list[Compiled], emulator: str, *more: str) -> list[str]:
    """Options of count_steps.py."""
    argv = ["program", "--emulator", emulator, "--core", "cortex-a72", "--counter", "counter"]
    for agent in agents:
        for option, path in (
            ("interface", "plan/interface.json"),
            ("probe", "probe"),
            ("ir", "ir"),
            ("plan", "plan"),
        ):
            argv += [f"--{option}", f"{agent.name}={agent.path(path)}"]
    return [*argv, "--links", "main/links.json", *REPLICAS, *more]


def document(argv: list[str], out: str) -> dict[str, Any]:
    """The document that count_steps.py writes."""
    assert count_steps.main([*argv, "--out", out]) == 0
    read: dict[str, Any] = json.loads(Path(out).read_text())
    return read


def test_counts_are_ordered_bounded_and_the_same_again(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    argv = words(two_agents(tmp_path_factory), need("qemu-aarch64"), "--steps", "300")
    counts = document(argv, "counts.json")
    assert counts["steps"] == {"probe": 16, "environment": 284}
    numbers = [counts["instructions"][name] for name in ("least", "p50", "p99", "most", "worst")]
    assert numbers == sorted(numbers) and numbers[0] > 1000 and numbers[-1] > numbers[-2]
    assert counts["emulator"].startswith("qemu-aarch64 ") and counts["core"] == "cortex-a72"
    assert set(counts["loops"]) == {"scout", "picker", "the program"}
    document(argv, "again.json")
    assert Path("counts.json").read_bytes() == Path("again.json").read_bytes()


def test_a_large_agent_gets_fewer_steps(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setitem(step_counts.AFFORDABLE, "plugin", 1)
    argv = words(two_agents(tmp_path_factory), need("qemu-aarch64"))
    assert document(argv, "few.json")["steps"] == {"probe": 16, "environment": 240}


def test_all_instructions_of_a_program_with_workers_are_counted(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setitem(step_counts.AFFORDABLE, "plugin", 1)
    choice = {"workers": 2, "levels": [0, 1, 1], "places": [0, 0, 1], "reason": "a test"}
    Path("workers.json").write_text(json.dumps(choice))
    agents, several = two_agents(tmp_path_factory), ("--workers", "workers.json")
    main = main_text(agents, folder / "several", [LINK], *REPLICAS, *several)
    linked(agents, main, ("aarch64-linux-musl", "cortex_a72")).rename("side-by-side")
    one = words(agents, need("qemu-aarch64"))
    counts = [
        document(one, "one.json"),
        document(["side-by-side", *one[1:], *several], "several.json"),
    ]
    alone, beside = (each["instructions"]["p50"] for each in counts)
    assert 0.9 * alone < beside < 1.2 * alone


def test_an_emulator_that_cannot_count_is_a_reason_and_no_number(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    counts = document(words(two_agents(tmp_path_factory), "true"), "none.json")
    assert counts == {"schema": 1, "why": "true loads no plugins and logs no blocks"}
