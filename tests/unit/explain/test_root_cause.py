"""Explanations: changes are followed back to the action that made them first."""

from __future__ import annotations

from buildgraph.explain.key_rows import ActionKeys, KeyHistory
from buildgraph.explain.root_cause import explain_target
from buildgraph.keys.action_key import Key, key_of
from buildgraph.state.key_history import KeyRow
from buildgraph.store.memory import MemoryStore
from buildgraph.types.action import Action, Out
from buildgraph.types.digest import Digest
from buildgraph.types.result import File, Result


class Chain:
    """Two actions: `cc` compiles f.c, `ld` links its output; each build has another source."""

    def __init__(self) -> None:
        self.store = MemoryStore()

    def build(self, source: str) -> tuple[Key, Key]:
        """Store the results of both actions and return their keys."""
        batch = self.store.batch()
        log, compiled = batch.add(b""), batch.add(f"object of {source}".encode())
        compile_, link = (
            key_of(Action((program, path), (), (Out("o"),)), [(path, File(digest))], {})
            for program, path, digest in (
                ("cc", "f.c", Digest.of(source.encode())),
                ("ld", "in/0/o", compiled),
            )
        )
        for key, output in ((compile_, compiled), (link, batch.add(source.encode()))):
            batch.record(key.digest, Result((("o", File(output)),), log, "none", 1), key.messages)
        self.store.publish([batch])
        return compile_, link


def rows(*builds: tuple[Key, Key]) -> dict[str, KeyRow]:
    """The history of some builds, the newest first."""
    last = len(builds)
    return {
        name: KeyRow(tuple(str(keys[at].digest) for keys in builds), last, last, last - 1)
        for at, name in enumerate(("//a:o 1 cc", "//a:app 1 ld"))
    }


def test_a_change_is_followed_to_the_source() -> None:
    chain = Chain()
    old, new = chain.build("one"), chain.build("two")
    history = KeyHistory(rows(new, old), chain.store, None)
    explanation = explain_target(history, "//a:app", ["//a:app"], set())
    assert explanation is not None and explanation.state == "changed"
    (cause,) = explanation.causes
    assert (cause.kind, cause.what, cause.label) == ("source", "f.c", "//a:o")
    assert explanation.followed == 2 and len(explanation.reasons) == 2
    assert [(link.label, link.takes) for link in explanation.chain] == [
        ("//a:o", "f.c"),
        ("//a:app", "in/0/o"),
    ]


def test_one_build_is_the_first_and_none_is_unknown() -> None:
    chain = Chain()
    history = KeyHistory(rows(chain.build("one")), chain.store, None)
    explanation = explain_target(history, "//a:app", ["//a:app"], set())
    assert explanation is not None and explanation.state == "first"
    assert explain_target(history, "//a:x", ["//a:x"], set()) is None


def test_equal_keys_that_ran_are_a_rerun() -> None:
    chain = Chain()
    keys = chain.build("one")
    row = KeyRow((str(keys[1].digest),), 1, 3)
    history = KeyHistory({"//a:app 1 ld": row}, chain.store, None)
    explanation = explain_target(history, "//a:app", ["//a:app"], {str(keys[1].digest)})
    assert explanation is not None and explanation.state == "rerun" and explanation.followed == 1


def test_lost_keys_are_forgotten() -> None:
    chain = Chain()
    builds = chain.build("two"), chain.build("one")
    history = KeyHistory(rows(*builds), MemoryStore(), None)
    explanation = explain_target(history, "//a:app", ["//a:app"], set())
    assert explanation is not None and explanation.state == "forgotten"
    assert [change.state for change in explanation.reasons] == ["forgotten"]


def test_damaged_rows_are_dropped() -> None:
    row = KeyRow(("0" * 64 + "/1",), 1, 1)
    history = KeyHistory(
        {"//a:app": row, "//a:app x t": row, "//a:app 1 ": row}, MemoryStore(), None
    )
    assert history.rows_of("//a:app") == {}
    assert history.action(ActionKeys("//a:app", "t", 1, "", "")) is None
