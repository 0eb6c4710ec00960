"""Prediction of the actions of a graph, with a store in memory."""

from __future__ import annotations

from buildgraph.explain.predict import Machine, Outcome, predict
from buildgraph.host.host_tools import HostTools
from buildgraph.host.source_files import SourceFiles
from buildgraph.keys.action_graph import ActionGraph
from buildgraph.keys.action_key import key_of
from buildgraph.sandbox.job import Level
from buildgraph.store.memory import MemoryStore
from buildgraph.types.action import Action, Artifact, Content, Out, Output, Source
from buildgraph.types.digest import Digest
from buildgraph.types.label import Label
from buildgraph.types.result import File, Result


def _read(artifact: Artifact) -> tuple[Digest, bool]:
    return Digest.of(artifact.name.encode()), False


def _action(name: str, *inputs: Artifact, programs: tuple[str, ...] = ()) -> Action:
    staged = tuple(sorted((artifact.name, artifact) for artifact in inputs))
    return Action((name,), staged, (Out("o"),), programs=programs, owner=Label("", name))


def _output(action: Action) -> Output:
    return Output("out/o", action)


class _World:
    """A store, and actions that ran with it."""

    def __init__(self, level: Level = "none") -> None:
        self.store = MemoryStore()
        self.level = level

    def ran(self, action: Action, inputs: list[tuple[str, File]], output: bytes) -> None:
        """Record the result of an action, made without a sandbox."""
        batch = self.store.batch()
        result = Result((("out/o", File(batch.add(output))),), batch.add(b""), "none", 7)
        key = key_of(action, inputs, {})
        batch.record(key.digest, result, key.messages)
        self.store.publish([batch])

    def outcomes(self, *actions: Action) -> list[Outcome]:
        """Predict the actions."""
        machine = Machine(self.store, HostTools(SourceFiles("/")), self.level)
        graph = ActionGraph.of(map(_output, actions))
        predicted = {entry.action: entry for entry in predict(graph, _read, machine)}
        return [predicted[action].outcome for action in actions]


def test_a_chain_runs_and_may_run() -> None:
    first = _action("a", Source("s"))
    second = _action("b", _output(first), Content("c", b"c"))
    third = _action("c", _output(second))
    assert _World().outcomes(first, second, third) == ["run", "may run", "may run"]


def test_a_result_in_the_cache_is_a_hit_and_its_outputs_are_known() -> None:
    world, first = _World(), _action("a", Source("s"))
    second = _action("b", _output(first))
    world.ran(first, [("s", File(Digest.of(b"s")))], b"made")
    assert world.outcomes(first, second) == ["hit", "run"]
    world.ran(second, [("out/o", File(Digest.of(b"made")))], b"more")
    assert world.outcomes(first, second) == ["hit", "hit"]


def test_a_result_of_a_weaker_sandbox_is_no_hit() -> None:
    world, first = _World("landlock"), _action("a", Source("s"))
    world.ran(first, [("s", File(Digest.of(b"s")))], b"made")
    assert world.outcomes(first) == ["run"]


def test_equal_actions_run_once_and_so_do_those_behind_them() -> None:
    first, equal = _action("a", Source("s")), _action("a", Source("s"))
    users = [_action("b", _output(first)), _action("b", _output(equal))]
    assert _World().outcomes(first, equal, *users) == ["run", "shared", "may run", "shared"]


def test_a_missing_program_blocks_an_action_and_its_users() -> None:
    first = _action("a", Source("s"), programs=("no-such-program-here",))
    second = _action("b", _output(first))
    other = _action("c", Source("s"))
    assert _World().outcomes(first, second, other) == ["blocked", "blocked", "run"]
