"""All that a request asks for, evaluated: steps, the outputs and gates wanted of them, and what decides that it is so.

It comes from analysis, or from the cache: what BUILD.toml and rules said is found again by their content, wherever the
workspace stands. So a fresh clone, or one whose files were only touched, is built without parsing or analysing anything.
"""

from __future__ import annotations

import os
import sys

from .. import __version__
from ..fastpath.manifest import request_name
from ..files.regular_file import open_regular, read_regular, replace_file
from ..files.remove_tree import remove
from ..host.source_files import hash_file
from ..keys.action_graph import ActionGraph, RequestedOutput
from ..lite import TYPE_CHECKING
from ..lite.contextmanagers import suppress
from ..lite.pack import pack_ints, pack_strings, unpack_strings
from ..lite.record import record
from ..lite.sha256 import sha256
from ..types.action import Action, Gate, Output, Source
from ..types.label import Label
from .analysis_inputs import AnalysisInputs, analysis_inputs
from .save import FOLDER, OF_SOURCE
from .snapshot import (
    STEPS,
    Snapshot,
    action_of,
    encoded,
    parse,
    position_of,
    producers_of,
    read,
    step_line,
    write,
)
from .snapshot_journal import SavedBuild, load_saved_build

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ..host.environment import BuildEnvironment
    from ..types.request import Request

_FOLDER, _MOST, _PIECE = "graphs", 192, 1 << 16


@record(eq=False)
class RequestGraph:
    """What a request comes to, on what basis. A gate that needs a program which this host has not has no step."""

    labels: tuple[str, ...]
    wanted: tuple[RequestedOutput, ...]
    gates: tuple[tuple[str, Gate], ...]
    steps: ActionGraph
    gate_only: frozenset[int]
    basis: AnalysisInputs


def steps_of(
    wanted: Sequence[RequestedOutput], gates: Sequence[Gate]
) -> tuple[ActionGraph, frozenset[int]]:
    """The steps that outputs and gates need, and the numbers of those that only gates do."""
    steps = ActionGraph.of([*(want.artifact for want in wanted), *(gate.verdict for gate in gates)])
    needed = ActionGraph.of(want.artifact for want in wanted).number
    return steps, frozenset(
        number for action, number in steps.number.items() if action not in needed
    )


@record
class SavedGraph:
    """A graph in the cache: its file, and the SHA-256 of what this build wrote or read there."""

    path: str
    digest: bytes


def save_graph(
    host: BuildEnvironment, request: Request, work: RequestGraph, has: Callable[[str], bool]
) -> SavedGraph | None:
    """Keep work in the cache, found again by what it was made from; None where the disk refuses."""
    steps, path = work.steps, _path(host, request, work.basis.held["BUILD.toml"].hash)
    places, lines, at = [0], [], 0
    for action, place in zip(steps.actions, steps.ordinals):
        lines.append(step_line(action, place, steps.number))
        at += len(lines[-1])
        places.append(at)
    data, _ = encoded(
        {
            "labels": pack_strings(work.labels),
            "gate_only": pack_ints(sorted(work.gate_only)),
            "places": pack_ints(places),
            "steps": b"".join(lines),
            "watched": pack_strings(work.basis.files()),
            "folders": pack_strings(work.basis.listed()),
            "wanted": pack_strings(w for want in work.wanted for w in _said(want)),
            "wanted_step": pack_ints(_step(want.artifact, steps) for want in work.wanted),
            "gates": pack_strings(
                w
                for label, gate in work.gates
                for w in (
                    label,
                    gate.name,
                    gate.verdict.name,
                    str(_step(gate.verdict, steps)),
                    str(len(gate.needs)),
                    *(w for need in gate.needs for w in (need, "has" if has(need) else "")),
                )
            ),
        }
    )
    if not replace_file(path, data):
        return None
    _shorten(os.path.dirname(path))
    return SavedGraph(path, sha256(b"".join(data)).digest())


@record(eq=False)
class CachedGraph:
    """Work as the cache holds it, not decoded; its basis and the programs of its gates were seen to be the same here."""

    kept: SavedGraph
    held: Snapshot
    basis: AnalysisInputs

    def last(self) -> SavedBuild | None:
        """How the last build of this very work left it, wherever that was."""
        found = load_saved_build(f"{self.kept.path}.last")
        return (
            found
            if found is not None and found.head.parts.get("graph") == self.kept.digest
            else None
        )

    def work(self) -> RequestGraph:
        """All of it."""
        found = self.held
        steps = _steps(found.parts["steps"], found.numbers("places"))
        said, at = found.words("wanted"), found.numbers("wanted_step")
        wanted = tuple(
            _wanted(said[5 * number : 5 * number + 5], step, steps)
            for number, step in enumerate(at)
        )
        return RequestGraph(
            tuple(found.words("labels")),
            wanted,
            _gates(found.words("gates"), steps),
            steps,
            frozenset(found.numbers("gate_only")),
            self.basis,
        )


