"""All that a request asks for, evaluated: steps, the outputs and gates wanted of them, and what decides that it is so.

It comes from analysis, or from the cache: what BUILD.toml and rules said is found again by their content, wherever the
workspace stands. So a fresh clone, or one whose files were only touched, is built without parsing or analysing anything.
"""
from __future__ import annotations

import os
import sys

from . import __version__
from .basis import Basis, basis_of
from .context import suppress
from .host import own_files
from .label import Label
from .left import FOLDER, OF_SOURCE
from .model import Action, Gate, Output, Source
from .noun import noun
from .receipt import name_of
from .snapshot import (
    STEPS, Snapshot, action_of, makers_of, numbers, parse, place_of, read, replace, step_line, unwords, words, write)
from .sha import hash_open, sha256
from .source import hash_file
from .steps import Steps, Wanted
from .stood import Stood, stood

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .drive import Request

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


def keep(cache: str, root: str, request: Request, work: Work, has: Callable[[str], bool]) -> None:
    """Keep work in the cache, found again by what it was made from; a disk that refuses keeps none."""
    steps, path = work.steps, _path(cache, root, request)
    places, lines, at = [0], [], 0
    for action, place in zip(steps.actions, steps.places):
        lines.append(step_line(action, place, steps.number))
        at += len(lines[-1])
        places.append(at)
    write(path, {
        "labels": words(work.labels), "gate_only": numbers(sorted(work.gate_only)), "places": numbers(places),
        "steps": b"".join(lines), "watched": words(work.basis.files()), "folders": words(work.basis.listed()),
        "wanted": words(w for want in work.wanted for w in _said(want)),
        "wanted_step": numbers(_step(want.artifact, steps) for want in work.wanted),
        "gates": words(w for label, gate in work.gates for w in (
            label, gate.name, gate.verdict.name, str(_step(gate.verdict, steps)), str(len(gate.needs)),
            *(w for need in gate.needs for w in (need, "has" if has(need) else "")))),
    })
    _shorten(os.path.dirname(path))


@noun(eq=False)
class Graph:
    """Work as the cache holds it, not decoded; its basis and the programs of its gates were seen to be the same here."""

    path: str
    digest: bytes
    held: Snapshot
    basis: Basis

    def last(self) -> Stood | None:
        """How the last build of this very work left it, wherever that was."""
        found = stood(f"{self.path}.last")
        return found if found is not None and found.head.parts.get("graph") == self.digest else None

    def work(self) -> Work:
        """All of it."""
        found = self.held
        steps = _steps(found.parts["steps"], found.numbers("places"))
        said, at = found.words("wanted"), found.numbers("wanted_step")
        wanted = tuple(_wanted(said[5 * number:5 * number + 5], step, steps) for number, step in enumerate(at))
        return Work(tuple(found.words("labels")), wanted, _gates(found.words("gates"), steps), steps,
                    frozenset(found.numbers("gate_only")), self.basis)


def recalled(cache: str, root: str, request: Request, has: Callable[[str], bool]) -> Graph | None:
    """The work of a request from the cache, or None when something that decides it is not as it was."""
    path = _path(cache, root, request)
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return None
    found = parse(data)
    if found is None:
        return None
    basis = basis_of(root, found.words("watched"), found.words("folders"))
    if basis is None or any(has(need) != bool(had) for *_, needs in _gate_rows(found.words("gates")) for need, had in needs):
        return None
    return Graph(path, sha256(data).digest(), found, basis)


def share(cache: str, root: str, request: Request) -> None:
    """Keep the snapshot that a build has left in its workspace for builds of the same work elsewhere."""
    path, here = _path(cache, root, request), os.path.join(root, FOLDER, name_of(request.words, request.package))
    found = read(here)
    with suppress(OSError):
        with open(path, "rb") as graph, open(here + STEPS, "rb") as steps:
            digest, _ = hash_open(graph.fileno())
            if found is not None and replace(f"{path}.last{STEPS}", iter(lambda: steps.read(_PIECE), b"")):
                write(f"{path}.last", found.parts | {"graph": bytes.fromhex(digest)})


def _path(cache: str, root: str, request: Request) -> str:
    """Named by buildgraph's own files, the interpreter, the request and the root's BUILD.toml."""
    parts = [__version__, sys.version, request.package, *request.words]
    for path in own_files():
        found = os.stat(path)
        parts.append(f"{path} {found.st_size} {found.st_mtime_ns}")
    with suppress(OSError):
        parts.append(hash_file(os.path.join(root, "BUILD.toml")).hash)
    name = sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]
    return os.path.join(cache, _FOLDER, name)


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
        entries = sorted(os.scandir(folder), key=lambda entry: -entry.stat().st_mtime_ns)
        for entry in entries[_MOST:]:
            os.unlink(entry.path)
