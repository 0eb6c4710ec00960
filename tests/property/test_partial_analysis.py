"""The graph of an analysis of a part equals that of an analysis of everything.

Random workspaces of some packages, with commands, files, gates, tests, groups and a matrix, are
analysed. Then one or two tables get another value, or tables come, go, move or get another name,
and the part that the edits reach is analysed again. The actions, outputs, gates and targets are
those that an analysis of the whole finds, and an edit of values calls the rules of no other targets
than those that it reaches and those that these depend on.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from buildgraph.build.from_source import evaluate_request
from buildgraph.build.partial_analysis import analyse_edits
from buildgraph.execution.executor import Attempt
from buildgraph.host.environment import BuildEnvironment
from buildgraph.lite.pack import pack_strings
from buildgraph.state.build_files import EditedFile, EditedGraph
from buildgraph.state.request_graph import NO_STEP, RequestGraph, decode_request, outputs_by_step
from buildgraph.state.snapshot import Snapshot, parse
from buildgraph.state.step_codec import StepRecord
from buildgraph.state.target_table import decode_targets
from buildgraph.types.action import Action, Artifact, Content, Output
from buildgraph.types.digest import Digest
from buildgraph.types.errors import BuildError
from buildgraph.types.request import Request
from buildgraph.workspace.toml_text import hash_without_comments
from tests.property.part_world import ABSENT, World
from tests.support.fault_counts import TIMES

WORLDS = 40 * TIMES


def _has(name: str) -> bool:
    return name != ABSENT


def _built(graph: RequestGraph) -> Snapshot:
    """A snapshot of a graph in which each action has a result."""
    snapshot = parse(graph.encode())
    assert snapshot is not None
    by_step = outputs_by_step(graph.steps, graph.outputs)
    for number in range(snapshot.count):
        states = tuple(b"state %d" % output for output in by_step.get(number, ()))
        snapshot.set_record(number, StepRecord(f"key/{number}", 1, states))
    sources = snapshot.graph.strings("sources")
    snapshot.source_rows = [name.encode() for name in sources]
    snapshot.set_states(b"verdicts", b"\n".join(b"f" for _ in by_step.get(NO_STEP, ())))
    encoded = snapshot.encode({"facts": pack_strings(["none"])})
    assert encoded is not None
    built = parse(b"".join(encoded[0]))
    assert built is not None and built.results is not None
    return built


def _edits(root: Path, snapshot: Snapshot) -> dict[str, EditedFile]:
    strings = snapshot.graph.strings("files")
    edits: dict[str, EditedFile] = {}
    for path, digest in zip(strings[::2], strings[1::2]):
        data = (root / path).read_bytes()
        if str(Digest.of(data)) != digest:
            text = hash_without_comments(data)
            edits[path] = EditedFile(Digest.of(data), (0, 0, 0, 0, 0), data, text, True)
    return edits


class _Named:
    """Artifacts and actions of a graph by what names them, whatever their numbers are."""

    def __init__(self, graph: RequestGraph) -> None:
        self._graph = graph

    def action(self, action: Action) -> tuple[Any, ...]:
        """All values of an action; those whose outputs it takes by their names."""
        inputs = tuple((path, self.artifact(artifact)) for path, artifact in action.inputs)
        rest = (action.argv, action.outputs, action.env, action.programs, action.distributions)
        return (*self.name(action), inputs, *rest, action.platform, action.timeout, action.network)

    def name(self, action: Action) -> tuple[str, str, int]:
        """The label of an action, its title, and its position among those of both."""
        number = self._graph.steps.number[action]
        return str(action.owner), action.title, self._graph.steps.ordinals[number]

    def artifact(self, artifact: Artifact) -> tuple[Any, ...]:
        """Kind, name, producer and content of an artifact."""
        maker = self.name(artifact.action) if isinstance(artifact, Output) else ()
        tree = isinstance(artifact, Output) and artifact.tree
        data = artifact.data if isinstance(artifact, Content) else b""
        return type(artifact).__name__, artifact.name, maker, tree, data

    def all(self) -> dict[str, Any]:
        """The graph as plain values."""
        steps = self._graph.steps
        return {
            "labels": self._graph.labels,
            "outputs": [
                (output.path, output.label, output.name, self.artifact(output.artifact))
                for output in self._graph.outputs
            ],
            "gates": [
                (*gate_values(gate), None if gate.step is None else self.name_of(gate.step))
                for gate in self._graph.gates
            ],
            "actions": {self.action(action) for action in steps.actions},
            "deps": {
                self.name_of(number): {self.name_of(dep) for dep in deps}
                for number, deps in enumerate(steps.deps)
            },
            "gate only": {self.name_of(number) for number in self._graph.gate_only},
        }

    def name_of(self, number: int) -> tuple[str, str, int]:
        """The name of an action by its number."""
        return self.name(self._graph.steps.actions[number])


def gate_values(gate: Any) -> tuple[Any, ...]:
    """The values of a gate without the number of its action."""
    return gate.label, gate.name, gate.needs, gate.missing, gate.demand


def _targets(snapshot: Snapshot) -> dict[str, Any]:
    """The targets of a snapshot by label, whatever their numbers are."""
    table = decode_targets(snapshot)
    return {
        "units": table.units,
        "rules": {row.label: (row.rule, row.folder) for row in table.targets},
        "deps": {
            table.targets[number].label: {table.targets[dep].label for dep in deps}
            for number, deps in enumerate(table.deps)
        },
    }


def _sections(snapshot: Snapshot) -> dict[str, Any]:
    """The sections of sources, users and makers, by the names of the actions."""
    graph = snapshot.graph
    lines = snapshot.actions(range(snapshot.count))
    assert lines is not None
    names = [tuple(line.split(b"\0", 4)[:4]) for line in lines]
    targets = graph.strings("targets")[::3]
    readers, users = (
        [
            {names[step] for step in graph.ints(f"{name}s")[start:end]}
            for start, end in zip(graph.ints(f"{name}_offsets"), graph.ints(f"{name}_offsets")[1:])
        ]
        for name in ("reader", "user")
    )
    return {
        "readers": dict(zip(graph.strings("sources"), readers)),
        "users": dict(zip(names, users)),
        "owners": dict(zip(names, (targets[owner] for owner in graph.ints("owners")))),
        "makers": [None if step < 0 else names[step] for step in graph.ints("makers")],
        "counts": [*graph.ints("output_counts")],
        "output steps": {names[step] for step in graph.ints("output_steps")},
    }


def pairs(strings: list[str]) -> Iterator[tuple[str, str]]:
    """Strings two by two."""
    return zip(strings[::2], strings[1::2])


def _attempt(root: Path, request: Request) -> Attempt:
    host = cast(BuildEnvironment, None)
    return Attempt(str(root), request, lambda event: None, threading.Event(), host, "none")


def _check_equal(part: EditedGraph, before: Snapshot, whole: RequestGraph) -> None:
    graph = decode_request(part.snapshot, whole.inputs)
    assert graph is not None
    assert _Named(graph).all() == _Named(whole).all()
    expected = parse(whole.encode())
    assert expected is not None
    new_targets, targets = _targets(part.snapshot), _targets(expected)
    for name, values in targets.items():  # files that nothing needs any more may be left
        assert new_targets[name] == {**new_targets[name], **values}, name
    assert _sections(part.snapshot) == _sections(expected)
    assert {*whole.inputs.texts.items()} <= {*pairs(part.snapshot.graph.strings("texts"))}
    old, new = (s.actions(range(s.count)) for s in (before, part.snapshot))
    assert old is not None and new is not None
    assert [*part.edited] == [at for at, pair in enumerate(zip(old, new)) if pair[0] != pair[1]]
    assert part.snapshot.records(range(part.snapshot.count)) == before.records(range(before.count))


def _reached(whole: Snapshot, edited: set[str]) -> set[str]:
    """The targets that an edit reaches, and those that they depend on."""
    table = _targets(whole)
    deps, rules = table["deps"], table["rules"]
    above = {label for label in edited if label in deps}
    while more := {
        user
        for user, needs in deps.items()
        if needs & above and rules[user][0] not in ("group", "matrix group") and user not in above
    }:
        above |= more
    below = set(above)
    while more := {dep for label in below for dep in deps[label]} - below:
        below |= more
    return below


@pytest.mark.slow
def test_a_part_is_analysed_like_the_whole(tmp_path: Path) -> None:
    """Random edits; a part is enough for nearly all of values in tables without a matrix."""
    counts: Counter[str] = Counter()
    for number in range(WORLDS):
        rng = random.Random(f"{TIMES} {number}")
        root, world = tmp_path / f"w{number}", World(rng)
        world.write(root)
        try:
            graph = evaluate_request(str(root), world.request, _has)
        except BuildError:
            continue  # no target matches
        snapshot = _built(graph)
        for _ in range(4):
            before = {table.label: table.text() for table in world.tables}
            kinds = [world.edit() for _ in range(rng.choice((1, 1, 2)))]
            world.write(root)
            edits = _edits(root, snapshot)
            if not edits:
                continue
            edited = analyse_edits(_attempt(root, world.request), snapshot, edits)
            try:
                whole = evaluate_request(str(root), world.request, _has)
            except BuildError:
                assert edited is None
                break
            kind = kinds[0] if len({*kinds}) == 1 else "several"
            if not any(table.is_odd or table.kind == "matrix" for table in world.tables):
                counts[f"{kind} {'part' if edited else 'whole'}"] += 1
            expected = parse(whole.encode())
            assert expected is not None
            if edited is not None:
                _check_equal(edited, snapshot, whole)
                labels = {t.label for t in world.tables if before.get(t.label) != t.text()}
                if "deps" not in kinds:  # a target that nothing needs any more is analysed once
                    assert edited.analysed == len(_reached(expected, labels))
            snapshot = _built(whole)
    assert counts["salt part"] > 5 * counts["salt whole"], counts
    assert counts["order part"] and not counts["order whole"], counts


def test_a_folder_that_changes_meanwhile_needs_the_whole(tmp_path: Path) -> None:
    """The targets that are not analysed again were analysed with its old entries."""
    toml = '[workspace]\n[a]\nrule = "files"\nsrcs = ["a*"]\n[b]\nrule = "files"\nsrcs = ["b*"]\n'
    for name in ("a1", "b1"):
        (tmp_path / name).write_text(name)
    (tmp_path / "BUILD.toml").write_text(toml)
    request = Request(("//...",))
    snapshot = _built(evaluate_request(str(tmp_path), request, _has))
    (tmp_path / "BUILD.toml").write_text(toml.replace('"a*"', '"a*", "!a2*"'))
    edits = _edits(tmp_path, snapshot)
    assert analyse_edits(_attempt(tmp_path, request), snapshot, edits) is not None
    (tmp_path / "b2").write_text("b2")
    assert analyse_edits(_attempt(tmp_path, request), snapshot, edits) is None


def test_a_file_that_vanishes_meanwhile_needs_the_whole(tmp_path: Path) -> None:
    toml = (
        '[workspace]\n[c]\nrule = "command"\ninputs = { i = "//p:b" }\n'
        'outputs = { o = "o" }\nargv = ["cp", "-r", "{i}", "{o}"]\n'
    )
    (tmp_path / "p").mkdir()
    (tmp_path / "p/BUILD.toml").write_text('[b]\nrule = "files"\nsrcs = ["BUILD.toml"]\n')
    (tmp_path / "BUILD.toml").write_text(toml)
    request = Request(("//...",))
    snapshot = _built(evaluate_request(str(tmp_path), request, _has))
    (tmp_path / "BUILD.toml").write_text(toml.replace('"-r"', '"-R"'))
    edits = _edits(tmp_path, snapshot)
    assert analyse_edits(_attempt(tmp_path, request), snapshot, edits) is not None
    (tmp_path / "p/BUILD.toml").unlink()
    assert analyse_edits(_attempt(tmp_path, request), snapshot, edits) is None
