"""Misleading stamps: equal size and mtime with other content, odd dates, writers during builds."""

from __future__ import annotations

import os
import random
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from buildgraph.build.run_build import RESTARTS
from buildgraph.cli import main
from buildgraph.outputs.output_tree import OutputTree
from buildgraph.store.gc import GcLimits, plan
from tests.support.fault_counts import TIMES, Tally
from tests.support.generated_workspace import (
    build_in_process,
    change_inputs,
    check_outputs,
    generated_workspace,
)
from tests.support.workspace import Space

pytestmark = [pytest.mark.fault, pytest.mark.slow]


def edit(of: Space, word: str, stamp: os.stat_result | None) -> None:
    """Write another content of the same size to the first input, and restore its stamp."""
    path = of.write("in0.txt", f"{word} 0\n")
    if stamp is not None:
        os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))


def first_output(of: Space) -> bytes:
    """Return the output of the first target."""
    return (of.root / "out/f0/f0.txt").read_bytes()


@pytest.mark.parametrize("seed", range(4))
def test_same_size_edits_with_restored_stamps(
    tmp_path: Path, seed: int, tally: Callable[[str, int], Tally]
) -> None:
    """Edits follow a build at once, in the same tick of the clock, or a little later."""
    of, dice, count = (
        generated_workspace(tmp_path),
        random.Random(seed),
        tally("stat race", 50 * TIMES),
    )
    build_in_process(of)
    stamp = (of.root / "in0.txt").stat()
    for number in range(50 * TIMES):
        word = "%d" % (number % 10)
        edit(of, word, stamp if dice.random() < 0.7 else None)
        time.sleep(dice.choice([0, 0, 0.001, 0.02]))
        build_in_process(of, fresh=False)
        assert first_output(of) == f"{word} 0\n".encode() * 2, f"edit {number}"
        count.survived()


def test_a_manifest_never_answers_for_an_edited_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tally: Callable[[str, int], Tally]
) -> None:
    """The no-op answer is given only when nothing changed."""
    of, count = generated_workspace(tmp_path), tally("stat race", 3)
    monkeypatch.setenv("BUILDGRAPH_CACHE", str(of.cache))
    monkeypatch.chdir(of.root)
    for number in range(3):
        receipts = of.root / ".buildgraph/manifests"
        deadline = time.monotonic() + 60
        while not (
            receipts.is_dir() and list(receipts.iterdir())
        ):  # no manifest is saved while files are younger than the racy window
            assert main(["build", "//..."]) == 0 and time.monotonic() < deadline
            time.sleep(0.5)
        assert main(["build", "//..."]) == 0
        edit(of, str(number + 3), (of.root / "in0.txt").stat())
        assert main(["build", "//..."]) == 0
        assert first_output(of) == f"{number + 3} 0\n".encode() * 2
        shutil.rmtree(receipts)
        count.survived()


@pytest.mark.parametrize("how", ["from BUILD.toml", "from the last build", "from another's"])
def test_outputs_replaced_by_another_build_are_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """A build saves the stamps of its own outputs, not of those that replaced them."""
    of, out = generated_workspace(tmp_path), tmp_path / "w/out/f0/f0.txt"
    monkeypatch.setenv("BUILDGRAPH_CACHE", str(of.cache))
    monkeypatch.chdir(of.root)
    time.sleep(0.3)  # otherwise no stamp would be reliable
    if how != "from BUILD.toml":
        assert main(["build", "//..."]) == 0
    if how == "from another's":
        for folder in ("out", ".buildgraph"):
            shutil.rmtree(of.root / folder)
    elif how == "from the last build":
        change_inputs(of, "7")
        time.sleep(0.3)
    show, turns = OutputTree.write, list[str]()

    def shown_and_overtaken(*args: Any, **named: Any) -> Any:
        outputs = show(*args, **named)
        (tmp_path / "other").write_text("of another build")
        (tmp_path / "other").replace(out)
        turns.append(type(args[0]).__name__)
        return outputs

    with monkeypatch.context() as patch:
        patch.setattr(OutputTree, "write", shown_and_overtaken)
        assert main(["build", "//..."]) == 0
    assert turns == ["OutputTree"] and out.read_text() == "of another build"
    assert main(["build", "//..."]) == 0
    check_outputs(of, "7" if how == "from the last build" else "0")


YEAR = 365 * 86400
STAMPS = [0, 1, 2**31 - 1, 2**31 + 5, 4_000_000_000, 10_000_000_000]


@pytest.mark.parametrize("stamp", STAMPS)
def test_files_from_other_times(
    tmp_path: Path, stamp: int, tally: Callable[[str, int], Tally]
) -> None:
    """Hits do not depend on mtimes, edits are noticed, and GC keeps the last build."""
    of, count = generated_workspace(tmp_path), tally("clock", 1)
    build_in_process(of)
    for path in [
        *of.root.glob("*.t*"),
        *(path for path in of.cache.rglob("*") if "index" not in path.parts),
    ]:
        os.utime(path, (stamp, stamp), follow_symlinks=False)
    assert build_in_process(of).ran == 0
    for now in (
        time.time(),
        time.time() - 10 * YEAR,
        time.time() + 50 * YEAR,
    ):  # also a GC whose clock is wrong
        collection = plan(str(of.cache), GcLimits(3600, 0), now)
        assert (
            all(verdict.keep for verdict in collection.decisions) and len(collection.decisions) == 4
        )
    edit(of, "9", (of.root / "in0.txt").stat())
    assert build_in_process(of, fresh=False).ran == 2 and first_output(of) == b"9 0\n" * 2
    count.survived()


@pytest.mark.parametrize("seed", range(5))
def test_a_writer_during_builds(
    tmp_path: Path, seed: int, tally: Callable[[str, int], Tally]
) -> None:
    """An output is reused only for the content that it was built from."""
    of, dice, count = generated_workspace(tmp_path), random.Random(seed), tally("toctou", 10)
    stop, turns = threading.Event(), threading.Semaphore(0)

    def write() -> None:
        """Edit fewer times in each build than it may restart."""
        while not stop.wait(dice.uniform(0.01, 0.2)):
            if turns.acquire(blocking=False):
                of.write("in0.txt", "%d 0\n" % dice.randrange(5))

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(5):
            while turns.acquire(blocking=False):
                pass
            turns.release(RESTARTS - 1)
            build_in_process(of, fresh=False)
    finally:
        stop.set()
        thread.join()
    for number in range(5):
        of.write("in0.txt", f"{number} 0\n")
        build_in_process(of, fresh=False)
        assert first_output(of) == f"{number} 0\n".encode() * 2
    of.write("in0.txt", "0 0\n")
    build_in_process(of)
    check_outputs(of, "0")
    count.survived(10)
