"""Whatever happens to a stored file, the next build is right: it notices, says so and makes the thing again."""

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
    """The workspace, built once."""
    made = generated_workspace(tmp_path_factory.mktemp("template"))
    build_in_process(made)
    check_outputs(made, "0")
    return made


def copied(template: Space, folder: Path) -> Space:
    """The workspace with a cache of its own that holds the same."""
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run(["cp", "-a", str(template.cache), str(folder)], check=True)
    return Space(template.root, folder)


def rewrite(path: Path, data: bytes) -> None:
    """Other bytes under the same stamps, as a bad disk gives them."""
    stamp = path.stat()
    path.chmod(0o600)
    path.write_bytes(data)
    path.chmod(stamp.st_mode)
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))


def emptied(path: Path) -> Path:
    """A path where nothing stands any more."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    return path


def survives(of: Space) -> None:
    """The next build is right, and the one after it finds a whole cache."""
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
        ):  # the snapshot of the last build stands in for records, which nobody would read then
            shutil.rmtree(of.cache / "graphs")
        survives(of)
        if kind in (
            "output",
            "directory",
            "record",
        ):  # a log is read by nobody here, and by `verify`
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
def test_a_file_is_not_what_it_was(
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
            survives(of)
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
    """The same digests, and nothing runs: the index holds nothing that a build cannot do without."""
    monkeypatch.setattr(
        "buildgraph.host.environment.INDEX_THRESHOLD", 0
    )  # so that a small workspace uses it, too
    dice, count = random.Random(way), tally("index", 3)
    for _ in range(3):
        of = copied(template, tmp_path / "cache")
        assert build_in_process(of).ran == 0
        INDEX[way](of.cache / "index" / "cache.db", dice)
        assert build_in_process(of).ran == 0
        check_outputs(of, "0")
        count.survived()


def test_what_else_stands_in_the_cache_may_be_damaged(
    template: Space, tmp_path: Path, tally: Callable[[str, int], Tally]
) -> None:
    """Roots, leases, the generation, folders that are missing, strangers."""
    count = tally("cache folder", 8)
    for name in ("roots", "leases", "generation", "tmp", "work", "quarantine", "blobs", "results"):
        of = copied(template, tmp_path / "cache")
        path = of.cache / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.write_bytes(b"\xff" * 99)
        survives(of)
        count.survived()
