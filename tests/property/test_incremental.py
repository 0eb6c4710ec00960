"""The property that defines a build system: incremental equals clean, and nothing needless ran.

On random graphs.

A target concatenates its inputs, drops what follows a `#` (so that edits there come out equal) and
adds its salt. A model in ten lines says what every output must be, and which (command, input
contents) were never seen before: exactly those may run. Edits change files, comments, commands and
dependencies, add targets and take them away, go back to what was, touch, break what was built, and
take away all that the workspace knows, as a fresh clone has it. One target more makes a folder,
which is renamed and changed by hand: there is that folder after each build, as it was built, and no
old one. Another has BUILD.toml and the files of a glob, which come and go, beside files that
nothing reads. Builds have options that change no output.
"""

from __future__ import annotations

import copy
import os
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, seed, settings

from buildgraph.build import partial_analysis, run_build
from buildgraph.build.run_build import Request, build
from buildgraph.fastpath import manifest
from buildgraph.state import incremental, restore
from buildgraph.types.events import Done, Event
from tests.property.world import EDITS, OPTIONS, World, edit, worlds
from tests.support.fault_counts import TIMES, Tally

STARTS: Counter[str] = Counter()
REAL: dict[str, Callable[..., Any]] = {
    "start_from_workspace": incremental.start_from_workspace,
    "start_from_cache": restore.start_from_cache,
    "analyse_edits": partial_analysis.analyse_edits,
}


MODULES = {
    "start_from_workspace": run_build,
    "start_from_cache": restore,
    "analyse_edits": partial_analysis,
}


def counted(name: str) -> Callable[..., Any]:
    """The real function, with a count of the builds that went on from a snapshot, here or
    elsewhere, and of those that analysed a part of the workspace.
    """

    def counting(*arguments: Any) -> Any:
        start = REAL[name](*arguments)
        STARTS[name] += start is not None
        return start

    return counting


GRAPHS, PARTS = 200 * TIMES, 4  # random graphs in all, and the tests that share them


def harm(root: Path, kind: str, at: int, value: int) -> None:
    """Touch a file, or damage or remove what was built: no output may differ afterwards."""
    output = root / f"out/t{at}/o.txt"
    if kind == "touch":
        os.utime(root / f"f{at}.txt")
    elif kind == "clone":
        shutil.rmtree(root / "out")
        shutil.rmtree(root / ".buildgraph")
    elif kind == "hand":
        change(next((root / "out/site").iterdir()).resolve(), value)
    elif kind == "break" and value == 0:
        output.unlink()
    elif kind == "break" and value == 1:
        os.unlink(output.resolve())
    elif kind == "break":
        built = output.resolve()
        built.chmod(0o644)
        built.write_text("not what was built\n")


def change(site: Path, value: int) -> None:
    """Change the folder by hand."""
    if value == 0:
        (site / "d/more").write_text("a file too many")
    elif value == 1:
        (site / "d/link").unlink()
        (site / "d/link").symlink_to("empty")
    elif value == 2:
        (site / "d/empty").rmdir()
    else:
        (site / "a").unlink()
        (site / "a").mkdir()


def folder(root: Path) -> dict[str, str]:
    """All that is below out/site."""
    top = root / "out/site"
    return {
        os.path.relpath(os.path.join(above, name), top): os.readlink(path)
        if os.path.islink(path) and above != str(top)
        else ""
        if os.path.isdir(path)
        else Path(path).read_text()
        for above, folders, names in os.walk(top, followlinks=True)
        for name in (*folders, *names)
        for path in [os.path.join(above, name)]
    }


def parts(root: Path) -> dict[str, str]:
    """The files of the glob in out/parts."""
    top = (root / "out/parts/tree/parts").resolve()
    return {
        os.path.relpath(path, top): path.read_text()
        for path in top.rglob("*.txt")
        if path.is_file()
    }


def write(path: Path, text: str) -> None:
    """Write a file that holds something else, as an editor does."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def perform(root: Path, world: World) -> tuple[list[str], int]:
    """Build everything as the program does, by manifest, by snapshot or from BUILD.toml.

    Outputs, and how many ran.
    """
    write(root / "BUILD.toml", world.toml())
    for number, text in enumerate(world.files):
        write(root / f"f{number}.txt", text)
    loose = {f"parts/{path}": text for path, text in world.parts.items()} | world.unread
    for path in [*root.glob("parts/**/*.*"), *root.glob(".hidden/x"), *root.glob("more/x")]:
        if path.is_file() and str(path.relative_to(root)) not in loose:
            path.unlink()
    if "notes" not in loose:
        (root / "notes").unlink(missing_ok=True)
    for name, text in loose.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        write(root / name, text)
    time.sleep(
        0.12
    )  # a younger file is not believed by its stamp, and nothing would be left to go on from
    events: list[Event] = []
    if manifest.unchanged([*OPTIONS[world.options], "//..."], str(root)) is None:
        assert build(str(root), Request(("//...",)), events.append, threading.Event()) == 0
    outputs = [(root / f"out/t{number}/o.txt").read_text() for number in range(len(world.needs))]
    assert folder(root) == {
        world.name: "",
        f"{world.name}/a": outputs[0],
        f"{world.name}/d": "",
        f"{world.name}/d/empty": "",
        f"{world.name}/d/link": "../a",
    }
    if world.has_glob:
        assert parts(root) == world.parts
        assert (root / "out/parts/tree/BUILD.toml").read_text() == world.toml()
    return outputs, sum(isinstance(event, Done) and event.how == "ran" for event in events)


def check(folder: Path, world: World, edits: list[tuple[str, int, int]]) -> None:
    """Build, edit, build again: each time what the model says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "BUILDGRAPH_CACHE", str(folder / "cache"))
        patch.setitem(os.environ, "BUILDGRAPH_SANDBOX", "none")
        for name, module in MODULES.items():
            patch.setattr(module, name, counted(name))
        root, first = folder / "w", copy.deepcopy(world)
        root.mkdir()
        assert perform(root, world) == world.outputs()
        for kind, where, value in edits:
            at = where % len(world.needs)
            edit(world, first, kind, at, value)
            harm(root, kind, at, value)
            assert perform(root, world) == world.outputs(), kind


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_incremental_equals_clean_and_nothing_needless_ran(
    tmp_path_factory: pytest.TempPathFactory, part: int, tally: Callable[[str, int], Tally]
) -> None:
    """The same graphs every time, so that a failure is seen again.

    Other graphs with BUILDGRAPH_FAULTS.
    """
    count = tally("random graph", 0)
    STARTS.clear()

    @seed(part + 1000 * TIMES)
    @settings(max_examples=GRAPHS // PARTS, database=None)
    @given(world=worlds(), edits=EDITS)
    def holds(world: World, edits: list[tuple[str, int, int]]) -> None:
        check(tmp_path_factory.mktemp("world"), world, edits)
        count.survived_unplanned()

    holds()
    assert min(map(STARTS.__getitem__, REAL)) > 5, (
        f"hardly tested on builds that go on from a snapshot: {STARTS}"
    )
