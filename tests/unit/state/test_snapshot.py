"""A snapshot and its journal come back as they were written, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildgraph.lite.pack import pack_ints, pack_strings
from buildgraph.state import snapshot
from buildgraph.state.snapshot import JOURNAL, Snapshot, encode_graph, load, parse, write
from buildgraph.state.step_codec import StepRecord

STATE = b"f ab/1 1 "
FACTS = {"facts": pack_strings(["none", "boot"]), "tools": b"", "shipped": b"x"}
STRINGS = ["x", "\udcff\n", ""]


def _record(number: int, key: str = "k") -> StepRecord:
    return StepRecord(f"{key}{number}/1", number, (STATE,) if number % 2 else ())


def _graph() -> bytes:
    sections = {"names": pack_strings(STRINGS), "numbers": pack_ints([3, -1, 2**40]), "none": b""}
    return encode_graph(sections, [b"action\0%d" % number for number in range(8)])


def _loaded(path: str) -> Snapshot:
    loaded = load(path)
    assert loaded is not None
    return loaded


def _write(of: Snapshot, path: str) -> int:
    encoded = of.encode(FACTS)
    assert encoded is not None and write(path, encoded[0])
    return encoded[1]


def _records(of: Snapshot) -> list[StepRecord]:
    records = of.records(range(of.count))
    assert records is not None
    return records


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A snapshot of eight actions and three sources, with results."""
    built = parse(_graph())
    assert built is not None
    for number in range(8):
        built.set_record(number, _record(number))
    built.source_rows = [b"a/1 ", b"b/2 x", b"c/3 "]
    built.set_states(b"gates", STATE)
    path = str(tmp_path / "deep/name")
    assert _write(built, path) != 0
    return path


def _go_on(path: str) -> Snapshot:
    """Change a result, a source and the gates as a later build does, and write the journal."""
    last = _loaded(path)
    last.set_record(3, _record(3, "n"))
    assert last.set_source(1, b"n/2 ") and not last.set_source(0, b"a/1 ")
    last.set_states(b"other", b"")
    last.write_journal(path)
    return last


def test_sections_and_actions_come_back(path: str) -> None:
    loaded = _loaded(path)
    assert loaded.graph.strings("names") == STRINGS and loaded.graph.strings("none") == []
    assert list(loaded.graph.ints("numbers")) == [3, -1, 2**40]
    assert loaded.actions([0, 7, 2]) == [b"action\0" + digit for digit in (b"0", b"7", b"2")]
    assert loaded.actions([6]) == [b"action\0006"] and loaded.actions([]) == []


def test_a_graph_without_results_comes_back() -> None:
    graph = parse(_graph())
    assert graph is not None and graph.results is None and graph.checksum == 0
    assert graph.count == 8 and graph.actions([1]) == [b"action\0001"]


def test_results_come_back(path: str) -> None:
    loaded = _loaded(path)
    assert loaded.results is not None and loaded.checksum == loaded.results.checksum != 0
    assert _records(loaded) == [_record(number) for number in range(8)]
    assert _loaded(path).records([6, 1]) == [_record(6), _record(1)]
    assert loaded.results.strings("facts") == ["none", "boot"]
    assert loaded.source_rows == [b"a/1 ", b"b/2 x", b"c/3 "]
    assert (loaded.verdicts, loaded.file_states) == (b"gates", STATE)
    assert not loaded.is_changed and not loaded.needs_compaction


def test_a_flipped_byte_or_a_lost_end_never_gives_other_content(path: str) -> None:
    """Each part counts as missing, or it is as it was written."""
    data, expected = Path(path).read_bytes(), _loaded(path)
    names, records = dict(expected.graph.parts), _records(expected)
    flipped = [data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :] for at in range(len(data))]
    complete = 0
    for damaged in (*flipped, *(data[:end] for end in range(len(data)))):
        rest = parse(damaged)
        if rest is None:
            continue
        assert rest.graph.parts == names
        assert rest.actions(range(8)) in (None, expected.actions(range(8)))
        if rest.results is not None:
            assert rest.records(range(8)) in (None, records)
            assert rest.source_rows == expected.source_rows
            complete += rest.records(range(8)) is not None and rest.actions(range(8)) is not None
    assert complete == 0


