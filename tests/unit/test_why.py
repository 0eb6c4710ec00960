"""Why an action ran: two keys made by the function that makes all keys, and what differs between them."""
from __future__ import annotations

from pathlib import Path

import pytest

from buildgraph.cli.why import told
from buildgraph.digest import Digest
from buildgraph.events import Done, Finished, Planned
from buildgraph.key import Key, key_of
from buildgraph.model import Action, File, Out, Result
from buildgraph.store.memory import MemoryStore
from buildgraph.why import History, Reason, why


def _key(memory: str, text: bytes) -> Key:
    action = Action(("link", "--memory", memory, "a.o"), (), (Out("app"),))
    return key_of(action, [("a.o", File(Digest.of(text)))], {"program:link": "link 1"})


def _store(*keys: Key) -> MemoryStore:
    store = MemoryStore()
    batch = store.batch()
    log = batch.add(b"")
    for key in keys:
        batch.record(key.digest, Result((), log, "none", 1), key.messages)
    store.publish([batch])
    return store


def _build(root: Path, *done: tuple[int, str, Key]) -> None:
    history = History(str(root))
    history(Planned((), len(done), 0, "none"))
    for number, title, key in done:
        history(Done(number, "//a:b", title, "ran", str(key.digest), 1))
    history(Finished(0, 1, 0, 0, 0, 0, 1))


def test_why_names_each_part_that_differs(tmp_path: Path) -> None:
    old, new = _key("1GiB", b"one"), _key("2GiB", b"two")
    _build(tmp_path, (0, "link", old))
    _build(tmp_path, (0, "link", new))
    (reason,) = why(History(str(tmp_path)).keys(), "//a:b", _store(old, new).parts)
    assert (reason.title, reason.state) == ("link", "changed")
    assert reason.parts == (("argv 2", "1GiB", "2GiB"), ("input a.o", Digest.of(b"one").oci, Digest.of(b"two").oci))
    assert list(told(reason))[1] == "  argv 2     1GiB -> 2GiB"


def test_a_build_of_hits_forgets_nothing(tmp_path: Path) -> None:
    old, new = _key("1GiB", b""), _key("2GiB", b"")
    for key in (old, new, new, new):
        _build(tmp_path, (0, "link", key))
    assert History(str(tmp_path)).keys() == {"//a:b 1 link": [str(new.digest), str(old.digest)]}


def test_equal_titles_are_told_apart_by_their_place_in_the_plan(tmp_path: Path) -> None:
    one, two = _key("1GiB", b""), _key("2GiB", b"")
    _build(tmp_path, (7, "link", two), (3, "link", one))
    assert History(str(tmp_path)).keys() == {"//a:b 1 link": [str(one.digest)], "//a:b 2 link": [str(two.digest)]}


def test_first_and_forgotten(tmp_path: Path) -> None:
    old, new = _key("1GiB", b""), _key("2GiB", b"")
    _build(tmp_path, (0, "link", old))
    assert why(History(str(tmp_path)).keys(), "//a:b", _store(old).parts) == [Reason("//a:b", "link", "first")]
    _build(tmp_path, (0, "link", new))
    assert why(History(str(tmp_path)).keys(), "//a:b", _store(new).parts) == [Reason("//a:b", "link", "forgotten")]
    assert why(History(str(tmp_path)).keys(), "//a:bb", _store(new).parts) == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"form": 1, "keys": {"x": ["../../etc"]}}', '{"form": 2, "keys": {}}',
                                  '{"form": 1, "keys": 3}', "[" * 100_000])
def test_a_damaged_history_counts_as_empty(tmp_path: Path, text: str) -> None:
    (tmp_path / ".buildgraph").mkdir()
    (tmp_path / ".buildgraph/keys.json").write_text(text)
    assert History(str(tmp_path)).keys() == {}
    _build(tmp_path, (0, "link", _key("1GiB", b"")))
    assert len(History(str(tmp_path)).keys()) == 1


def test_a_workspace_that_cannot_be_written_remembers_nothing(tmp_path: Path) -> None:
    (tmp_path / ".buildgraph").write_text("in the way")
    _build(tmp_path, (0, "link", _key("1GiB", b"")))
    assert History(str(tmp_path)).keys() == {}
