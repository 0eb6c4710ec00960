"""Compare two releases: agents, parameters, sizes, gates, declared limits and behaviour."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from ..explain.parameter_changes import ModelChanges, model_changes
from .agent_files import DECLARED, Agent, load_agents
from .agent_program import AgentProgram, CannotRun, read_program, replay
from .behaviour import BehaviourChange, ProbeSet, compare_replies
from .first_difference import layout_difference

ADDED, REMOVED, KEPT = "added", "removed", "kept"


@dataclass(frozen=True, slots=True)
class Size:
    """A size in bytes in both releases; None where it does not exist."""

    name: str
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Behaviour of an agent on a probe set.

    `probe` names the releases whose probe set it is. `why_not` says why nothing was compared.
    """

    probe: str
    change: BehaviourChange | None
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class AgentChange:
    """An agent that is in one of the releases or in both; `state` is `added`, `removed` or `kept`.

    `model` is None if it is equal, or cannot be compared. `labels` is the labels.json of the
    newer release.
    """

    name: str
    state: str
    model: ModelChanges | None
    behaviour: tuple[Behaviour, ...] = ()
    labels: bytes = b"{}"


@dataclass(frozen=True, slots=True)
class TargetChange:
    """A target in two releases: `images` are the digests before the stamp of the tag.

    `gates` and `limits` have (name, before, after), only where these differ.
    """

    label: str
    state: str
    images: tuple[str, str]
    sizes: tuple[Size, ...]
    gates: tuple[tuple[str, str, str], ...]
    limits: tuple[tuple[str, str, str], ...]
    agents: tuple[AgentChange, ...]
    first_difference: str


@dataclass(frozen=True, slots=True)
class Release:
    """A release in a folder: its tag and its targets, as release.json has them."""

    folder: Path
    document: Mapping[str, Any]

    @property
    def tag(self) -> str:
        """The tag of the release."""
        return str(self.document["tag"])

    def targets(self) -> dict[str, Mapping[str, Any]]:
        """Return the targets by label."""
        return {str(target["label"]): target for target in self.document["targets"]}

    def gates(self, label: str) -> dict[str, str]:
        """Return the verdicts of a target's gates by name."""
        gates = self.document["checks"]["gates"]
        return {
            str(gate["gate"]): " ".join(filter(None, (gate["verdict"], _reason(gate))))
            for gate in gates
            if gate["label"] == label
        }

    def limits(self, target: Mapping[str, Any]) -> dict[str, str]:
        """Return the declared values of a target and of its direct dependencies, as flat names.

        Labels and files are left out: their content is compared.
        """
        try:
            text = (self.folder / f"{target['name']}{DECLARED}").read_text("utf-8")
        except OSError:
            return {}
        return dict(_flatten(json.loads(text), ""))


def _reason(gate: Mapping[str, Any]) -> str:
    return f"({gate['why']})" if gate.get("why") and gate["verdict"] != "passed" else ""