def test_the_head_of_another_version_is_no_snapshot(path: str) -> None:
    data = Path(path).read_bytes()
    assert parse(data.replace(b"snapshot 9", b"snapshot 8")) is None
    assert parse(b"") is None and load(path + " elsewhere") is None


def test_results_of_another_graph_do_not_count(path: str) -> None:
    data, other = Path(path).read_bytes(), _graph().replace(b"names", b"nAmes")
    size = len(_graph())
    damaged = parse(other[:size] + data[size:])
    assert damaged is None or damaged.results is None


def test_changes_come_back_from_the_journal(path: str) -> None:
    last = _go_on(path)
    loaded = _loaded(path)
    assert loaded.results is not None
    assert loaded.checksum == last.checksum != loaded.results.checksum
    assert loaded.records([3, 4]) == [_record(3, "n"), _record(4)]
    assert loaded.source_rows == [b"a/1 ", b"n/2 ", b"c/3 "]
    assert (loaded.verdicts, loaded.file_states) == (b"other", b"")
    loaded.set_record(4, _record(4, "m"))
    loaded.write_journal(path)
    again = _loaded(path)
    assert again.records([3, 4]) == [_record(3, "n"), _record(4, "m")]
    assert again.changed_keys() == ["n3/1", "m4/1"]


def test_only_another_value_is_a_change(path: str) -> None:
    last = _loaded(path)
    _records(last)
    last.set_record(3, _record(3))
    last.set_states(b"gates", STATE)
    assert not last.set_source(2, b"c/3 ") and not last.is_changed
    last.set_states(b"gates", b"")
    assert last.is_changed


def test_a_grown_journal_is_compacted(path: str) -> None:
    last = _go_on(path)
    for number in range(3):
        last.set_record(number, _record(number, "n"))
    assert last.needs_compaction
    expected = _records(last)
    checksum = _write(last, path)
    loaded = _loaded(path)
    assert loaded.results is not None and not Path(path + JOURNAL).exists()
    assert loaded.checksum == checksum == loaded.results.checksum
    assert _records(loaded) == expected and loaded.changed_keys() == []
    assert (loaded.verdicts, loaded.source_rows) == (b"other", last.source_rows)


def test_the_journal_of_other_results_does_not_count(path: str) -> None:
    last = _go_on(path)
    journal = Path(path + JOURNAL).read_bytes()
    _write(last, path)
    Path(path + JOURNAL).write_bytes(journal)
    loaded = _loaded(path)
    assert loaded.results is not None and loaded.checksum == loaded.results.checksum


def test_a_flipped_byte_of_the_journal_gives_another_checksum(path: str) -> None:
    """So no manifest belongs to it."""
    last, file = _go_on(path), Path(path + JOURNAL)
    data = file.read_bytes()
    for at in range(len(data)):
        file.write_bytes(data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
        assert _loaded(path).checksum != last.checksum, at


def test_an_open_snapshot_does_not_mix_with_the_file_that_replaces_it(path: str) -> None:
    before = _loaded(path)
    after = _loaded(path)
    for number in range(8):
        after.set_record(number, _record(number, "other"))
    _write(after, path)
    assert before.records([1]) == [_record(1)]
    assert _loaded(path).records([1]) == [_record(1, "other")]


def test_a_disk_that_refuses_leaves_no_checksum(path: str, tmp_path: Path) -> None:
    last = _loaded(path)
    (tmp_path / "file").write_text("")
    elsewhere = str(tmp_path / "file/.buildgraph/name")
    last.write_journal(elsewhere)
    assert last.checksum == 0
    encoded = last.encode(FACTS)
    assert encoded is not None and not write(elsewhere, encoded[0])
    assert snapshot.load(elsewhere) is None


def test_a_section_of_the_graph_can_be_replaced(path: str) -> None:
    """The whole snapshot is written again; actions and results stay as they were."""
    last = _go_on(path)
    last.set_graph_strings("names", ["y", "a longer text"])
    assert last.is_changed and last.needs_compaction
    assert last.actions([0, 7]) == [b"action\x000", b"action\x007"]
    checksum = _write(last, path)
    loaded = _loaded(path)
    assert loaded.graph.strings("names") == ["y", "a longer text"]
    assert loaded.results is not None and loaded.checksum == checksum
    assert loaded.actions([0, 7]) == [b"action\x000", b"action\x007"]
    assert _records(loaded)[3] == _record(3, "n") and loaded.source_rows[1] == b"n/2 "
