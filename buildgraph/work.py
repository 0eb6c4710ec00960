"""All that a request asks for, evaluated: steps, the outputs and gates wanted of them, and what decides that it is so.

It comes from analysis, or from the cache: what BUILD.toml and rules said is found again by their content, wherever the
workspace stands. So a fresh clone, or one whose files were only touched, is built without parsing or analysing anything.
"""
from __future__ import annotations

import hashlib
import os
import sys

from . import __version__
from .context import suppress
from .host import own_files
from .label import Label
from .left import OF_SOURCE, users_own
from .model import Action, Gate, Output, Source
from .noun import noun
from .snapshot import action_of, makers_of, numbers, place_of, read, step_line, unwords, words, write
from .source import hash_file
from .steps import Steps, Wanted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .drive import Request

_FOLDER, _MOST = "graphs", 64


@noun(eq=False)
class Work:
    """What a request comes to. `watched` are the files and folders that decide it, `folders` those listed, with the user's names.

    A gate that needs a program which this host has not has no step.
    """

    labels: tuple[str, ...]
    wanted: tuple[Wanted, ...]
    gates: tuple[tuple[str, Gate], ...]
    steps: Steps
    gate_only: frozenset[int]
    watched: tuple[str, ...]
    folders: dict[str, frozenset[str]]

    def lists_as_before(self, root: str, path: str) -> bool:
        """Whether a path is a watched folder and holds the names that analysis saw, our own folders aside."""
        return path in self.folders and _lists(root, path, self.folders[path])


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
        "steps": b"".join(lines), "watched": words(_contents(root, work)),
        "folders": words(w for folder, names in work.folders.items() for w in _listed(root, folder, names)),
        "wanted": words(w for want in work.wanted for w in _said(want)),
        "wanted_step": numbers(_step(want.artifact, steps) for want in work.wanted),
        "gates": words(w for label, gate in work.gates for w in (
            label, gate.name, gate.verdict.name, str(_step(gate.verdict, steps)), str(len(gate.needs)),
            *(w for need in gate.needs for w in (need, "has" if has(need) else "")))),
    })
    _shorten(os.path.dirname(path))


def recalled(cache: str, root: str, request: Request, has: Callable[[str], bool]) -> Work | None:
    """The work of a request from the cache, or None when something that decides it is not as it was."""
    found = read(_path(cache, root, request))
    if found is None:
        return None
    watched = found.words("watched")
    folders = _folders(root, found.words("folders"))
    if not _hold(root, watched) or not all(_lists(root, folder, names) for folder, names in folders.items()):
        return None
    steps = _steps(found.parts["steps"], found.numbers("places"))
    gates = _gates(found.words("gates"), steps, has)
    if gates is None:
        return None
    said, at = found.words("wanted"), found.numbers("wanted_step")
    wanted = tuple(_wanted(said[5 * number:5 * number + 5], step, steps) for number, step in enumerate(at))
    paths = tuple(os.path.normpath(os.path.join(root, path)) for path in (*watched[::2], *map(str, folders)))
    return Work(tuple(found.words("labels")), wanted, gates, steps, frozenset(found.numbers("gate_only")), paths, folders)


def _path(cache: str, root: str, request: Request) -> str:
    """Named by buildgraph's own files, the interpreter, the request and the root's BUILD.toml."""
    parts = [__version__, sys.version, request.package, *request.words]
    for path in own_files():
        found = os.stat(path)
        parts.append(f"{path} {found.st_size} {found.st_mtime_ns}")
    with suppress(OSError):
        parts.append(hash_file(os.path.join(root, "BUILD.toml")).hash)
    name = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]
    return os.path.join(cache, _FOLDER, name)


def _contents(root: str, work: Work) -> list[str]:
    """Each file that decides the work, relative to the root, with its digest; empty where there is none."""
    said = []
    for path in work.watched:
        if path not in work.folders:
            said += [os.path.relpath(path, root), hash_file(path).hash if os.path.isfile(path) else ""]
    return said


def _hold(root: str, watched: Sequence[str]) -> bool:
    for name, digest in zip(watched[::2], watched[1::2]):
        path = os.path.join(root, name)
        if (hash_file(path).hash if os.path.isfile(path) else "") != digest:
            return False
    return True


def _listed(root: str, folder: str, names: frozenset[str]) -> list[str]:
    return [os.path.relpath(folder, root), str(len(names)), *sorted(names)]


def _folders(root: str, said: Sequence[str]) -> dict[str, frozenset[str]]:
    found, at = {}, 0
    while at < len(said):
        count = int(said[at + 1])
        found[os.path.normpath(os.path.join(root, said[at]))] = frozenset(said[at + 2:at + 2 + count])
        at += 2 + count
    return found


def _lists(root: str, folder: str, names: frozenset[str]) -> bool:
    try:
        return users_own(root, folder, os.listdir(folder)) == names
    except OSError:
        return False


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


def _gates(said: Sequence[str], steps: Steps, has: Callable[[str], bool]) -> tuple[tuple[str, Gate], ...] | None:
    """The gates, or None where a program came or went."""
    found, rest = [], iter(said)
    for label in rest:
        name, verdict, step, count = (next(rest) for _ in range(4))
        needs = [(next(rest), next(rest)) for _ in range(int(count))]
        if any(has(need) != bool(had) for need, had in needs):
            return None
        action = steps.actions[int(step)] if int(step) != OF_SOURCE else Action((), (), ())
        found.append((label, Gate(name, Output(verdict, action), tuple(need for need, _ in needs))))
    return tuple(found)


def _shorten(folder: str) -> None:
    """Keep the latest, for each edit of a BUILD.toml leaves one."""
    with suppress(OSError):
        entries = sorted(os.scandir(folder), key=lambda entry: -entry.stat().st_mtime_ns)
        for entry in entries[_MOST:]:
            os.unlink(entry.path)
