"""What changes while a build runs: the next build, here and in a clone with the same cache, makes
what the files say then.

A random build is disturbed at random events: files of every kind are edited, and edited back;
folders that were empty are filled; another checkout is built with the same cache; outputs are
rewritten as they are put in place; clocks are wrong. Whatever that build makes of it, the state
that it leaves must not mislead the next one.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
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
    """What a checkout holds: salts of the commands (no package without a second one), texts of
    sources, files for a glob.
    """

    salt: int
    package: int | None
    texts: tuple[int, int]
    globbed: frozenset[str]

    def files(self) -> dict[str, str]:
        """Every file by its path."""
        first = COMMAND.format(name="t0", source="f0.txt", more="", words="{a}", salt=self.salt)
        second = COMMAND.format(
            name="t1", source="f1.txt", more=', d = ":t0"', words="{a} {d}", salt=0
        )
        made = {
            "BUILD.toml": '[workspace]\nname = "w"\n' + first + second + ROOT,
            "pkg/q.txt": "q\n",
            "src/a.txt": "a.txt\n",
        }
        made |= {f"f{number}.txt": f"text {text}\n" for number, text in enumerate(self.texts)}
        made |= {f"src/{name}": f"{name}\n" for name in self.globbed}
        if self.package is not None:
            made["pkg/BUILD.toml"] = COMMAND.format(
                name="k", source="q.txt", more="", words="{a}", salt=self.package
            )
        return made

    def outputs(self) -> dict[str, str]:
        """What must be below `out/`."""
        first = f"text {self.texts[0]}\n{self.salt}\n"
        made = {"t0/o.txt": first, "t1/o.txt": f"text {self.texts[1]}\n{first}0\n"}
        made |= {f"g/tree/src/{name}": f"{name}\n" for name in ("a.txt", *self.globbed)}
        if self.package is not None:
            made["pkg/k/o.txt"] = f"q\n{self.package}\n"
        return made


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


def lay(root: Path, state: State) -> None:
    """Make a checkout hold a state; what is right already is not touched."""
    wanted = state.files()
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
    for path in [
        path for top in ("src", "pkg") for path in (root / top).rglob("*") if path.is_file()
    ]:
        if str(path.relative_to(root)) not in wanted:
            path.unlink()
    for name, text in wanted.items():
        if not (root / name).exists() or (root / name).read_text() != text:
            (root / name).write_text(text)


def only_first(state: State, other: State) -> State:
    """The state in which one source differs."""
    return replace(state, texts=(other.texts[0], state.texts[1]))


def moves_of(
    root: Path, state: State, drawn: list[tuple[str, State, int, int]]
) -> dict[int, list[Callable[[], None]]]:
    """What to do at which event of a build of a state."""
    due: dict[int, list[Callable[[], None]]] = {}
    for kind, other, at, later in drawn:
        if kind == "other checkout":
            due.setdefault(at, []).append(lambda other=other: made_elsewhere(root, other))  # type: ignore[misc]
        elif kind != "outputs":
            changed = only_first(state, other) if kind.startswith("one") else other
            due.setdefault(at, []).append(lambda changed=changed: lay(root, changed))  # type: ignore[misc]
            if kind.endswith("back"):
                due.setdefault(at + later, []).append(lambda: lay(root, state))
    return due


def made_elsewhere(root: Path, state: State) -> None:
    """Build another checkout with the same cache, from beginning to end."""
    other = root.with_name("other")
    other.mkdir(exist_ok=True)
    lay(other, state)
    assert build(str(other), Request(("//...",)), lambda event: None, threading.Event()) == 0


def disturbed(root: Path, state: State, drawn: list[tuple[str, State, int, int]]) -> None:
    """Build while things change; how this build ends does not matter."""
    due, number = moves_of(root, state, drawn), count()
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


def made(root: Path, tell: list[Event]) -> dict[str, str]:
    """Build as the program does; the files below `out/` by their paths."""
    if manifest.unchanged(["//..."], str(root)) is None:
        assert build(str(root), Request(("//...",)), tell.append, threading.Event()) == 0
    out = root / "out"
    found = {name: (out / name) for name in ("t0/o.txt", "t1/o.txt", "pkg/k/o.txt")}
    found |= {str(path.relative_to(out)): path for path in (out / "g/tree/src").rglob("*.txt")}
    return {name: path.read_text() for name, path in found.items() if path.exists()}


def right(root: Path, state: State) -> None:
    """Build, and build again: what must be there is there, and the glob found nothing else."""
    for _ in range(2):
        outputs = made(root, [])
        expected = state.outputs()
        assert {
            name: text
            for name, text in outputs.items()
            if name in expected or name.startswith("g/")
        } == expected


def check(
    folder: Path,
    first: State,
    rounds: list[tuple[State, list[tuple[str, State, int, int]], bool]],
    skew: int,
) -> None:
    """Disturb builds; after each, this checkout and a clone are built right."""
    now = time.time_ns
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BUILDGRAPH_CACHE", str(folder / "cache"))
        patch.setenv("BUILDGRAPH_SANDBOX", "none")
        patch.setattr(time, "time_ns", lambda: now() + skew)
        root = folder / "w"
        root.mkdir()
        lay(root, first)
        disturbed(root, first, [])
        for state, drawn, rest in rounds:
            lay(root, state)
            if rest:
                time.sleep(0.12)  # old enough for its stamps to be trusted
            disturbed(root, state, drawn)
            lay(root, state)
            right(root, state)
            clone = folder / "clone"
            shutil.copytree(root, clone, ignore=shutil.ignore_patterns("out", ".buildgraph"))
            right(clone, state)
            shutil.rmtree(clone)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_what_changes_while_a_build_runs_does_not_mislead_the_next(
    tmp_path_factory: pytest.TempPathFactory, part: int, tally: Callable[[str, int], Tally]
) -> None:
    """The same worlds every time; other worlds with BUILDGRAPH_FAULTS."""
    counted = tally("disturbed build", 0)

    @seed(part + 1000 * TIMES)
    @settings(
        max_examples=WORLDS // PARTS, database=None, phases=(Phase.generate,)
    )  # to shrink takes minutes
    @given(first=STATES, rounds=ROUNDS, skew=st.sampled_from(SKEWS))
    def holds(
        first: State, rounds: list[tuple[State, list[tuple[str, State, int, int]], bool]], skew: int
    ) -> None:
        check(tmp_path_factory.mktemp("flight"), first, rounds, skew)
        counted.survived_unplanned()

    holds()
