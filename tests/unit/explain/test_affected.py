"""Two evaluated graphs compared; graphs that are deep."""

from __future__ import annotations

import time
from collections.abc import Mapping

from buildgraph.analysis.analysis import Analysis
from buildgraph.analysis.rule_api import Ctx
from buildgraph.explain.affected import compare, without_base
from buildgraph.explain.target_hash import TargetHashes, hash_targets
from buildgraph.types.action import Artifact, Out, Output, Shipped, Source
from buildgraph.types.digest import Digest
from buildgraph.types.label import Label
from buildgraph.types.provider import Provider
from buildgraph.types.target import Target
from tests.support.analysed_workspace import Board, Single


def _label(name: str) -> Label:
    return Label("g", name)


class _World:
    """A graph made by hand: a chain of commands over one file."""

    def __init__(self, length: int, content: str = "x", word: str = "copy") -> None:
        self.content = content
        self.targets: dict[Label, Target] = {}
        self.made: dict[Label, Provider] = {}
        self.deps: dict[Label, tuple[Label, ...]] = {}
        before: Artifact = Source("f.txt")
        for number in range(length):
            label = _label(f"t{number:05}")
            target = self.targets[label] = Target(
                label, "made", {"word": word if number == 0 else "copy"}, "", {}
            )
            (out,) = Ctx(target).run([word if number == 0 else "copy", before, Out("o")])
            self.made[label] = Single(out, before)
            self.deps[label] = (_label(f"t{number - 1:05}"),) if number else ()
            before = out

    def evaluated(self) -> TargetHashes:
        """Its evaluation."""
        analysis = Analysis(self.made, tuple(self.targets), self.deps, ())
        return hash_targets(analysis, self.targets, {}, self._read)

    def _read(self, artifact: Artifact) -> tuple[Digest, bool]:
        assert isinstance(artifact, Source | Shipped)
        return Digest.of(self.content.encode()), False


def test_equal_graphs_do_not_differ() -> None:
    assert compare(_World(5).evaluated(), _World(5).evaluated()) == []


def test_a_long_chain_is_told_in_time_and_cut() -> None:
    start = time.process_time()
    found = compare(_World(3000).evaluated(), _World(3000, "y").evaluated())
    assert time.process_time() - start < 20
    assert len(found) == 3000
    assert [reason.what for reason in found[0].reasons] == ["f.txt"]
    assert found[-1].chain[0] == _label("t02999") and found[-1].chain[1] == _label("t02998")
    assert found[-1].chain[-1] == _label("t00000") and len(found[-1].chain) == 7
    assert found[3].chain == tuple(_label(f"t0000{number}") for number in (3, 2, 1, 0))


def test_without_a_base_everything_is_affected() -> None:
    found = without_base(_World(3).evaluated(), "why")
    assert [(str(one.label), one.change, one.reasons[0].what) for one in found][0] == (
        "//g:t00000",
        "changed",
        "why",
    )
    assert len(found) == 3


def _alone(values: Mapping[str, object], provider: Provider) -> TargetHashes:
    label = _label("b")
    target = Target(label, "board", dict(values), "", {})
    return hash_targets(
        Analysis({label: provider}, (label,), {label: ()}, ()),
        {label: target},
        {},
        lambda artifact: (Digest.of(b""), False),
    )


def test_a_target_without_outputs_is_what_it_tells_others() -> None:
    one, two = (
        _alone({"memory": 1}, Board("float32", 1)),
        _alone({"memory": 2}, Board("float32", 2)),
    )
    (found,) = compare(one, two)
    assert [
        (reason.kind, reason.what, reason.before, reason.after) for reason in found.reasons
    ] == [("value", "memory", "1", "2")]
    written_out = _alone({"dtype": "float32", "memory": 1}, Board("float32", 1))
    assert compare(one, written_out) == [], "a default that is written out is no change"


def test_a_rule_that_does_something_else_is_the_reason_when_nothing_else_is() -> None:
    (found,) = compare(_alone({}, Board("float32", 1)), _alone({}, Board("float16", 1)))
    assert [(reason.kind, reason.what) for reason in found.reasons] == [("rule", "board")]


def test_an_output_is_known_by_its_name_too() -> None:
    def of(name: str) -> TargetHashes:
        target = Target(_label("b"), "made", {}, "", {})
        (out,) = Ctx(target).run(["cc"], outputs=[Out(name, tree=True)])
        assert isinstance(out, Output)
        return _alone({}, Single(out, out))

    assert compare(of("a"), of("a")) == [] and len(compare(of("a"), of("b"))) == 1
