"""The log of runs: what is encoded is read back, and damage ends the log."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from buildgraph.explain.runs import _numbers, read_runs
from buildgraph.state import run_log
from buildgraph.state.run_log import FILE, MAGIC, append_run, split_entries
from buildgraph.types.errors import BuildError
from buildgraph.types.request import Request

REQUEST = Request(("//...",))


@pytest.fixture(autouse=True)
def state_folder(tmp_path: Path) -> None:
    """A build has made the folder."""
    (tmp_path / ".buildgraph").mkdir()


def block(fields: dict[str, list[run_log.Field]]) -> bytes:
    """An entry with these rows."""
    rows = [(name, "cc", b"kko", row) for name, row in fields.items()]
    return run_log._encode(("//...",), rows)


def test_shared_and_own_fields_are_read_back(tmp_path: Path) -> None:
    shared: list[run_log.Field] = [("distribution x\x031.2", b""), ("argv", b"rr")]
    rows = {
        "//:a": [("source \x02.c", b"aa"), ("source a.c", b"aa"), *shared],
        "//:b": [*shared, ("env A", b"ee")],
        "//:c": [],
    }
    append_run(str(tmp_path), REQUEST, 1, [("F", block(rows))])
    (run,) = read_runs(str(tmp_path / FILE))
    assert (run.number, run.patterns, run.code) == (1, ("//...",), 1)
    a, b, c = run.actions.values()
    common = {"distribution x": "1.2", "argv": "#7272"}
    assert a.fields == {"source \x02.c": "#6161", "source a.c": "#6161"} | common
    assert b.fields == {"env A": "#6565"} | common and c.fields == {}
    assert (c.label, c.title, c.place, c.key, c.outputs) == ("//:c", "cc", 1, "6b6b", "6f")


@given(st.sets(st.integers(0, 40)))
def test_ranges_are_read_back(numbers: set[int]) -> None:
    text = run_log._ranges(tuple(sorted(numbers)))
    assert list(_numbers(text.removeprefix("="))) == sorted(numbers)


def test_a_build_that_went_on_has_the_actions_of_the_one_before(tmp_path: Path) -> None:
    root = str(tmp_path)
    old = block({"//:a": [("argv", b"11")], "//:b": [("argv", b"22")]})
    append_run(root, REQUEST, 0, [("F", old)])
    append_run(root, Request(("//:x",)), 0, [("F", block({"//:x": [("argv", b"00")]}))])
    append_run(root, REQUEST, 0, [("D", block({"//:b": [("argv", b"33")]}))])
    append_run(root, REQUEST, 0, [("B", old), ("D", block({}))])
    runs = read_runs(str(tmp_path / FILE))
    assert [run.number for run in runs] == [1, 2, 3, 4]
    values = [[action.fields["argv"] for action in run.actions.values()] for run in runs]
    assert values == [["#3131", "#3232"], ["#3030"], ["#3131", "#3333"], ["#3131", "#3232"]]


@given(st.binary(max_size=60), st.integers(0, 400))
def test_a_damaged_log_is_read_as_far_as_it_is_whole(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, at: int
) -> None:
    folder = tmp_path_factory.mktemp("log")
    (folder / ".buildgraph").mkdir()
    for number in range(3):
        entry = block({"//:a": [("argv", bytes([65, 65 + number]))]})
        append_run(str(folder), REQUEST, 0, [("F", entry)])
    path = folder / FILE
    data = path.read_bytes()
    path.write_bytes(data[:at] + noise)
    if data[:at].startswith(MAGIC) or (data[:at] + noise).startswith(MAGIC):
        assert len(read_runs(str(path))) <= 3 + len(noise)
    else:
        with pytest.raises(BuildError, match="is no log of runs"):
            read_runs(str(path))


def test_an_old_half_is_dropped_at_an_entry_with_all_actions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_log, "_MOST", 4000)
    for number in range(60):
        entry = block({f"//:t{n}": [("argv", os.urandom(2))] for n in range(20)})
        append_run(str(tmp_path), REQUEST, 0, [("F" if number % 3 == 0 else "D", entry)])
    data = (tmp_path / FILE).read_bytes()
    kinds = [kind for kind, *_ in split_entries(data)]
    assert 1000 < len(data) < 5000 and kinds[0] == "F" and "D" in kinds


def test_a_workspace_that_cannot_be_written_has_no_log(tmp_path: Path) -> None:
    append_run(str(tmp_path / "none"), REQUEST, 0, [("F", block({}))])
    with pytest.raises(BuildError, match="cannot read the log of runs"):
        read_runs(str(tmp_path / FILE))
