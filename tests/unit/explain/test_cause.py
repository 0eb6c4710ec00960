"""Causes: changed parts of a key that no other action made."""

from __future__ import annotations

import pytest

from buildgraph.explain.cause import Cause, changed_words, find_causes
from buildgraph.explain.diff import diff_keys
from buildgraph.explain.key_rows import ActionKeys
from buildgraph.keys.action_key import Key, key_of
from buildgraph.store.memory import MemoryStore
from buildgraph.types.action import Action, Out, Shipped, Source
from buildgraph.types.digest import Digest
from buildgraph.types.result import File, Result


def command(*words: str, **outputs: str) -> dict[str, str]:
    """An explained key with these words and outputs."""
    return {f"argv {number}": word for number, word in enumerate(words)} | {
        f"output {path}": "" for path in outputs.values()
    }


@pytest.mark.parametrize(
    ("old", "new", "pairs"),
    [
        ("cc -O1 f", "cc -O2 f", [("-O1", "-O2")]),
        ("cc f", "cc -g f", [("", "-g")]),
        ("cc -g f", "cc f", [("-g", "")]),
        ("cc a b", "cc c", [("a", "c"), ("b", "")]),
        ("cc in/0/x", "cc in/1/x", []),
        ("cc out/o", "cc out/p", []),
        ("cc f", "cc f", []),
    ],
)
def test_words_that_differ_are_paired(old: str, new: str, pairs: list[tuple[str, str]]) -> None:
    paths = {"in/0/x", "in/1/x"}
    before, after = command(*old.split(), o="out/o"), command(*new.split(), o="out/p")
    assert list(changed_words(before, after, paths)) == pairs


def causes(old: Key, new: Key, store: MemoryStore, action: Action | None) -> list[Cause]:
    """The causes of all parts that differ."""
    keys = ActionKeys("//a:b", "link", 1, str(old.digest), str(new.digest))
    difference = diff_keys(store, old.digest, new.digest)
    assert difference is not None
    return list(find_causes(store, keys, difference.parts, action))


def test_each_part_is_a_cause_of_its_kind() -> None:
    store = MemoryStore()
    actions = [
        Action(("cc", flag), (), (Out("o"),), env=(("A", value),), timeout=seconds)
        for flag, value, seconds in (("-O1", "1", 5), ("-O2", "2", 6))
    ]
    keys = [
        key_of(
            action,
            [
                (path, File(Digest.of(f"{path} {number}".encode())))
                for path in ("f.c", "tools/t.py", "in/0/o")
            ],
            {"program:cc": f"{number} x", "distribution:numpy": f"{number} y"},
        )
        for number, action in enumerate(actions)
    ]
    batch = store.batch()
    log = batch.add(b"")
    for key in keys:
        batch.record(key.digest, Result((), log, "none", 1), key.messages)
    store.publish([batch])
    kinds = {
        (cause.kind, cause.what): (cause.before, cause.after)
        for cause in causes(keys[0], keys[1], store, None)
    }
    assert {kind for kind, _ in kinds} == {
        "source",
        "tool",
        "input",
        "program",
        "distribution",
        "value",
    }
    assert kinds["value", "argv"] == ("-O1", "-O2")
    assert kinds["value", "env.A"] == ("1", "2")
    assert kinds["program", "cc"] == ("0 x", "1 x")
    inputs = (("f.c", Source("src/f.c")), ("tools/t.py", Shipped("tools/t.py")))
    named = causes(keys[0], keys[1], store, Action(("cc",), inputs, ()))
    assert ("source", "src/f.c") in {(cause.kind, cause.what) for cause in named}


def test_a_lost_key_has_no_causes() -> None:
    store = MemoryStore()
    key = key_of(Action(("cc",), (), ()), [], {})
    keys = ActionKeys("//a:b", "link", 1, str(key.digest), str(key.digest))
    assert list(find_causes(store, keys, (), None)) == []