def load_graph(
    host: BuildEnvironment, root: str, request: Request, has: Callable[[str], bool]
) -> CachedGraph | None:
    """The work of a request from the cache, or None when something that decides it is not as it was."""
    try:
        path = _path(host, request, hash_file(os.path.join(root, "BUILD.toml")).hash)
        data = read_regular(path)
    except OSError:
        return None
    found = parse(data)
    if found is None:
        return None
    basis = analysis_inputs(root, found.words("watched"), found.words("folders"))
    if basis is None or any(
        has(need) != bool(had)
        for *_, needs in _gate_rows(found.words("gates"))
        for need, had in needs
    ):
        return None
    return CachedGraph(SavedGraph(path, sha256(data).digest()), found, basis)


def publish_graph(kept: SavedGraph, root: str, request: Request, mark: int) -> None:
    """Copy the snapshot with this mark, which a build of the kept graph wrote in its workspace, beside the graph.

    Another build in this workspace may have replaced the snapshot since, and one elsewhere the graph: the copy is bound to
    the graph that this build used, and no other is copied.
    """
    here = os.path.join(root, FOLDER, request_name(request.words, request.package))
    found = read(here)
    with suppress(OSError):
        with open(open_regular(here + STEPS), "rb") as steps:
            if (
                found is not None
                and found.mark == mark
                and replace_file(f"{kept.path}.last{STEPS}", iter(lambda: steps.read(_PIECE), b""))
            ):
                write(f"{kept.path}.last", found.parts | {"graph": kept.digest})


def _path(host: BuildEnvironment, request: Request, toml: str) -> str:
    """Named by buildgraph's own files, the interpreter, the request and the SHA-256 of the root's BUILD.toml."""
    parts = [__version__, sys.version, request.package, *request.words, toml]
    parts += [f"{path} {size} {mtime}" for path, (size, mtime, *_) in host.engine.items()]
    name = sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]
    return os.path.join(host.store.root, _FOLDER, name)


def _steps(data: bytes, places: Sequence[int]) -> ActionGraph:
    actions: list[Action] = []
    needs, at = [], []
    made: dict[int, Action] = {}
    for number in range(len(places) - 1):
        step = unpack_strings(data[places[number] : places[number + 1]])
        made[number] = action_of(step, made)
        actions.append(made[number])
        at.append(position_of(step))
        needs.append(tuple(producers_of(step)))
    return ActionGraph(
        tuple(actions),
        tuple(needs),
        {action: number for number, action in enumerate(actions)},
        tuple(at),
    )


def _step(artifact: object, steps: ActionGraph) -> int:
    return (
        steps.number.get(artifact.action, OF_SOURCE) if isinstance(artifact, Output) else OF_SOURCE
    )


def _said(want: RequestedOutput) -> tuple[str, str, str, str, str]:
    made = want.artifact
    return (
        str(want.label),
        want.name,
        want.file,
        made.name,
        "t" if isinstance(made, Output) and made.tree else "",
    )


def _wanted(said: Sequence[str], step: int, steps: ActionGraph) -> RequestedOutput:
    label, name, file, made, tree = said
    artifact = Source(made) if step == OF_SOURCE else Output(made, steps.actions[step], bool(tree))
    return RequestedOutput(Label.parse(label), name, artifact, file)


def _gates(said: Sequence[str], steps: ActionGraph) -> tuple[tuple[str, Gate], ...]:
    return tuple(
        (
            label,
            Gate(
                name,
                Output(verdict, steps.actions[step] if step != OF_SOURCE else Action((), (), ())),
                tuple(need for need, _ in needs),
            ),
        )
        for label, name, verdict, step, needs in _gate_rows(said)
    )


def _gate_rows(said: Sequence[str]) -> Iterator[tuple[str, str, str, int, list[tuple[str, str]]]]:
    """Label, name, output and step of each gate, and the programs that it needs, with what the host had of them."""
    rest = iter(said)
    for label in rest:
        name, verdict, step, count = (next(rest) for _ in range(4))
        yield label, name, verdict, int(step), [(next(rest), next(rest)) for _ in range(int(count))]


def _shorten(folder: str) -> None:
    """Keep the latest, for each edit of a BUILD.toml leaves one."""
    with suppress(OSError):
        entries = sorted(
            os.scandir(folder), key=lambda entry: -entry.stat(follow_symlinks=False).st_mtime_ns
        )
        for entry in entries[_MOST:]:
            remove(entry.path)
