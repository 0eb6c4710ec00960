"""Changes that affect the hash of a target, and changes that do not."""

from __future__ import annotations

from dataclasses import dataclass

from buildgraph.analysis.analysis import Analysis
from buildgraph.analysis.rule_api import Ctx
from buildgraph.explain.target_hash import TargetHashes, artifacts, hash_targets
from buildgraph.types.action import Artifact, Content, Out, Source
from buildgraph.types.digest import Digest
from buildgraph.types.label import Label
from buildgraph.types.provider import Provider
from buildgraph.types.target import Target

LABEL = Label("a", "b")


@dataclass(frozen=True)
class Copied(Provider):
    """An output, and settings of other targets."""

    output: Artifact
    others: tuple[Provider, ...] = ()


def hashes(
    path: str = "f.txt", content: str = "x", word: str = "cp", timeout: int = 5
) -> TargetHashes:
    """The hashes of one target that runs a command on one file."""
    target = Target(LABEL, "copied", {}, "", {})
    (output,) = Ctx(target).run([word, Source(path), Out("o")], timeout=timeout)
    analysis = Analysis({LABEL: Copied(output)}, (LABEL,), {LABEL: ()}, ())
    digest = Digest.of(content.encode())
    return hash_targets(analysis, {LABEL: target}, {}, lambda artifact: (digest, False))


def test_content_words_and_options_change_the_hash() -> None:
    base = hashes().hashes[LABEL]
    assert hashes().hashes[LABEL] == base
    for other in (hashes(content="y"), hashes(word="mv"), hashes(timeout=6)):
        assert other.hashes[LABEL] != base


def test_a_moved_file_changes_only_the_hash_with_paths() -> None:
    base, moved = hashes(), hashes(path="elsewhere/f.txt")
    assert moved.hashes[LABEL] != base.hashes[LABEL]
    assert moved.hashes_ignoring_paths() == base.hashes_ignoring_paths()
    edited = hashes(path="elsewhere/f.txt", content="y")
    assert edited.hashes_ignoring_paths() != base.hashes_ignoring_paths()


def test_inputs_are_listed_by_kind() -> None:
    digest = Digest.of(b"x")
    assert hashes().inputs[LABEL] == {"source f.txt": digest.oci}


def test_artifacts_of_other_providers_are_left_out() -> None:
    inner = Copied(Content("inner", b""))
    outer = Copied(Content("outer", b""), (inner,))
    assert [artifact.name for artifact in artifacts(outer)] == ["outer"]
