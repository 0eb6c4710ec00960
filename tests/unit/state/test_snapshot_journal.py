"""How a build left its steps and sources, and what builds that went on have changed: it comes back, or nothing does."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from buildgraph.lite.pack import pack_strings
from buildgraph.state import snapshot
from buildgraph.state.snapshot_journal import (
    JOURNAL,
    SavedBuild,
    StepRecord,
    begin,
    divided,
    load_saved_build,
    rows_of,
)

WORD = st.text(st.characters(blacklist_characters="\0\n", blacklist_categories=["Cs"]), max_size=4)
ROWS = st.lists(WORD, min_size=9, max_size=9).map(pack_strings)
STANDS = st.builds(
    StepRecord,
    st.from_regex(r"[0-9a-f]{4}/[0-9]", fullmatch=True),
    st.integers(0, 10**7),
    st.lists(st.tuples(st.integers(0, 10**6), ROWS), max_size=3).map(tuple),
)
ROW = pack_strings("//:a o a.txt a  out/a d 3 ".split(" "))


@given(STANDS, st.binary(max_size=9))
def test_a_step_is_divided_as_it_was_joined(stand: StepRecord, action: bytes) -> None:
    assert divided(stand.line() + action) == (stand, action)


def _stand(number: int, key: str = "k") -> StepRecord:
    return StepRecord(f"{key}{number}/1", number, ((number, ROW),) if number % 2 else ())


@pytest.fixture
def left(tmp_path: Path) -> SavedBuild:
    """Eight steps and three sources, as a build left them."""
    path = str(tmp_path / "deep/name")
    parts = {
        "source_rows": b"a/1 \nb/2 x\nc/3 ",
        "gates": b"g",
        "shown": rows_of([(9, ROW)], b"\n"),
    }
    mark = begin(
        path, parts, [_stand(number).line() + b"action\0%d" % number for number in range(8)]
    )
    found = load_saved_build(path)
    assert found is not None and found.mark == mark != 0
    return found


def _all(of: SavedBuild) -> list[tuple[StepRecord, list[str]]]:
    found = of.read(range(of.count))
    assert found is not None
    return found


def _change(of: SavedBuild) -> None:
    of.steps[3] = _stand(3, "n").line()
    of.rows[1] = of.sources[1] = b"n/2 "
    of.gates, of.shown = b"other", b""
    of.write()


def _again(of: SavedBuild) -> SavedBuild:
    found = load_saved_build(of.path)
    assert found is not None
    return found


def test_what_was_left_comes_back(left: SavedBuild) -> None:
    assert left.count == 8 and left.outputs() == [(9, ROW)] and not left.grown
    assert _all(left) == [(_stand(number), ["action", str(number)]) for number in range(8)]
    assert left.read([6, 1]) == [(_stand(6), ["action", "6"]), (_stand(1), ["action", "1"])]
    assert left.load() and left.read([6]) == [(_stand(6), ["action", "6"])]


def test_what_changed_since_comes_back(left: SavedBuild) -> None:
    _change(left)
    found = _again(left)
    assert found.mark == left.mark != found.head.mark == left.head.mark
    assert found.read([3, 4]) == [(_stand(3, "n"), ["action", "3"]), (_stand(4), ["action", "4"])]
    assert (found.rows, found.gates, found.outputs()) == ([b"a/1 ", b"n/2 ", b"c/3 "], b"other", [])
    found.steps[4] = _stand(4, "m").line()
    found.write()
    assert [stand.key for stand, _ in _again(left).read([3, 4]) or ()] == ["n3/1", "m4/1"]


def test_all_is_written_anew_when_much_changed(left: SavedBuild, tmp_path: Path) -> None:
    _change(left)
    left.steps |= {number: _stand(number, "n").line() for number in range(3)}
    assert left.grown
    expected = _all(left)
    left.anew(left.path, {"gates": b"last"})
    found = _again(left)
    assert (
        found.mark == left.mark == found.head.mark
        and not found.steps
        and not Path(left.path + JOURNAL).exists()
    )
    assert _all(found) == expected and (found.gates, found.rows) == (b"last", left.rows)


def test_what_belongs_to_another_head_has_not_changed(left: SavedBuild, tmp_path: Path) -> None:
    _change(left)
    data = Path(left.path + JOURNAL).read_bytes()
    left.anew(left.path, {})
    Path(left.path + JOURNAL).write_bytes(data)
    assert _again(left).mark == _again(left).head.mark


def test_a_flipped_byte_of_what_changed_has_another_mark(left: SavedBuild) -> None:
    """So no receipt belongs to it."""
    _change(left)
    file = Path(left.path + JOURNAL)
    data = file.read_bytes()
    for at in range(len(data)):
        file.write_bytes(data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
        assert _again(left).mark != left.mark, at


def test_steps_of_another_head_are_refused(left: SavedBuild) -> None:
    file = Path(left.path + snapshot.STEPS)
    file.write_bytes(file.read_bytes().replace(b"action", b"Action"))
    assert left.read([1]) is None and left.keys() == [] and not left.load()
    left.anew(left.path, {})
    assert left.mark == 0


def test_a_disk_that_refuses_leaves_no_mark(left: SavedBuild, tmp_path: Path) -> None:
    assert left.load()
    left.path = str(tmp_path / "deep/.buildgraph/below a file")
    (tmp_path / "deep/.buildgraph").unlink(missing_ok=True)
    (tmp_path / "deep/.buildgraph").write_text("")
    left.write()
    assert left.mark == 0
    left.mark = 1
    left.anew(left.path, {})
    assert left.mark == 0
