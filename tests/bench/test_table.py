"""The command that measures the table, with slow, failing and interrupted build systems."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import goals, graphs
from tests.bench.__main__ import TABLE, keep, open_rows, options
from tests.bench.peers import Peer, inputs
from tests.bench.places import fresh
from tests.bench.rows import Arena, Row


class Shell(Peer):
    """A script that makes all of it, every time."""

    name, program = "shell", "sh"
    folders = False
    first = "true"

    def describe(self) -> None:
        """One line a step."""
        steps = [
            f"awk -v n={step.number} '{self.graph.program}' {' '.join(inputs(step))}"
            f" > out/{step.number}; echo ran"
            for step in self.graph.steps
        ]
        (self.folder / "build.sh").write_text("\n".join([f"{self.first} || exit 1", *steps]))

    def words(self) -> list[str]:
        """The script."""
        return ["sh", "build.sh"]

    def ran(self, log: str) -> int:
        """A word for each step."""
        return log.split().count("ran")


class Slow(Shell):
    """The same, with a rest."""

    name, first = "slow", "sleep 1.5"


class Failing(Shell):
    """It never works."""

    name, first = "failing", "echo broken && false"


class Wrong(Shell):
    """It exits with 0, but its outputs are wrong."""

    name, first = "wrong", "exit 0"


def arena(folder: Path) -> Arena:
    """Four build systems on a graph of five steps; one that needed 1.2 s gets no further round."""
    return Arena(folder, graphs.chains(5), [Shell, Slow, Failing, Wrong], 3, 1.2)


def test_slow_ones_get_fewer_rounds_and_broken_ones_none(tmp_path: Path) -> None:
    """And the row says so."""
    contest = arena(tmp_path)
    cold = contest.cold()
    assert (
        cold.peers["shell"].ran == [5, 5, 5]
        and cold.peers["slow"].ran == [5]
        and cold.ratios["slow"]["wall"] < 1
    )
    assert (
        set(cold.peers) == {"shell", "slow"}
        and "broken" in cold.lost["failing"]
        and set(cold.lost) == {"failing", "wrong"}
    )
    contest.settle()
    leaf = contest.leaf()
    assert leaf.peers["slow"].ran == [5] and leaf.due == [5, 5, 5]
    for peer in contest.peers:  # a build system without a round has the edits, too
        peer.check(contest.files, "")
    text = "\n".join(
        goals.lines(leaf.data() | {"place": "x", "left_out": ["bazel: bazel is not installed"]})
    )
    assert (
        "1 of 3 rounds: it is slow" in text
        and "without failing: " in text
        and "without bazel: " in text
    )


def test_ours_failing_is_no_row(tmp_path: Path) -> None:
    """There is nothing to compare with."""
    with pytest.raises(AssertionError, match="broken"):
        Arena(tmp_path, graphs.chains(5), [Failing, Shell], 3).cold()


def test_what_is_kept_is_not_measured_again(tmp_path: Path) -> None:
    """Rows of other sizes, shapes and seeds are others; a row that failed is tried again."""
    path, words = (
        tmp_path / "rows.json",
        ["no-op", "leaf", "--actions", "10", "--keep", str(tmp_path / "rows.json")],
    )
    layers = ["--shape", "layers", "--seed", "2"]
    keep(path, Row("no-op", "chains", 10, 1).data())
    keep(path, Row("leaf", "chains", 10, 1).data() | {"failed": "x"})
    keep(path, Row("leaf", "layers, seed 2", 10, 1).data())
    assert open_rows(options(words)) == ["no-op", "leaf"]
    assert open_rows(options([*words, "--resume"])) == ["leaf"]
    assert open_rows(options([*words, "--resume", *layers])) == ["no-op"]
    assert open_rows(options([*words, "--resume", *layers[:3], "1"])) == ["no-op", "leaf"]
    assert open_rows(options([*words, "--resume", "--actions", "11"])) == ["no-op", "leaf"]
    keep(path, Row("leaf", "chains", 10, 2).data())
    assert open_rows(options([*words, "--resume"])) == []


def test_each_goal_has_a_row_that_measures_it() -> None:
    """With the peer that it names."""
    lines = [options(line) for line in TABLE]
    for goal in goals.GOALS:
        [line] = [
            line
            for line in lines
            if goal.row in line.rows and line.actions == goal.actions and line.shape == "chains"
        ]
        assert (
            goal.kind not in ("cpu", "wall", "engine")
            or goal.row.startswith("numpy")
            or goal.peer in line.peers.split(";")
        )


def test_goals_are_printed_with_the_measured_values(tmp_path: Path) -> None:
    """Met, not met, and why nothing is known."""
    row = Row(
        "no-op",
        "chains",
        10_000,
        1,
        ratios={"ninja": {"cpu": 0.9}, "doit": {"cpu": 0.5}},
        lost={"nix": "it broke"},
    )
    data = row.data() | {
        "peers": {"buildgraph": {"rss_mib": 20.0, "cpu_ms": 1.0}},
        "left_out": ["bazel: it is not installed"],
    }
    text = "\n".join(goals.table([data]))
    for result in (
        "0.9   met",
        "0.5   NOT MET",
        "it broke",
        "it is not installed",
        "21   met",
        "not measured",
    ):
        assert result in text, text


def test_a_place_is_new_and_goes(tmp_path: Path) -> None:
    """A file system where that can be had."""
    with fresh(tmp_path) as (place, what):
        assert place.is_mount() == (what == "a new ext4 image")
        (place / "file").write_text("x")
    assert list(tmp_path.iterdir()) == []
