"""Other rows than edits of a graph: starts, analysis, and a matrix of coalitions and boards."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from tests.bench import graphs
from tests.bench.peers import Ours, Peer
from tests.bench.rows import STILL, Row, summed
from tests.support import small_filesystems

ANALYSE = """
import json
from buildgraph.build import from_source
from buildgraph.execution.scheduler import Scheduler
from buildgraph.keys.action_graph import ActionGraph, requested_outputs
loaded = from_source.analyze_request(".", ("//...",), "")
wanted = [requested_outputs(label, loaded.analysis.providers[label]) for label in loaded.labels]
steps = ActionGraph.of(want.artifact for wants in wanted for want in wants)
Scheduler(steps.deps, {})
print(json.dumps(len(steps.actions)))
"""


class Bare(Peer):
    """An interpreter that does nothing: the least that a program in Python can cost."""

    name, program = "python", "python3"

    def describe(self) -> None:
        """Nothing."""

    def words(self) -> list[str]:
        """The Python that ours runs in."""
        return [str(Ours.binary.with_name("python")), "-c", "pass"]

    def ran(self, log: str) -> int:
        """Nothing."""
        return 0

    def check(self, files: Mapping[str, str], log: str) -> None:
        """Nothing to look at."""


class Analysis(Ours):
    """From BUILD.toml to a plan, by a program that remembers nothing."""

    name = "buildgraph"

    def words(self) -> list[str]:
        """Ours, up to the plan."""
        return [str(self.binary.with_name("python")), "-c", ANALYSE]

    def ran(self, log: str) -> int:
        """Count the steps that it analyzed."""
        return int(json.loads(log))

    def check(self, files: Mapping[str, str], log: str) -> None:
        """Every step is there."""
        assert self.ran(log) == len(self.graph.steps)


def analysis(folder: Path, count: int, rounds: int) -> Row:
    """Full analysis of so many targets."""
    peer = Analysis(folder / f"analysis-{count}", folder / "beside", graphs.chains(count))
    peer.lay()
    costs = []
    for _ in range(rounds):
        costs.append(peer.run())
        peer.check({}, costs[-1].log)
    return summed(
        Row("full analysis", "chains", count, rounds),
        {peer.name: dict(enumerate(costs))},
        {peer.name: [count]},
    )


class CiJob(Ours):
    """A whole job of a CI service in a fresh clone, with the results of the last job in a file."""

    verbs: ClassVar[tuple[str, ...]] = (
        "cache import ../results.bin",
        "affected --since HEAD",
        "build //...",
        "cache export //... ../next.bin",
    )

    def words(self) -> list[str]:
        """The verbs, one after the other."""
        return ["sh", "-c", " && ".join(f"{self.binary} {verb}" for verb in self.verbs)]

    def prepare(self) -> None:
        """Commit the checkout, build it and export its results."""
        (self.folder / ".gitignore").write_text("out/\n.buildgraph/\n")
        git = ["git", "-c", "user.name=bench", "-c", "user.email=bench@example.org"]
        for words in (["git", "init", "-q"], ["git", "add", "-A"], [*git, "commit", "-qm", "Add"]):
            subprocess.run(words, cwd=self.folder, check=True)
        for words in (["build", "//..."], ["cache", "export", "//...", "../results.bin"]):
            subprocess.run(
                [self.binary, *words],
                cwd=self.folder,
                env=dict(os.environ) | self.environ(),
                check=True,
                capture_output=True,
            )


def ci_job(folder: Path, count: int, rounds: int) -> Row:
    """Import, find what a change of one file affects, build that, and export, in fresh clones."""
    first = CiJob(folder / "first", folder / "cache", graphs.chains(count))
    first.lay()
    first.prepare()
    costs, ran = [], []
    for turn in range(rounds):
        clone = CiJob(folder / f"clone-{turn}", folder / f"cache-{turn}", first.graph)
        subprocess.run(["git", "clone", "-q", first.folder, clone.folder], check=True)
        text = f"{turn} changed\n"
        (clone.folder / "s0.txt").write_text(text)
        time.sleep(STILL)
        costs.append(clone.run())
        ran.append(clone.ran(costs[-1].log))
        clone.check({**first.graph.files, "s0.txt": text}, costs[-1].log)
    return summed(
        Row("CI job", "chains", count, rounds),
        {first.name: dict(enumerate(costs))},
        {first.name: ran},
    )


class Matrix(Ours):
    """Two coalitions on boards of the shipped catalogue, as one export with a matrix."""

    boards = ("jetson-orin-nano-8g", "raspberry-pi-5", "raspberry-pi-4b", "x86-64-generic")

    def lay(self) -> None:
        """Write the example of arrays with more boards, and a coalition of each agent alone."""
        small_filesystems.copy("npz", self.folder, self.beside)
        text = (self.folder / "BUILD.toml").read_text()
        text = text[: text.index("[hardware.pi]")]
        for agent in ("heater", "vent"):
            text += f'[coalitions.{agent}]\nrule = "coalition"\n'
            text += f'agents = {{ {agent} = "//models:{agent}" }}\n'
        for board in self.boards:
            text += f'[hardware.{board}]\nrule = "hardware"\nprofile = "{board}"\n'
        text += '[exports.all]\nrule = "export"\n'
        text += 'matrix = { coalition = ["//coalitions:*"], hardware = ["//hardware:*"] }\n'
        (self.folder / "BUILD.toml").write_text(text)
        self.beside.mkdir(parents=True, exist_ok=True)

    def words(self) -> list[str]:
        """Every cell."""
        return [str(self.binary), "build", "//exports:*"]

    def check(self, files: Mapping[str, str], log: str) -> None:
        """An image in each cell."""
        cells = list(self.folder.glob("out/exports/all.*/image/index.json"))
        assert len(cells) == 3 * len(self.boards), [str(cell) for cell in cells]


def matrix(folder: Path, rounds: int) -> Iterator[Row]:
    """Measure the matrix: cold, no-op, and edits that change no action, one, or all of an agent."""
    peer = Matrix(folder / "matrix", folder / "beside", graphs.chains(1))
    peer.lay()
    build, agent = peer.folder / "BUILD.toml", peer.folder / "models/heater.json"
    toml, model = build.read_text(), agent.read_text()
    shape, cells = f"3 coalitions x {len(peer.boards)} boards", 3 * len(peer.boards)

    def row(name: str, count: int, before: Callable[[int], object]) -> Row:
        costs = []
        for turn in range(count):
            before(turn)
            time.sleep(STILL)
            costs.append(peer.run())
            peer.check({}, costs[-1].log)
        return summed(
            Row(f"matrix, {name}", shape, cells, count),
            {peer.name: dict(enumerate(costs))},
            {peer.name: [peer.ran(cost.log) for cost in costs]},
        )

    yield row("cold", 1, lambda turn: None)
    while not peer.settled():
        peer.run()
    yield row("no-op", rounds, lambda turn: None)
    yield row("comment in BUILD.toml", rounds, lambda turn: build.write_text(f"{toml}# {turn}\n"))
    yield row(
        "cores of a board",
        rounds,
        lambda turn: build.write_text(
            toml.replace(
                'profile = "raspberry-pi-5"\n', f'profile = "raspberry-pi-5"\ncores = {turn + 1}\n'
            )
        ),
    )
    yield row("spaces in a model", rounds, lambda turn: agent.write_text(model + " " * (turn + 1)))
    yield row(
        "gamma of an agent",
        rounds,
        lambda turn: agent.write_text(model.replace('"gamma": 8.0', f'"gamma": {8.5 + turn}')),
    )