def _flatten(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in sorted(value.items()):
            yield from _flatten(inner, f"{name}.{key}" if name else key)
    else:
        yield name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def compare_releases(old: Release, new: Release, with_behaviour: bool) -> Iterator[TargetChange]:
    """Yield the comparison of each target of the releases, sorted by label."""
    before, after = old.targets(), new.targets()
    for label in sorted(before.keys() | after.keys()):
        yield _compare_target((old, before.get(label)), (new, after.get(label)), with_behaviour)


_Side: TypeAlias = tuple[Release, "Mapping[str, Any] | None"]
_Change: TypeAlias = tuple[str, str, str]
_REPORTED = {"program": "program_bytes", "memory": "memory_bytes"}


def _compare_target(old: _Side, new: _Side, with_behaviour: bool) -> TargetChange:
    targets = [target for _, target in (old, new) if target is not None]
    label = str(targets[-1]["label"])
    images = tuple(str(_image(side).get("built", "")) for side in (old, new))
    gates: tuple[_Change, ...] = ()
    limits: tuple[_Change, ...] = ()
    agents: tuple[AgentChange, ...] = ()
    difference = ""
    if len(targets) == 2:
        agents = _compare_agents(old, new, with_behaviour)
        gates = _changes(*(release.gates(label) for release, _ in (old, new)))
        limits = _changes(*(release.limits(target) for release, target in (old, new) if target))
        difference = _first_difference(old, new) if images[0] != images[1] else ""
    state = KEPT if len(targets) == 2 else ADDED if old[1] is None else REMOVED
    sizes = tuple(_sizes(_measure(*old), _measure(*new)))
    return TargetChange(
        label, state, (images[0], images[1]), sizes, gates, limits, agents, difference
    )


def _image(side: _Side) -> Mapping[str, Any]:
    target = side[1] or {}
    image: Mapping[str, Any] = target.get("image") or {}
    return image


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[_Change, ...]:
    return tuple(
        (name, before.get(name, ""), after.get(name, ""))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    )


def _measure(release: Release, target: Mapping[str, Any] | None) -> dict[str, int]:
    """Return the sizes of a target in bytes: its image, the report's numbers, and its files."""
    if target is None:
        return {}
    sizes = {"image": int(target["image"]["size"])} if "image" in target else {}
    for file in target["files"]:
        path = str(file["path"])
        if path.endswith("/report/report.json"):
            report = json.loads((release.folder / path).read_bytes())
            sizes |= {name: report[key] for name, key in _REPORTED.items() if key in report}
    return sizes


def _sizes(before: Mapping[str, int], after: Mapping[str, int]) -> Iterator[Size]:
    for name in sorted(before.keys() | after.keys()):
        yield Size(name, before.get(name), after.get(name))


def _first_difference(old: _Side, new: _Side) -> str:
    layouts = [release.folder / str(target["name"]) for release, target in (old, new) if target]
    return layout_difference(*layouts) if all(layout.is_dir() for layout in layouts) else ""


def _compare_agents(old: _Side, new: _Side, with_behaviour: bool) -> tuple[AgentChange, ...]:
    agents = [
        load_agents(release.folder, str(target["name"])) for release, target in (old, new) if target
    ]
    before, after = agents
    programs = _Programs(old, new)
    changes = []
    for name in sorted(before.keys() | after.keys()):
        if name not in before or name not in after:
            changes.append(AgentChange(name, ADDED if name in after else REMOVED, None))
            continue
        pair = (before[name], after[name])
        labels = pair[1].labels()
        model = model_changes(pair[0].model(), pair[1].model(), labels)
        behaviour = tuple(_compare_behaviour(programs, pair)) if with_behaviour else ()
        changes.append(
            AgentChange(name, KEPT, None if model.is_empty else model, behaviour, labels)
        )
    return tuple(changes)


class _Programs:
    """The programs of a target in both releases, read at the first use."""

    def __init__(self, old: _Side, new: _Side) -> None:
        self.tags = (old[0].tag, new[0].tag)
        self._layouts = [
            release.folder / str(target["name"]) for release, target in (old, new) if target
        ]
        self._programs: list[AgentProgram] = []

    @property
    def exist(self) -> bool:
        """True if the target has an image in both releases; firmware has none."""
        return all((layout / "oci-layout").exists() for layout in self._layouts)

    @property
    def pair(self) -> tuple[AgentProgram, AgentProgram]:
        """The old and the new program."""
        if not self._programs:
            self._programs = [read_program(layout) for layout in self._layouts]
        return self._programs[0], self._programs[1]


def _compare_behaviour(programs: _Programs, agents: tuple[Agent, Agent]) -> Iterator[Behaviour]:
    """Compare an agent on the probe sets of both releases; once if these are equal."""
    old, new = agents
    if not programs.exist:
        yield Behaviour("", None, "the target has no image with a program to run")
        return
    reason = old.interface().why_incomparable(new.interface())
    if reason:
        yield Behaviour("", None, reason)
        return
    probes = {programs.tags[0]: old, programs.tags[1]: new}
    if old.probe_identity() == new.probe_identity():
        probes = {" and ".join(programs.tags): new}
    for tag, agent in probes.items():
        try:
            yield Behaviour(tag, _replay_both(programs, agents, agent.probe()))
        except CannotRun as error:
            yield Behaviour(tag, None, str(error))


def _replay_both(
    programs: _Programs, agents: tuple[Agent, Agent], probe: ProbeSet
) -> BehaviourChange:
    records = probe.records()
    before = replay(programs.pair[0], agents[0].name, records)
    same = programs.pair[0].data == programs.pair[1].data
    after = before if same else replay(programs.pair[1], agents[1].name, records)
    return compare_replies(probe, (agents[0].interface(), before), (agents[1].interface(), after))
