"""Compare the target hashes of two graphs, some of them deep."""

from __future__ import annotations

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


def label_of(name: str) -> Label:
    return Label("g", name)


class World:
    """A chain of commands over one file."""

    def __init__(self, length: int, content: str = "x", word: str = "copy") -> None:
        self.content = content
        self.targets: dict[Label, Target] = {}
        self.providers: dict[Label, Provider] = {}
        self.deps: dict[Label, tuple[Label, ...]] = {}
        before: Artifact = Source("f.txt")
        for number in range(length):
            label = label_of(f"t{number:05}")
            target = self.targets[label] = Target(
                label, "made", {"word": word if number == 0 else "copy"}, "", {}
            )
            (out,) = Ctx(target).run([word if number == 0 else "copy", before, Out("o")])
            self.providers[label] = Single(out, before)
            self.deps[label] = (label_of(f"t{number - 1:05}"),) if number else ()
            before = out

    def hashes(self) -> TargetHashes:
        """Hash its targets."""
        analysis = Analysis(self.providers, tuple(self.targets), self.deps, ())
        return hash_targets(analysis, self.targets, {}, self._read)

    def _read(self, artifact: Artifact) -> tuple[Digest, bool]:
        assert isinstance(artifact, Source | Shipped)
        return Digest.of(self.content.encode()), False


def test_equal_graphs_do_not_differ() -> None:
    assert compare(World(5).hashes(), World(5).hashes()) == []


def test_without_a_base_everything_is_affected() -> None:
    affected = without_base(World(3).hashes(), "why")
    first = affected[0]
    assert (str(first.label), first.change) == ("//g:t00000", "changed")
    assert first.reasons[0].what == "why"
    assert len(affected) == 3


def _alone(values: Mapping[str, object], provider: Provider) -> TargetHashes:
    label = label_of("b")
    target = Target(label, "board", dict(values), "", {})
    return hash_targets(
        Analysis({label: provider}, (label,), {label: ()}, ()),
        {label: target},
        {},
        lambda artifact: (Digest.of(b""), False),
    )


def test_a_target_without_outputs_is_known_by_its_values() -> None:
    one, two = (
        _alone({"memory": 1}, Board("float32", 1)),
        _alone({"memory": 2}, Board("float32", 2)),
    )
    (affected,) = compare(one, two)
    assert [
        (reason.kind, reason.what, reason.before, reason.after) for reason in affected.reasons
    ] == [("value", "memory", "1", "2")]
    written_out = _alone({"dtype": "float32", "memory": 1}, Board("float32", 1))
    assert compare(one, written_out) == [], "writing out a default changes nothing"


def test_a_rule_that_declares_other_actions_is_the_last_reason() -> None:
    (affected,) = compare(_alone({}, Board("float32", 1)), _alone({}, Board("float16", 1)))
    assert [(reason.kind, reason.what) for reason in affected.reasons] == [("rule", "board")]


def test_the_name_of_an_output_is_part_of_its_hash() -> None:
    def hashes(name: str) -> TargetHashes:
        target = Target(label_of("b"), "made", {}, "", {})
        (out,) = Ctx(target).run(["cc"], outputs=[Out(name, tree=True)])
        assert isinstance(out, Output)
        return _alone({}, Single(out, out))

    assert compare(hashes("a"), hashes("a")) == []
    assert len(compare(hashes("a"), hashes("b"))) == 1
