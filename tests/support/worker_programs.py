"""Programs of two agents, with and without workers, and requests for them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from agentc.toolchain.zig import host_target

from tests.support.native_agents import Compiled, linked, main_text, two_agents
from tests.support.native_runs import monitored
from tests.support.once import once

LINKS = (
    {"from": "scout.0.action.0", "to": "picker.observation.1"},
    {"from": "picker.1.action.0", "to": "scout.0.observation.0"},
)
REPLICAS = ("--replicas", "scout=4", "--replicas", "picker=2", "--copies", "2")


@dataclass(frozen=True)
class Family:
    """The same agents, stepped by one process and by several."""

    agents: list[Compiled]
    folder: Path
    words: tuple[str, ...]

    def program(self, count: int, target: tuple[str, str] | None = None, *options: str) -> Path:
        """Return the program of `count` workers; it is built once."""
        name = f"{count}-{(target or ('host',))[0]}{''.join(options)}"
        ready = self.folder / name / (target or host_target())[1] / "program"
        if not ready.exists():
            words = [*self.words, *REPLICAS, *options]
            if count > 1:
                words += ["--workers", str(_spread(self.folder / f"{name}.json", count))]
            linked(self.agents, main_text(self.agents, self.folder / name, LINKS, *words), target)
        return ready


def _spread(path: Path, count: int) -> Path:
    """Write workers.json: scouts and the last agent are in level 0, linked pickers in level 1."""
    levels = [0, 0, 0, 0, 1, 1]
    places = [0, 1, 2 % count, 3 % count, 1, 0]
    document = {"workers": count, "levels": levels, "places": places, "reason": "a test"}
    path.write_text(json.dumps(document))
    return path


def worker_programs(factory: pytest.TempPathFactory) -> Family:
    """Four scouts and two pickers with links between some, a monitor, and two copies.

    The programs are kept for the session. Tests of one xdist group use them.
    """
    agents = two_agents(factory)
    words = [word for agent in agents for word in monitored(agent)]
    limits = ("--false-alarm-every", "2", "--tolerance", "0.001")  # so that alarms are logged
    folder = once(factory, "worker-programs", lambda folder: folder)
    return Family(agents, folder, (*words, *limits))


def requests(first: int, count: int) -> list[str]:
    """Steps of both copies, one reset among them."""
    lines = []
    for k in range(first, first + count):
        scouts = {f"scout.{r}": [(k * k + r * k) % 5] for r in range(1, 4)}
        pickers = {f"picker.{r}": [(k + r) % 6, None, k % 4] for r in range(2)}
        lines.append(json.dumps({"copy": k % 2, "scout.0": [None], **scouts, **pickers}))
    return [*lines, '{"copy":1,"reset":["scout"]}', lines[-1]]
