"""Damaged files of the cache: the next build notices, warns, and produces them again."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.fault_counts import TIMES, Tally
from tests.support.generated_workspace import (
    build_in_process,
    check_cache,
    check_outputs,
    generated_workspace,
    stored_files_by_kind,
)
from tests.support.workspace import Space

pytestmark = [pytest.mark.fault, pytest.mark.slow]
FLIPS, DAMAGES = 50 * TIMES, 5 * TIMES  # of each kind, and of each kind in each way


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Space:
    """Return the workspace, built once."""
    workspace = generated_workspace(tmp_path_factory.mktemp("template"))
    build_in_process(workspace)
    check_outputs(workspace, "0")
    return workspace


def copied(template: Space, folder: Path) -> Space:
    """Return the workspace with a copy of its cache."""
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run(["cp", "-a", str(template.cache), str(folder)], check=True)
    return Space(template.root, folder)


def rewrite(path: Path, data: bytes) -> None:
    """Write other bytes under the same stamps, as a bad disk returns them."""
    stamp = path.stat()
    path.chmod(0o600)
    path.write_bytes(data)
    path.chmod(stamp.st_mode)
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))


def emptied(path: Path) -> Path:
    """Remove a file or folder, and return its path."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    return path


def check_next_builds(of: Space) -> None:
    """Check that the next two builds have the right outputs."""
    build_in_process(of)
    check_outputs(of, "0")
    build_in_process(of)
    check_outputs(of, "0")


@pytest.mark.parametrize("kind", ["output", "directory", "log", "record"])
def test_one_bit_flipped(
    template: Space, tmp_path: Path, kind: str, tally: Callable[[str, int], Tally]
) -> None:
    dice, count = random.Random(kind), tally("bit", FLIPS)
    for _ in range(FLIPS):
        of = copied(template, tmp_path / "cache")
        path = dice.choice([path for path in stored_files_by_kind(of)[kind] if path.stat().st_size])
        data = bytearray(path.read_bytes())
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        rewrite(path, bytes(data))
        if (
            kind == "record"
        ):  # otherwise the snapshot of the last build is used, and no record is read
            shutil.rmtree(of.cache / "graphs")
        check_next_builds(of)
        if kind in (
            "output",
            "directory",
            "record",
        ):  # a build reads no log, but `verify` does
            check_cache(of)
        count.survived()


WAYS: dict[str, Callable[[Path, Path, random.Random], None]] = {
    "truncated": lambda path, other, dice: rewrite(
        path, path.read_bytes()[: dice.randrange(path.stat().st_size)]
    ),
    "empty": lambda path, other, dice: rewrite(path, b""),
    "longer": lambda path, other, dice: rewrite(path, path.read_bytes() + b"\0"),
    "missing": lambda path, other, dice: path.unlink(),
    "swapped": lambda path, other, dice: rewrite(path, other.read_bytes()),
    "a folder": lambda path, other, dice: emptied(path).mkdir(),
    "a link": lambda path, other, dice: emptied(path).symlink_to(other),
    "a pipe": lambda path, other, dice: os.mkfifo(emptied(path)),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_file_is_replaced(
    template: Space, tmp_path: Path, way: str, tally: Callable[[str, int], Tally]
) -> None:
    names = ("output", "directory", "record")
    dice, count = random.Random(way), tally("blob", DAMAGES * len(names))
    for kind in names:
        for _ in range(DAMAGES):
            of = copied(template, tmp_path / "cache")
            path = dice.choice(stored_files_by_kind(of)[kind])
            other = dice.choice(
                [
                    other
                    for other in (
                        *stored_files_by_kind(of)["output"],
                        *stored_files_by_kind(of)["record"],
                    )
                    if other != path
                ]
            )
            WAYS[way](path, other, dice)
            check_next_builds(of)
            count.survived()


def _pages(path: Path, dice: random.Random) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(3):
        at = dice.randrange(max(1, len(data) - 512))
        data[at : at + 512] = dice.randbytes(512)
    path.write_bytes(data)


INDEX: dict[str, Callable[[Path, random.Random], object]] = {
    "pages": lambda path, dice: _pages(path, dice),
    "header": lambda path, dice: path.write_bytes(dice.randbytes(100) + path.read_bytes()[100:]),
    "empty": lambda path, dice: path.write_bytes(b""),
    "text": lambda path, dice: path.write_text("this is no database\n" * 300),
    "short": lambda path, dice: path.write_bytes(path.read_bytes()[: dice.randrange(5000)]),
    "wal": lambda path, dice: path.with_name("cache.db-wal").write_bytes(dice.randbytes(4096)),
    "shm": lambda path, dice: path.with_name("cache.db-shm").write_bytes(dice.randbytes(32768)),
    "folder": lambda path, dice: emptied(path).mkdir(),
    "gone": lambda path, dice: shutil.rmtree(path.parent),
    "a file": lambda path, dice: emptied(path.parent).write_text(""),
}


@pytest.mark.parametrize("way", INDEX)
def test_the_index_is_damaged(
    template: Space,
    tmp_path: Path,
    way: str,
    tally: Callable[[str, int], Tally],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Digests are equal and nothing runs, because a build can do without the index."""
    monkeypatch.setattr(
        "buildgraph.host.environment.INDEX_THRESHOLD", 0
    )  # so that a small workspace uses the index
    dice, count = random.Random(way), tally("index", 3)
    for _ in range(3):
        of = copied(template, tmp_path / "cache")
        assert build_in_process(of).ran == 0
        INDEX[way](of.cache / "index" / "cache.db", dice)
        assert build_in_process(of).ran == 0
        check_outputs(of, "0")
        count.survived()


def test_other_files_of_the_cache_may_be_damaged(
    template: Space, tmp_path: Path, tally: Callable[[str, int], Tally]
) -> None:
    """Damage roots, leases and the generation, and remove folders."""
    count = tally("cache folder", 8)
    for name in ("roots", "leases", "generation", "tmp", "work", "quarantine", "blobs", "results"):
        of = copied(template, tmp_path / "cache")
        path = of.cache / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.write_bytes(b"\xff" * 99)
        check_next_builds(of)
        count.survived()
