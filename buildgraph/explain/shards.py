"""Divide the work of affected targets among CI jobs, by the durations that are remembered.

Jobs run on different machines, so each action is placed in one job only. With one stage, targets
that need an action in common are built by the same job. With more, the jobs of a stage start when
those of the stage before have ended, with their results in the cache.

Dividing work evenly is multiprocessor scheduling, which is NP-hard. The longest piece is placed
first (LPT, Graham 1969). Several ways to cut the targets into stages are tried, and the shortest
plan is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from ..types.label import Label
from .affected_actions import ActionForecast

MAX_JOBS = 256  # of a matrix of GitHub
_MAX_CUTS = 8  # places at which stages can begin
_FILL = (0.0, 1.0, 1.06)  # shares of a job up to which a stage takes work of later ones


@dataclass(frozen=True, slots=True)
class Job:
    """The labels that one job builds, and the predicted time of their actions in it.

    A job without labels does nothing: a CI service refuses a matrix without jobs.
    """

    stage: int
    labels: tuple[Label, ...] = ()
    milliseconds: int = 0

    @property
    def is_noop(self) -> bool:
        """True if there is nothing to build."""
        return not self.labels


@dataclass(frozen=True, slots=True)
class Unit:
    """A label with the time of the actions that it is the first to declare, and what it needs."""

    label: Label
    milliseconds: int
    needs: tuple[Label, ...]


def units_of(forecast: ActionForecast, order: Sequence[Label]) -> list[Unit]:
    """Return the labels that have work or were requested, each after those that it needs.

    `order` has every label after its dependencies. Equal actions count for the first label in it.
    An action without a remembered duration counts as the mean of the others.
    """
    rank = {label: number for number, label in enumerate(order)}
    homes = _homes(forecast, rank)
    known = [ms for ms, entry in zip(forecast.milliseconds, forecast.actions) if entry.runs and ms]
    default = sum(known) // len(known) if known else 1
    work: dict[Label, int] = dict.fromkeys(forecast.requested, 0)
    needs: dict[Label, set[Label]] = {label: set() for label in forecast.requested}
    counted: set[str] = set()
    for number, entry in enumerate(forecast.actions):
        if entry.key not in homes:
            continue
        home, owner = homes[entry.key], entry.action.owner
        if entry.key not in counted:
            counted.add(entry.key)
            work[home] = work.get(home, 0) + (forecast.milliseconds[number] or default)
        if owner is not None:
            inner = needs.setdefault(owner, set())
            inner.add(home)
            producers = (forecast.actions[other] for other in forecast.needs[number])
            inner.update(homes[other.key] for other in producers if other.key in homes)
    for label, numbers in forecast.requested.items():
        keys = (forecast.actions[number].key for number in numbers)
        needs[label].update(homes[key] for key in keys if key in homes)
    return [
        Unit(label, work.get(label, 0), tuple(sorted(needs.get(label, set()) - {label})))
        for label in sorted({*work, *needs}, key=rank.__getitem__)
    ]


def _homes(forecast: ActionForecast, rank: Mapping[Label, int]) -> dict[str, Label]:
    """Map the key of each action that runs to the first label that declares it."""
    homes: dict[str, Label] = {}
    running = {entry.key for entry in forecast.actions if entry.runs}
    for entry in forecast.actions:
        owner = entry.action.owner
        if entry.key in running and owner is not None:
            home = homes.setdefault(entry.key, owner)
            if rank[owner] < rank[home]:
                homes[entry.key] = owner
    return homes


def lower_bound(units: Sequence[Unit], jobs: int, stages: int) -> float:
    """Return milliseconds that no division among jobs can undercut.

    Units in one stage that need each other are in one job. With more stages, the bound is the
    longest chain of units that need each other, or an equal share of all work.
    """
    sizes = sorted((piece.milliseconds for piece in _connected(units)), reverse=True)
    share = sum(sizes) / jobs
    if stages == 1:
        # Of k * jobs + 1 pieces, some job has k + 1: at least the smallest ones.
        crowded = (
            sum(sizes[k * jobs - k : k * jobs + 1]) for k in range((len(sizes) - 1) // jobs + 1)
        )
        return max([share, *crowded])
    chains: dict[Label, int] = {}
    for unit in units:
        before = max((chains[need] for need in unit.needs), default=0)
        chains[unit.label] = before + unit.milliseconds
    return max([share, *chains.values()])


def makespan(jobs: Iterable[Job]) -> int:
    """Return the milliseconds from the start of the first stage to the end of the last."""
    longest: dict[int, int] = {}
    for job in jobs:
        longest[job.stage] = max(longest.get(job.stage, 0), job.milliseconds)
    return sum(longest.values())


def divide(units: Sequence[Unit], jobs: int, stages: int = 1) -> tuple[Job, ...]:
    """Divide units among at most `jobs` jobs in each stage; each stage has at least one job.

    `units` are sorted: each is after those that it needs.
    """
    plans = (
        _plan(groups, jobs, share)
        for groups in _cuts(units, stages)
        for share in (_FILL if len(groups) > 1 else _FILL[:1])
    )
    best = min(plans, key=makespan)
    return tuple(
        job
        for stage in range(1, stages + 1)
        for job in [entry for entry in best if entry.stage == stage] or [Job(stage)]
    )


def _cuts(units: Sequence[Unit], stages: int) -> Iterator[list[list[Unit]]]:
    """Yield ways to cut the units into at most `stages` groups; a group needs only earlier ones."""
    yield [list(units)]
    if stages == 1:
        return
    for depths in (_depths(units), _heights(units)):
        starts = sorted(set(depths.values()))[1:]
        while len(starts) > _MAX_CUTS:
            starts = starts[::2]
        for count in range(1, stages):
            for cut in combinations(starts, count):
                groups: list[list[Unit]] = [[] for _ in range(count + 1)]
                for unit in units:
                    groups[sum(depths[unit.label] >= start for start in cut)].append(unit)
                yield groups


def _depths(units: Sequence[Unit]) -> dict[Label, int]:
    """Map each label to the length of the longest chain of units that it needs."""
    depths: dict[Label, int] = {}
    for unit in units:
        depths[unit.label] = max((depths[need] + 1 for need in unit.needs), default=0)
    return depths


def _heights(units: Sequence[Unit]) -> dict[Label, int]:
    """Map each label to the negative length of the longest chain of units that need it."""
    heights = {unit.label: 0 for unit in units}
    for unit in reversed(units):
        for need in unit.needs:
            heights[need] = min(heights[need], heights[unit.label] - 1)
    return heights


class _Piece:
    """Units that one job builds, and the labels of other pieces that they need."""

    def __init__(self, units: Sequence[Unit]) -> None:
        self.units = units
        self.milliseconds = sum(unit.milliseconds for unit in units)
        own = {unit.label for unit in units}
        self.needs = {need for unit in units for need in unit.needs} - own


def _connected(units: Sequence[Unit]) -> list[_Piece]:
    """Group units that need each other, directly or not; the longest pieces come first."""
    group = {unit.label: unit.label for unit in units}

    def root(label: Label) -> Label:
        while group[label] != label:
            group[label] = label = group[group[label]]
        return label

    for unit in units:
        for need in unit.needs:
            if need in group:
                group[root(need)] = root(unit.label)
    members: dict[Label, list[Unit]] = {}
    for unit in units:
        members.setdefault(root(unit.label), []).append(unit)
    return sorted(map(_Piece, members.values()), key=lambda piece: -piece.milliseconds)


class _Load:
    """The pieces of one job."""

    def __init__(self, stage: int) -> None:
        self.stage = stage
        self.pieces: list[_Piece] = []
        self.milliseconds = 0

    def add(self, piece: _Piece) -> None:
        """Add a piece."""
        self.pieces.append(piece)
        self.milliseconds += piece.milliseconds

    def job(self) -> Job:
        """Return the job."""
        labels = sorted(unit.label for piece in self.pieces for unit in piece.units)
        return Job(self.stage, tuple(labels), self.milliseconds)


def _least(loads: Iterable[_Load]) -> _Load:
    return min(loads, key=lambda load: load.milliseconds)


def _plan(groups: Sequence[Sequence[Unit]], jobs: int, share: float) -> list[Job]:
    """Place each group in a stage of its own, the longest pieces first.

    A stage also takes pieces of later groups, until its jobs have `share` of an equal division or
    are as long as its longest.
    """
    waiting = [_connected(group) for group in groups]
    total = sum(piece.milliseconds for pieces in waiting for piece in pieces)
    places: dict[Label, _Load] = {}
    jobs_of_stages: list[Job] = []
    for stage in range(1, len(groups) + 1):
        loads = [_Load(stage) for _ in range(jobs)]
        for piece in waiting[stage - 1]:
            _add(piece, _least(loads), places)
        limit = max(share * total / jobs, *(load.milliseconds for load in loads))
        for later in range(stage, len(groups)):
            waiting[later] = [
                piece for piece in waiting[later] if not _fill(piece, loads, limit, places)
            ]
        jobs_of_stages += [load.job() for load in loads if load.pieces]
    return jobs_of_stages


def _fill(piece: _Piece, loads: list[_Load], limit: float, places: dict[Label, _Load]) -> bool:
    """Place a piece in a stage if that has room; what it needs must be done, or in the same job."""
    if not piece.needs <= places.keys():
        return False
    stage = loads[0].stage
    needed = {id(load): load for load in map(places.__getitem__, piece.needs)}
    same_stage = [load for load in needed.values() if load.stage == stage]
    load = _least(same_stage or loads)
    if len(same_stage) > 1 or load.milliseconds + piece.milliseconds > limit:
        return False
    _add(piece, load, places)
    return True


def _add(piece: _Piece, load: _Load, places: dict[Label, _Load]) -> None:
    load.add(piece)
    places.update((unit.label, load) for unit in piece.units)
