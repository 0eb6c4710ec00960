"""`why` reports the parts that differ between the last two keys of an action."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildgraph.analysis.rule_api import Ctx
from buildgraph.cli.verbs.why import format_key_change
from buildgraph.explain.diff import ChangedPart
from buildgraph.explain.why import KeyChange, why
from buildgraph.keys.action_key import Key, key_of
from buildgraph.state.key_history import KeyRecorder
from buildgraph.store.memory import MemoryStore
from buildgraph.types.action import Action, Out, Output, Source
from buildgraph.types.digest import Digest
from buildgraph.types.events import Done, Finished, Planned
from buildgraph.types.label import Label
from buildgraph.types.result import File, Result
from buildgraph.types.target import Target

_ARGV = ("link", "--memory")


def _key(memory: str, text: bytes) -> Key:
    action = Action((*_ARGV, memory, "a.o"), (), (Out("app"),))
    return key_of(action, [("a.o", File(Digest.of(text)))], {"program:link": "link 1"})


def _store(
    *keys: Key, blobs: tuple[bytes, ...] = (), outputs: tuple[bytes, ...] = ()
) -> MemoryStore:
    """A store with a result for each key; `outputs` has the content of its output."""
    store = MemoryStore()
    batch = store.batch()
    log = batch.add(b"")
    for blob in blobs:
        batch.add(blob)
    for number, key in enumerate(keys):
        nodes = (("app", File(batch.add(outputs[number]))),) if outputs else ()
        batch.record(key.digest, Result(nodes, log, "none", 1), key.messages)
    store.publish([batch])
    return store


def _build(root: Path, *done: tuple[int, str, Key]) -> None:
    history = KeyRecorder(str(root))
    history(Planned((), len(done), 0, "none"))
    for number, title, key in done:
        history(Done(number, "//a:b", title, "ran", str(key.digest), 1, number + 1))
    history(Finished(0, 1, 0, 0, 0, 0, 1))


def test_why_names_each_part_that_differs(tmp_path: Path) -> None:
    old, new = _key("1GiB", b"one"), _key("2GiB", b"two")
    _build(tmp_path, (0, "link", old))
    _build(tmp_path, (0, "link", new))
    (reason,) = why(KeyRecorder(str(tmp_path)).keys(), "//a:b", _store(old, new), None)
    assert (reason.title, reason.state) == ("link", "changed")
    assert reason.parts == (
        ChangedPart("argv 2", "1GiB", "2GiB"),
        ChangedPart("input a.o", Digest.of(b"one").oci, Digest.of(b"two").oci),
    )
    assert list(format_key_change(reason))[1] == "  argv 2     1GiB -> 2GiB"
    assert reason.keys == (str(old.digest), str(new.digest))


def _history(root: Path, *keys: Key) -> dict[str, list[str]]:
    for key in keys:
        _build(root, (0, "link", key))
    return KeyRecorder(str(root)).keys()


def _declared(*argv: str, title: str = "link") -> Action:
    compile_ = Action(
        ("cc",), (), (Out("a.o"),), owner=Label("lib", "scout"), title="compile scout"
    )
    return Action(
        argv,
        (("a.o", Output("a.o", compile_)), ("b.o", Source("src/b.o"))),
        (Out("app"),),
        owner=Label("a", "b"),
        title=title,
    )


def test_an_input_has_the_action_that_made_it(tmp_path: Path) -> None:
    old, new = _key("1GiB", b"one"), _key("1GiB", b"two")
    store = _store(old, new, blobs=(b"one", b"two"), outputs=(b"x", b"x"))
    (reason,) = why(
        _history(tmp_path, old, new), "//a:b", store, [_declared(*_ARGV, "1GiB", "a.o")]
    )
    (part,) = reason.parts
    assert (part.origin, part.first) == (
        "made by //lib:scout (compile scout)",
        "line 1: 'one' -> 'two'",
    )
    assert "outputs unchanged" in list(format_key_change(reason))[-1]


def test_a_changed_output_has_its_first_difference(tmp_path: Path) -> None:
    old, new = _key("1GiB", b"one"), _key("1GiB", b"two")
    store = _store(
        old,
        new,
        outputs=(b'{"scout": {"C": [[0], [1, 2, 3]]}}', b'{"scout": {"C": [[0], [1, 2, 4]]}}'),
    )
    (reason,) = why(_history(tmp_path, old, new), "//a:b", store, None)
    assert list(format_key_change(reason))[-1] == "  output app differs: $.scout.C[1][2]: 3 -> 4"


def test_rows_of_actions_that_are_not_declared_any_more_are_dropped(tmp_path: Path) -> None:
    old, new = _key("1GiB", b"one"), _key("1GiB", b"two")
    history, store = _history(tmp_path, old, new), _store(old, new)
    assert why(history, "//a:b", store, [_declared("ld", title="another")]) == []
    assert len(why(history, "//a:b", store, [_declared("ld")])) == 1
    assert len(why(history, "//a:b", store, None)) == 1


def test_a_build_of_hits_forgets_nothing(tmp_path: Path) -> None:
    old, new = _key("1GiB", b""), _key("2GiB", b"")
    for key in (old, new, new, new):
        _build(tmp_path, (0, "link", key))
    assert KeyRecorder(str(tmp_path)).keys() == {"//a:b 1 link": [str(new.digest), str(old.digest)]}


def test_equal_titles_are_numbered_by_their_place_in_the_plan(tmp_path: Path) -> None:
    one, two = _key("1GiB", b""), _key("2GiB", b"")
    _build(tmp_path, (1, "link", two), (0, "link", one))
    assert KeyRecorder(str(tmp_path)).keys() == {
        "//a:b 1 link": [str(one.digest)],
        "//a:b 2 link": [str(two.digest)],
    }


def test_first_and_forgotten(tmp_path: Path) -> None:
    old, new = _key("1GiB", b""), _key("2GiB", b"")
    _build(tmp_path, (0, "link", old))
    assert why(KeyRecorder(str(tmp_path)).keys(), "//a:b", _store(old), None) == [
        KeyChange("//a:b", "link", "first")
    ]
    _build(tmp_path, (0, "link", new))
    assert why(KeyRecorder(str(tmp_path)).keys(), "//a:b", _store(new), None) == [
        KeyChange("//a:b", "link", "forgotten", keys=(str(old.digest), str(new.digest)))
    ]
    assert why(KeyRecorder(str(tmp_path)).keys(), "//a:bb", _store(new), None) == []


@pytest.mark.parametrize(
    "text", ["", "{", "\n\n", "../../etc //a:b 1 link\n", "0" * 64 + "/1", "[" * 100_000]
)
def test_a_damaged_history_counts_as_empty(tmp_path: Path, text: str) -> None:
    (tmp_path / ".buildgraph").mkdir()
    (tmp_path / ".buildgraph/keys.log").write_text(text)
    assert KeyRecorder(str(tmp_path)).keys() == {}
    _build(tmp_path, (0, "link", _key("1GiB", b"")))
    assert len(KeyRecorder(str(tmp_path)).keys()) == 1


def test_a_workspace_that_cannot_be_written_remembers_nothing(tmp_path: Path) -> None:
    (tmp_path / ".buildgraph").write_text("in the way")
    _build(tmp_path, (0, "link", _key("1GiB", b"")))
    assert KeyRecorder(str(tmp_path)).keys() == {}


def test_actions_of_one_title_are_numbered_in_the_order_declared() -> None:
    ctx = Ctx(Target(Label("a", "b"), "r", {}, "", {}))
    outputs = [
        ctx.run(["cp", word, Out(word)], title=title)[0]
        for word, title in (("x", ""), ("y", ""), ("z", "cp"))
    ]
    assert [out.action.title for out in outputs] == ["cp", "cp (2)", "cp (3)"]
