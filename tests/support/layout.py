"""Place the nodes of a graph on floors, so that few edges cross and long edges are straight."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

_SWEEPS, _MOVES = 24, 200
_STRAIGHT = 8.0  # weight of a place that an edge passes, beside 1 of a node


def order(
    floors: Mapping[str, int], edges: Mapping[str, Sequence[str]]
) -> tuple[list[list[str]], dict[tuple[str, str], list[str]]]:
    """Rows of names from the top floor down, and the names on the path of each edge.

    Where an edge passes a floor it has a place there, with a name of its own: `FROM>TO@FLOOR`.
    """
    top = max(floors.values(), default=0)
    rows: list[list[str]] = [[] for _ in range(top + 1)]
    ways: dict[tuple[str, str], list[str]] = {}
    for name in sorted(floors):
        rows[top - floors[name]].append(name)
    for name, other in sorted((name, other) for name, below in edges.items() for other in below):
        passed = {
            f"{name}>{other}@{floor}": floor for floor in range(floors[name] - 1, floors[other], -1)
        }
        for place, floor in passed.items():
            rows[top - floor].append(place)
        ways[name, other] = [name, *passed, other]
    links = neighbours(ways)
    for sweep in range(_SWEEPS):
        downward = sweep % 2 == 0
        for number in range(1, len(rows)) if downward else range(len(rows) - 2, -1, -1):
            fixed = {
                name: at for at, name in enumerate(rows[number - 1 if downward else number + 1])
            }
            own = {name: at for at, name in enumerate(rows[number])}
            goal = {
                name: _mean(
                    [fixed[other] for other in links.get(name, ()) if other in fixed], own[name]
                )
                for name in own
            }
            rows[number].sort(key=lambda name: (goal[name], own[name]))
    return rows, ways


def neighbours(ways: Mapping[tuple[str, str], Sequence[str]]) -> dict[str, list[str]]:
    """The names beside each name on the ways of edges."""
    links: dict[str, list[str]] = {}
    for way in ways.values():
        for upper, lower in itertools.pairwise(way):
            links.setdefault(upper, []).append(lower)
            links.setdefault(lower, []).append(upper)
    return links


def place(
    rows: Sequence[Sequence[str]], links: Mapping[str, Sequence[str]], widths: Mapping[str, int]
) -> dict[str, int]:
    """Middle of each name in pixels from 0: without overlaps, and near its neighbours."""
    middles: dict[str, float] = {}
    for row in rows:
        offsets = _offsets(row, widths)
        shift = (offsets[-1] if offsets else 0) / 2
        middles |= {name: offset - shift for name, offset in zip(row, offsets)}
    for sweep in range(_MOVES):
        for row in rows if sweep % 2 == 0 else list(reversed(rows)):
            offsets = _offsets(row, widths)
            goals = [
                _mean([middles[other] for other in links.get(name, ())], middles[name]) - offset
                for name, offset in zip(row, offsets)
            ]
            weights = [_STRAIGHT if "@" in name else 1.0 for name in row]
            middles |= {
                name: goal + offset
                for name, goal, offset in zip(row, nearest_ascending(goals, weights), offsets)
            }
    least = min((middles[name] - widths[name] / 2 for row in rows for name in row), default=0.0)
    return {name: round(middle - least) for name, middle in middles.items()}


def nearest_ascending(goals: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Ascending numbers nearest to some goals, by weighted squares (isotonic regression)."""
    pools: list[tuple[float, float, int]] = []  # mean, weight, count
    for goal, weight in zip(goals, weights):
        mean, whole, count = goal, weight, 1
        while pools and pools[-1][0] > mean:
            other, heavy, more = pools.pop()
            mean, whole, count = (
                (mean * whole + other * heavy) / (whole + heavy),
                whole + heavy,
                count + more,
            )
        pools.append((mean, whole, count))
    return [mean for mean, _, count in pools for _ in range(count)]


def _offsets(row: Sequence[str], widths: Mapping[str, int]) -> list[float]:
    """How far the middle of each name must be from that of the first at least."""
    offsets: list[float] = []
    for before, name in zip([None, *row], row):
        offsets.append(
            offsets[-1] + (widths[before] + widths[name]) / 2 if before is not None else 0.0
        )
    return offsets


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
