"""Goals of the rows, and a description of each row as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tests.bench.probes import PROBES

KINDS = {  # how a goal reads
    "cpu": "{most:g}x CPU of {peer}",
    "wall": "{most:g}x wall of {peer}",
    "memory": "{most:g} MB at the peak",
    "seconds": "{most:g} s CPU",
    "engine": "{most:g} ms CPU an action above {peer}",
    "growth": "{most:g}x CPU a target of {peer} targets",
    "spread": "{most:g}x memory a target of {peer} targets",
}


@dataclass(frozen=True)
class Goal:
    """The most that ours may cost in a row.

    `kind` says how it is compared with a peer, or with another number of actions.
    """

    row: str
    actions: int
    kind: str
    peer: str
    most: float

    def measured(self, rows: Sequence[dict[str, Any]], scaled: Callable[[int], int]) -> float | str:
        """The measured value from the rows, or the reason why there is none."""
        row = _row(rows, self.row, scaled(self.actions))
        if row is None:
            return "not measured"
        if "failed" in row:
            return str(row["failed"])
        mine = _ours(row)
        if self.kind in ("cpu", "wall"):
            why = {
                name: reason
                for text in row["left_out"]
                for name, _, reason in [text.partition(": ")]
            } | row["lost"]
            ratio = row["ratios"].get(self.peer)
            return float(ratio[self.kind]) if ratio else str(why.get(self.peer, "not measured"))
        if self.kind == "memory":
            return float(mine["rss_mib"]) * 2**20 / 1e6
        if self.kind == "seconds":
            return float(mine["cpu_ms"]) / 1000
        if self.kind == "engine":
            other = row["peers"].get(self.peer)
            return (mine["cpu_ms"] - other["cpu_ms"]) / row["actions"] if other else "not measured"
        small = _row(rows, self.row, scaled(int(self.peer.replace(",", ""))))
        if small is None or "failed" in small:
            return "not measured"
        what = "cpu_ms" if self.kind == "growth" else "rss_mib"
        return float(mine[what] / row["actions"] / (_ours(small)[what] / small["actions"]))

    def __str__(self) -> str:
        return KINDS[self.kind].format(most=self.most, peer=self.peer)


def _ours(row: dict[str, Any]) -> dict[str, Any]:
    medians: dict[str, Any] = next(iter(row["peers"].values()))
    return medians


def _row(rows: Sequence[dict[str, Any]], name: str, actions: int) -> dict[str, Any] | None:
    return next(
        (
            row
            for row in rows
            if row["row"] == name
            and row["actions"] == actions
            and not row["shape"].startswith("layers")
        ),
        None,
    )


def _shares(row: str, actions: int, **peers: float) -> list[Goal]:
    return [Goal(row, actions, "cpu", peer, most) for peer, most in peers.items()]


GOALS = (
    *_shares("no-op", 10_000, ninja=1.0, bazel=0.3, nix=0.08, doit=0.07, scons=0.01),
    Goal("no-op", 10_000, "memory", "", 30),
    *_shares("no-op", 50_000, ninja=0.8),
    *_shares("no-op", 1_000, ninja=5, doit=0.2, nix=0.4, bazel=0.2),
    *_shares("no-op", 7, python=2.5),
    *_shares("unread file", 10_000, ninja=1.5),
    *_shares("leaf", 10_000, ninja=1.5, bazel=0.3, doit=0.17, nix=0.17),
    *_shares("touch", 10_000, ninja=1.5),
    *_shares("same output", 10_000, ninja=1.5),
    *_shares("profile", 10_000, ninja=1.2, bazel=0.3),
    *_shares("cold", 10_000, ninja=1.25, bazel=0.3, nix=0.1),
    Goal("cold", 10_000, "engine", "ninja", 0.5),
    Goal("cold", 10_000, "memory", "", 120),
    Goal("cold, namespaces", 1_000, "cpu", "bazel, linux-sandbox", 0.6),
    *_shares("restore", 1_000, shake=0.4, scons=0.1, bazel=0.03),
    *_shares("restore, 1 MiB each", 50, shake=1.8),
    Goal("restore, 1 MiB each", 50, "wall", "shake", 1.5),
    Goal("CI job", 1_000, "seconds", "", 1),
    Goal("full analysis", 10_000, "seconds", "", 3),
    Goal("full analysis", 100_000, "growth", "10,000", 1.25),
    Goal("full analysis", 100_000, "spread", "10,000", 1.25),
    Goal("a value", 10_000, "seconds", "", 0.5),
    Goal("a gathered file", 5_000, "seconds", "", 0.15),
    Goal("affected, a source", 10_000, "seconds", "", 0.5),
    Goal("affected, a value", 10_000, "seconds", "", 0.5),
    *(
        Goal(f"numpy tools, {level}", 1_000, "cpu", "a fresh interpreter each", round(1 / 12, 4))
        for level in ("namespaces", "landlock")
    ),
    *(Goal(name, 256, "seconds", "", 3) for name in PROBES),
    *_shares("no-op", 100, dvc=0.03),
    *_shares("cold", 100, dvc=0.03),
)


def lines(row: dict[str, Any]) -> Iterator[str]:
    """Describe a row: the cost of each build system, and its ratio to ours."""
    yield (
        f"{row['row']}, {row['actions']:,} actions "
        f"({row['shape']}, {row['rounds']} rounds, in {row['place']})"
    )
    if "failed" in row:
        yield f"  failed: {row['failed']}"
        return
    for name, medians in row["peers"].items():
        counts, rounds = sorted(set(medians["ran"])), len(medians["ran"])
        text = (
            f"  {name:<22}{medians['cpu_ms']:>12,.1f} ms CPU {medians['wall_ms']:>12,.1f} ms wall"
            f" {medians['rss_mib']:>7.0f} MiB"
            f"   ran {', '.join(map(str, counts)) or '-'}"
        )
        if name in row["ratios"]:
            ratios = row["ratios"][name]
            text += f"   ours {ratios['cpu']:.2f}x CPU, {ratios['wall']:.2f}x wall"
            text += (
                f" ({rounds} of {row['rounds']} rounds: it is slow)"
                if 0 < rounds < row["rounds"]
                else ""
            )
        yield text
    if row["due"]:
        due, reached = (", ".join(map(str, row[key])) for key in ("due", "reached"))
        yield f"  due: {due}; depend on an edited file: {reached}"
    for name, why in [*(text.split(": ", 1) for text in row["left_out"]), *row["lost"].items()]:
        yield f"  without {name}: {why}"


def table(
    rows: Sequence[dict[str, Any]], scaled: Callable[[int], int] = lambda actions: actions
) -> Iterator[str]:
    """Each goal with the measured value.

    `scaled` maps its number of actions to that of a smaller trial.
    """
    yield f"{'row':<33}{'goal: at most':<48}{'measured':>8}"
    for goal in GOALS:
        value = goal.measured(rows, scaled)
        result = (
            value
            if isinstance(value, str)
            else f"{value:>8.3g}   {'met' if value <= goal.most else 'NOT MET'}"
        )
        yield f"{f'{goal.row}, {scaled(goal.actions):,}':<33}{goal!s:<48}{result}"
