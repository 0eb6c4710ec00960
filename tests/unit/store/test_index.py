"""Stat index: rows that it keeps, and databases that another program changed."""

from __future__ import annotations

import os
import pickle
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from buildgraph.store.index import StatIndex
from buildgraph.types.errors import BuildError

ROWS = {b"a": b"1", b"b\0\xff": b"", b"c": b"x" * 100_000}


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """Return the folder of an index with ROWS."""
    memo = StatIndex(str(tmp_path / "memo"))
    memo.put_many(ROWS)
    memo.close()
    return str(tmp_path / "memo")


def test_rows_come_back(folder: str) -> None:
    """Another process reads them, and the folder contains nothing else."""
    memo = StatIndex(folder)
    assert {key: memo.get(key) for key in ROWS} == ROWS and memo.get(b"d") is None
    memo.put_many({b"a": b"2"})
    assert memo.get(b"a") == b"2"
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    assert all(name.startswith("cache.db") for name in os.listdir(folder))


class Evil:
    """Code that runs when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("ran",)


def plant(folder: str, sql: str, *values: object) -> None:
    """Change the database as an attacker would."""
    connection = sqlite3.connect(os.path.join(folder, "cache.db"), isolation_level=None)
    connection.execute(sql, values)
    connection.close()


PLANTED: dict[str, tuple[str, tuple[object, ...]]] = {
    "pickled value": ("UPDATE Cache SET mode = 4, value = ?", (pickle.dumps(Evil()),)),
    "pickled key": ("UPDATE Cache SET raw = 0, key = ? WHERE rowid = 1", (pickle.dumps(Evil()),)),
    "file of the host": ("UPDATE Cache SET mode = 2, filename = ?", ("../victim",)),
    "file beside a plain row": ("UPDATE Cache SET filename = ?", ("../victim",)),
    "text": ("UPDATE Cache SET value = 'text'", ()),
    "wrong checksum": ("UPDATE Cache SET value = ?", (b"0" * 40,)),
    "setting of a disk": ("INSERT INTO Settings VALUES ('disk_evil', 1)", ()),
    "pragma": ("INSERT INTO Settings VALUES ('sqlite_writable_schema', 1)", ()),
    "eviction": (
        "UPDATE Settings SET value = 'least-recently-used' WHERE key = 'eviction_policy'",
        (),
    ),
    "no table": ("DROP TABLE Cache", ()),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_row_runs_nothing(
    folder: str, kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The index is deleted and works again; no file outside is read or removed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "victim").write_bytes(b"secret")
    sql, values = PLANTED[kind]
    plant(folder, sql, *values)
    memo = StatIndex(folder)
    assert memo.get(b"a") in (None, b"1")
    memo.put_many(ROWS)
    assert {key: memo.get(key) for key in ROWS} == ROWS
    assert (tmp_path / "victim").read_bytes() == b"secret" and not (tmp_path / "ran").exists()


def _garbage(path: str) -> None:
    Path(path).write_bytes(os.urandom(8192))


def _hole(path: str) -> None:
    with open(path, "r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 20_000)


def _nothing(path: str) -> None:
    os.truncate(path, 0)


@pytest.mark.parametrize("damage", [_garbage, _hole, _nothing, os.unlink])
def test_a_damaged_index_is_created_again(folder: str, damage: Callable[[str], None]) -> None:
    """Only time is lost."""
    damage(os.path.join(folder, "cache.db"))
    memo = StatIndex(folder)
    assert memo.get(b"c") in (None, ROWS[b"c"])
    memo.put_many(ROWS)
    assert {key: memo.get(key) for key in ROWS} == ROWS


def test_a_folder_that_others_can_write_is_refused(folder: str) -> None:
    """The check precedes the opening of the database."""
    os.chmod(folder, 0o777)
    with pytest.raises(BuildError, match="others can write"):
        StatIndex(folder).get(b"a")


def _fifo(path: str, _: Path) -> None:
    os.mkfifo(path)


def _folder(path: str, _: Path) -> None:
    os.mkdir(path)
    Path(path, "file").touch()


def _link(path: str, other: Path) -> None:
    other.write_bytes(b"another's")
    os.symlink(other, path)


@pytest.mark.parametrize("make", [_fifo, _folder, _link])
@pytest.mark.parametrize("name", ["cache.db", "cache.db-wal"])
def test_a_database_that_is_no_file_is_created_again(
    folder: str, tmp_path: Path, name: str, make: Callable[[str, Path], None]
) -> None:
    """The entry is moved aside and not changed."""
    for old in os.listdir(folder):
        os.unlink(os.path.join(folder, old))
    make(os.path.join(folder, name), tmp_path / "elsewhere")
    memo = StatIndex(folder)
    memo.put_many({b"a": b"1"})
    assert memo.get(b"a") == b"1"
    memo.close()
    assert any(".aside-" in aside for aside in os.listdir(folder))
    assert make is not _link or (tmp_path / "elsewhere").read_bytes() == b"another's"


@pytest.mark.parametrize("name", ["$HOME/memo", "~/memo"])
def test_a_path_that_would_be_expanded_is_not_used(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package expands variables in paths, so such an index stays empty."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    memo = StatIndex(name)
    memo.put_many({b"a": b"1"})
    assert memo.get(b"a") is None and os.listdir(tmp_path) == []
