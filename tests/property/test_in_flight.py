"""Changes during a build: the next build, here or in a clone with the same cache, is right.

A random build is disturbed at random events. Files of every kind are edited and edited back. Empty
folders are filled. Another checkout is built with the same cache. Outputs are rewritten when they
appear. Clocks are wrong. The disturbed build may end in any way, and the state that it saves must
not mislead the next build.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from hypothesis import Phase, given, seed, settings, strategies as st

from buildgraph.build.run_build import Request, build
from buildgraph.fastpath import manifest
from buildgraph.types.errors import BuildError
from buildgraph.types.events import Built, Event
from tests.support.fault_counts import TIMES, Tally

COMMAND = """
[{name}]
rule = "command"
inputs = {{ a = "{source}"{more} }}
outputs = {{ o = "o.txt" }}
argv = ["sh", "-c", "(cat {words}; echo {salt}) > $0", "{{o}}"]
"""
ROOT = """
[g]
rule = "files"
srcs = ["src/**/*.txt"]
"""
WORLDS, PARTS = 60 * TIMES, 2
SKEWS = (0, -(10**14), 10**14)  # ns by which the clock of the process is wrong
Move = Callable[[Path], None]


@dataclass(frozen=True)
class State:
    """The contents of a checkout: salts of commands, texts of sources, files for a glob.

    `package` is the salt of the command of a package; None: there is no such package.
    """

    salt: int
    package: int | None
    texts: tuple[int, int]
    globbed: frozenset[str]

    def files(self) -> dict[str, str]:
        """Map the path of each file to its text."""
        first = COMMAND.format(name="t0", source="f0.txt", more="", words="{a}", salt=self.salt)
        second = COMMAND.format(
            name="t1", source="f1.txt", more=', d = ":t0"', words="{a} {d}", salt=0
        )
        texts = {
            "BUILD.toml": '[workspace]\nname = "w"\n' + first + second + ROOT,
            "pkg/q.txt": "q\n",
            "src/a.txt": "a.txt\n",
        }
        texts |= {f"f{number}.txt": f"text {text}\n" for number, text in enumerate(self.texts)}
        texts |= {f"src/{name}": f"{name}\n" for name in self.globbed}
        if self.package is not None:
            texts["pkg/BUILD.toml"] = COMMAND.format(
                name="k", source="q.txt", more="", words="{a}", salt=self.package
            )
        return texts

    def outputs(self) -> dict[str, str]:
        """Map the path of each expected output, relative to `out/`, to its text."""
        first = f"text {self.texts[0]}\n{self.salt}\n"
        outputs = {"t0/o.txt": first, "t1/o.txt": f"text {self.texts[1]}\n{first}0\n"}
        outputs |= {f"g/tree/src/{name}": f"{name}\n" for name in ("a.txt", *self.globbed)}
        if self.package is not None:
            outputs["pkg/k/o.txt"] = f"q\n{self.package}\n"
        return outputs


FOLDERS = ("src/d", "src/e/f", "pkg")  # exist from the beginning, empty or not
STATES = st.builds(
    State,
    st.integers(0, 2),
    st.none() | st.integers(0, 1),
    st.tuples(st.integers(0, 2), st.integers(0, 2)),
    st.frozensets(st.sampled_from(("b.txt", "d/c.txt", "e/f/g.txt"))),
)
KINDS = ("edit", "edit back", "one file and back", "other checkout", "outputs")
MOVES = st.lists(
    st.tuples(st.sampled_from(KINDS), STATES, st.integers(0, 8), st.integers(1, 6)), max_size=2
)
ROUNDS = st.lists(st.tuples(STATES, MOVES, st.booleans()), min_size=1, max_size=3)


def write_state(root: Path, state: State) -> None:
    """Write the files of a state; files that are right already are not touched."""
    expected = state.files()
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
    for path in [
        path for top in ("src", "pkg") for path in (root / top).rglob("*") if path.is_file()
    ]:
        if str(path.relative_to(root)) not in expected:
            path.unlink()
    for name, text in expected.items():
        if not (root / name).exists() or (root / name).read_text() != text:
            (root / name).write_text(text)


def with_first_text_of(state: State, other: State) -> State:
    """Return `state` with the first source text of `other`."""
    return replace(state, texts=(other.texts[0], state.texts[1]))


def schedule_moves(
    root: Path, state: State, drawn: list[tuple[str, State, int, int]]
) -> dict[int, list[Callable[[], None]]]:
    """Map the index of an event of a build to the changes due then."""
    due: dict[int, list[Callable[[], None]]] = {}
    for kind, other, index, delay in drawn:
        if kind == "other checkout":
            due.setdefault(index, []).append(partial(build_elsewhere, root, other))
        elif kind != "outputs":
            changed = with_first_text_of(state, other) if kind.startswith("one") else other
            due.setdefault(index, []).append(partial(write_state, root, changed))
            if kind.endswith("back"):
                due.setdefault(index + delay, []).append(partial(write_state, root, state))
    return due


def build_elsewhere(root: Path, state: State) -> None:
    """Build another checkout with the same cache, from beginning to end."""
    other = root.with_name("other")
    other.mkdir(exist_ok=True)
    write_state(other, state)
    assert build(str(other), Request(("//...",)), lambda event: None, threading.Event()) == 0


def disturb_build(root: Path, state: State, drawn: list[tuple[str, State, int, int]]) -> None:
    """Build while files change; the build may fail."""
    due, number = schedule_moves(root, state, drawn), count()
    rewrites = any(kind == "outputs" for kind, *_ in drawn)

    def listen(event: Event) -> None:
        for move in due.get(next(number), ()):
            move()
        if rewrites and isinstance(event, Built) and (root / event.path).is_file():
            path = root / event.path
            path.chmod(0o644)
            with open(path, "r+b") as file:
                file.write(b"#" * os.fstat(file.fileno()).st_size)

    try:
        build(str(root), Request(("//...",)), listen, threading.Event())
    except BuildError:
        pass


def build_and_read(root: Path, events: list[Event]) -> dict[str, str]:
    """Build as the program does; map each path below `out/` to its text."""
    if manifest.unchanged(["//..."], str(root)) is None:
        assert build(str(root), Request(("//...",)), events.append, threading.Event()) == 0
    out = root / "out"
    paths = {name: (out / name) for name in ("t0/o.txt", "t1/o.txt", "pkg/k/o.txt")}
    paths |= {str(path.relative_to(out)): path for path in (out / "g/tree/src").rglob("*.txt")}
    return {name: path.read_text() for name, path in paths.items() if path.exists()}


def check_builds(root: Path, state: State) -> None:
    """Build twice and check the outputs; the glob must match no other file."""
    for _ in range(2):
        outputs = build_and_read(root, [])
        expected = state.outputs()
        assert {
            name: text
            for name, text in outputs.items()
            if name in expected or name.startswith("g/")
        } == expected


def check_rounds(
    folder: Path,
    first: State,
    rounds: list[tuple[State, list[tuple[str, State, int, int]], bool]],
    skew: int,
) -> None:
    """Disturb builds; after each, check builds of this checkout and of a clone."""
    now = time.time_ns
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BUILDGRAPH_CACHE", str(folder / "cache"))
        patch.setenv("BUILDGRAPH_SANDBOX", "none")
        patch.setattr(time, "time_ns", lambda: now() + skew)
        root = folder / "w"
        root.mkdir()
        write_state(root, first)
        disturb_build(root, first, [])
        for state, drawn, rest in rounds:
            write_state(root, state)
            if rest:
                time.sleep(0.12)  # old enough for its stamps to be trusted
            disturb_build(root, state, drawn)
            write_state(root, state)
            check_builds(root, state)
            clone = folder / "clone"
            shutil.copytree(root, clone, ignore=shutil.ignore_patterns("out", ".buildgraph"))
            check_builds(clone, state)
            shutil.rmtree(clone)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_a_change_during_a_build_does_not_mislead_the_next_build(
    tmp_path_factory: pytest.TempPathFactory, part: int, tally: Callable[[str, int], Tally]
) -> None:
    """The seeds are fixed; BUILDGRAPH_FAULTS adds other worlds."""
    counted = tally("disturbed build", 0)

    @seed(part + 1000 * TIMES)
    @settings(
        max_examples=WORLDS // PARTS, database=None, phases=(Phase.generate,)
    )  # no shrinking, since it takes minutes
    @given(first=STATES, rounds=ROUNDS, skew=st.sampled_from(SKEWS))
    def holds(
        first: State, rounds: list[tuple[State, list[tuple[str, State, int, int]], bool]], skew: int
    ) -> None:
        check_rounds(tmp_path_factory.mktemp("flight"), first, rounds, skew)
        counted.survived_unplanned()

    holds()
