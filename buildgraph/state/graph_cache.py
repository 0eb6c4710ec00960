"""All that a request asks for, evaluated: steps, the outputs and gates wanted of them, and what decides that it is so.

It comes from analysis, or from the cache: what BUILD.toml and rules said is found again by their content, wherever the
workspace stands. So a fresh clone, or one whose files were only touched, is built without parsing or analysing anything.
"""
from __future__ import annotations

import os
import sys

from .. import __version__
from .analysis_inputs import Basis, basis_of
from ..lite.contextmanagers import suppress
from ..types.label import Label
from .save import FOLDER, OF_SOURCE
from ..types.action import Action, Gate, Output, Source
from ..lite.record import noun
from ..fastpath.manifest import name_of
from ..files.regular_file import open_regular, read_regular, replace
from ..files.remove_tree import remove
from .snapshot import (
    STEPS, Snapshot, action_of, encoded, makers_of, numbers, parse, place_of, read, step_line,
    unwords, words, write
)
from ..lite.sha256 import sha256
from ..host.source_files import hash_file
from ..keys.action_graph import Steps, Wanted
from .snapshot_journal import Stood, stood
from ..lite import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ..types.request import Request
    from ..host.environment import Host

_FOLDER, _MOST, _PIECE = "graphs", 192, 1 << 16


@noun(eq=False)
class Work:
    """What a request comes to, on what basis. A gate that needs a program which this host has not has no step."""

    labels: tuple[str, ...]
    wanted: tuple[Wanted, ...]
    gates: tuple[tuple[str, Gate], ...]
    steps: Steps
    gate_only: frozenset[int]
    basis: Basis


def steps_of(wanted: Sequence[Wanted], gates: Sequence[Gate]) -> tuple[Steps, frozenset[int]]:
    """The steps that outputs and gates need, and the numbers of those that only gates do."""
    steps = Steps.of([*(want.artifact for want in wanted), *(gate.verdict for gate in gates)])
    needed = Steps.of(want.artifact for want in wanted).number
    return steps, frozenset(number for action, number in steps.number.items() if action not in needed)


@noun
class Kept:
    """A graph in the cache: its file, and the SHA-256 of what this build wrote or read there."""

    path: str
    digest: bytes


def keep(host: Host, request: Request, work: Work, has: Callable[[str], bool]) -> Kept | None:
    """Keep work in the cache, found again by what it was made from; None where the disk refuses."""
    steps, path = work.steps, _path(host, request, work.basis.held["BUILD.toml"].hash)
    places, lines, at = [0], [], 0
    for action, place in zip(steps.actions, steps.places):
        lines.append(step_line(action, place, steps.number))
        at += len(lines[-1])
        places.append(at)
    data, _ = encoded({
        "labels": words(work.labels), "gate_only": numbers(sorted(work.gate_only)), "places": numbers(places),
        "steps": b"".join(lines), "watched": words(work.basis.files()), "folders": words(work.basis.listed()),
        "wanted": words(w for want in work.wanted for w in _said(want)),
        "wanted_step": numbers(_step(want.artifact, steps) for want in work.wanted),
        "gates": words(w for label, gate in work.gates for w in (
            label, gate.name, gate.verdict.name, str(_step(gate.verdict, steps)), str(len(gate.needs)),
            *(w for need in gate.needs for w in (need, "has" if has(need) else "")))),
    })
    if not replace(path, data):
        return None
    _shorten(os.path.dirname(path))
    return Kept(path, sha256(b"".join(data)).digest())


@noun(eq=False)
class Graph:
    """Work as the cache holds it, not decoded; its basis and the programs of its gates were seen to be the same here."""

    kept: Kept
    held: Snapshot
    basis: Basis

    def last(self) -> Stood | None:
        """How the last build of this very work left it, wherever that was."""
        found = stood(f"{self.kept.path}.last")
        return found if found is not None and found.head.parts.get("graph") == self.kept.digest else None

    def work(self) -> Work:
        """All of it."""
        found = self.held
        steps = _steps(found.parts["steps"], found.numbers("places"))
        said, at = found.words("wanted"), found.numbers("wanted_step")
        wanted = tuple(_wanted(said[5 * number:5 * number + 5], step, steps) for number, step in enumerate(at))
        return Work(tuple(found.words("labels")), wanted, _gates(found.words("gates"), steps), steps,
                    frozenset(found.numbers("gate_only")), self.basis)


