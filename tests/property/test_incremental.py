"""The property that defines a build system: incremental equals clean, and nothing needless ran.

On random graphs.

A target concatenates its inputs, drops what follows a `#` (so that edits there come out equal) and
adds its salt. A model in ten lines says what every output must be, and which (command, input
contents) were never seen before: exactly those may run. Edits change files, comments, commands and
dependencies, add targets and take them away, go back to what was, touch, break what was built, and
take away all that the workspace knows, as a fresh clone has it. One target more makes a folder,
which is renamed and changed by hand: there is that folder after each build, as it was built, and no
old one.
"""

from __future__ import annotations

import copy
import os
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, seed, settings, strategies as st

from buildgraph.build import run_build
from buildgraph.build.run_build import Request, build
from buildgraph.fastpath import manifest
from buildgraph.state import incremental, restore
from buildgraph.state.start import Start
from buildgraph.types.events import Done, Event
from tests.support.fault_counts import TIMES, Tally

TARGET = """
[t{number}]
rule = "command"
inputs = {{ {inputs} }}
outputs = {{ o = "o.txt" }}
argv = ["sh", "-c", "cat {words} | sed 's/#.*//' > $0; echo {salt} >> $0", "{{o}}"]
"""
SITE = """
[site]
rule = "command"
inputs = {{ d0 = ":t0" }}
outputs = {{ o = "{name}/" }}
argv = ["sh", "-c", "mkdir -p $0/d/empty; cp {{d0}} $0/a; ln -s ../a $0/d/link", "{{o}}"]
"""


@dataclass
class World:
    """The contents of the workspace, and the model of its outputs."""

    needs: list[list[int]]
    files: list[str]
    salts: list[int]
    name: str = "site0"  # of the folder
    seen: set[tuple[object, ...]] = field(default_factory=set)

    def toml(self) -> str:
        """The workspace as a BUILD.toml."""
        text = '[workspace]\nname = "w"\n'
        for number, need in enumerate(self.needs):
            names = [f'f = "f{number}.txt"'] + [f'd{other} = ":t{other}"' for other in need]
            words = " ".join(["{f}"] + [f"{{d{other}}}" for other in need])
            text += TARGET.format(
                number=number, inputs=", ".join(names), words=words, salt=self.salts[number]
            )
        return text + SITE.format(name=self.name)

    def outputs(self) -> tuple[list[str], int]:
        """The content of each output, and how many actions were never seen before."""
        outputs: list[str] = []
        fresh: set[tuple[object, ...]] = set()
        for number, need in enumerate(self.needs):
            inputs = [self.files[number], *(outputs[other] for other in need)]
            outputs.append(
                "".join(line.split("#")[0] + "\n" for line in "".join(inputs).splitlines())
                + f"{self.salts[number]}\n"
            )
            action = (number, tuple(need), self.salts[number], tuple(inputs))
            if action not in self.seen:
                fresh.add(action)
            self.seen.add(action)
        fresh |= {site for site in [("site", self.name, outputs[0])] if site not in self.seen}
        self.seen |= fresh
        return outputs, len(fresh)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Up to seven targets; each needs some before it."""
    size = draw(st.integers(1, 7))
    needs = [
        sorted(draw(st.sets(st.integers(0, n - 1), max_size=3))) if n else [] for n in range(size)
    ]
    return World(needs, [f"file {n}#\n" for n in range(size)], [0] * size)


STARTS: Counter[str] = Counter()
REAL: dict[str, Callable[..., Start | None]] = {
    "start_from_workspace": incremental.start_from_workspace,
    "start_from_cache": restore.start_from_cache,
}


MODULES = {"start_from_workspace": run_build, "start_from_cache": restore}


def counted(name: str) -> Callable[..., Start | None]:
    """The real function, with a count of the builds that went on from a snapshot, here or
    elsewhere.
    """

    def counting(*arguments: Any) -> Start | None:
        start = REAL[name](*arguments)
        STARTS[name] += start is not None
        return start

    return counting


KINDS = (
    "text",
    "comment",
    "salt",
    "need",
    "more",
    "less",
    "back",
    "touch",
    "break",
    "same",
    "clone",
    "name",
    "hand",
)
EDITS = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(0, 6), st.integers(0, 3)), min_size=1, max_size=5
)
GRAPHS, PARTS = 200 * TIMES, 4  # random graphs in all, and the tests that share them


def edit(world: World, first: World, kind: str, at: int, value: int) -> None:
    """Change the workspace and its model; `first` is what it was in the beginning."""
    match kind:
        case "text":
            world.files[at] = f"file {at} {value}#\n"
        case "comment":
            world.files[at] = world.files[at].split("#")[0] + f"#{value}\n"
        case "salt":
            world.salts[at] = value
        case "need" if value < at:
            world.needs[at] = sorted(set(world.needs[at]) ^ {value})
        case "name":
            world.name = f"site{value}"
        case "more":
            number = len(world.needs)
            world.needs.append([at])
            world.files.append(f"file {number}#\n")
            world.salts.append(0)
        case "less" if len(world.needs) > 1:  # the last, which nothing needs
            world.needs.pop()
        case "back":
            size = min(len(world.needs), len(first.needs))
            world.needs[:size], world.files[:size], world.salts[:size] = (
                [list(need) for need in first.needs[:size]],
                first.files[:size],
                first.salts[:size],
            )


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
    time.sleep(
        0.12
    )  # a younger file is not believed by its stamp, and nothing would be left to go on from
    events: list[Event] = []
    if manifest.unchanged(["//..."], str(root)) is None:
        assert build(str(root), Request(("//...",)), events.append, threading.Event()) == 0
    outputs = [(root / f"out/t{number}/o.txt").read_text() for number in range(len(world.needs))]
    assert folder(root) == {
        world.name: "",
        f"{world.name}/a": outputs[0],
        f"{world.name}/d": "",
        f"{world.name}/d/empty": "",
        f"{world.name}/d/link": "../a",
    }
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