def recalled(host: Host, root: str, request: Request, has: Callable[[str], bool]) -> Graph | None:
    """The work of a request from the cache, or None when something that decides it is not as it was."""
    try:
        path = _path(host, request, hash_file(os.path.join(root, "BUILD.toml")).hash)
        data = read_regular(path)
    except OSError:
        return None
    found = parse(data)
    if found is None:
        return None
    basis = basis_of(root, found.words("watched"), found.words("folders"))
    if basis is None or any(has(need) != bool(had) for *_, needs in _gate_rows(found.words("gates")) for need, had in needs):
        return None
    return Graph(Kept(path, sha256(data).digest()), found, basis)


def share(kept: Kept, root: str, request: Request, mark: int) -> None:
    """Copy the snapshot with this mark, which a build of the kept graph wrote in its workspace, beside the graph.

    Another build in this workspace may have replaced the snapshot since, and one elsewhere the graph: the copy is bound to
    the graph that this build used, and no other is copied.
    """
    here = os.path.join(root, FOLDER, name_of(request.words, request.package))
    found = read(here)
    with suppress(OSError):
        with open(open_regular(here + STEPS), "rb") as steps:
            if found is not None and found.mark == mark and replace(
                    f"{kept.path}.last{STEPS}", iter(lambda: steps.read(_PIECE), b"")):
                write(f"{kept.path}.last", found.parts | {"graph": kept.digest})


def _path(host: Host, request: Request, toml: str) -> str:
    """Named by buildgraph's own files, the interpreter, the request and the SHA-256 of the root's BUILD.toml."""
    parts = [__version__, sys.version, request.package, *request.words, toml]
    parts += [f"{path} {size} {mtime}" for path, (size, mtime, *_) in host.engine.items()]
    name = sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]
    return os.path.join(host.store.root, _FOLDER, name)


def _steps(data: bytes, places: Sequence[int]) -> Steps:
    actions: list[Action] = []
    needs, at = [], []
    made: dict[int, Action] = {}
    for number in range(len(places) - 1):
        step = unwords(data[places[number]:places[number + 1]])
        made[number] = action_of(step, made)
        actions.append(made[number])
        at.append(place_of(step))
        needs.append(tuple(makers_of(step)))
    return Steps(tuple(actions), tuple(needs), {action: number for number, action in enumerate(actions)}, tuple(at))


def _step(artifact: object, steps: Steps) -> int:
    return steps.number.get(artifact.action, OF_SOURCE) if isinstance(artifact, Output) else OF_SOURCE


def _said(want: Wanted) -> tuple[str, str, str, str, str]:
    made = want.artifact
    return str(want.label), want.name, want.file, made.name, "t" if isinstance(made, Output) and made.tree else ""


def _wanted(said: Sequence[str], step: int, steps: Steps) -> Wanted:
    label, name, file, made, tree = said
    artifact = Source(made) if step == OF_SOURCE else Output(made, steps.actions[step], bool(tree))
    return Wanted(Label.parse(label), name, artifact, file)


def _gates(said: Sequence[str], steps: Steps) -> tuple[tuple[str, Gate], ...]:
    return tuple((label, Gate(name, Output(verdict, steps.actions[step] if step != OF_SOURCE else Action((), (), ())),
                              tuple(need for need, _ in needs))) for label, name, verdict, step, needs in _gate_rows(said))


def _gate_rows(said: Sequence[str]) -> Iterator[tuple[str, str, str, int, list[tuple[str, str]]]]:
    """Label, name, output and step of each gate, and the programs that it needs, with what the host had of them."""
    rest = iter(said)
    for label in rest:
        name, verdict, step, count = (next(rest) for _ in range(4))
        yield label, name, verdict, int(step), [(next(rest), next(rest)) for _ in range(int(count))]


def _shorten(folder: str) -> None:
    """Keep the latest, for each edit of a BUILD.toml leaves one."""
    with suppress(OSError):
        entries = sorted(os.scandir(folder), key=lambda entry: -entry.stat(follow_symlinks=False).st_mtime_ns)
        for entry in entries[_MOST:]:
            remove(entry.path)
