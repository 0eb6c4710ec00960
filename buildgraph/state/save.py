"""What a finished build leaves for the next: a receipt, a snapshot, and how their parts are written down."""

from __future__ import annotations

import os

from ..execution.scheduler import StepState
from ..fastpath import manifest
from ..files.stamp import (
    ALWAYS_STALE,
    Stamp,
    file_system_time,
    fingerprint,
    is_settled,
    reliable_stamp,
)
from ..host.environment import RULES_FOLDER, machine_identity
from ..keys.action_graph import RequestedOutput
from ..lite import TYPE_CHECKING
from ..lite.pack import pack_ints, pack_strings
from ..lite.record import record
from ..types.action import Action, Artifact, Output, Source
from ..types.digest import Digest
from ..types.events import Built, Judged
from ..types.result import File, Node, Tree
from ..ui.summary import format_unchanged
from .snapshot import step_line
from .snapshot_journal import StepRecord, begin, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ..execution.executor import Executor
    from .analysis_inputs import AnalysisInputs

FOLDER = ".buildgraph/snapshots"
OF_SOURCE = -1  # the step of a wanted output that is a file of the workspace


@record
class GateRecord:
    """A gate as the snapshot holds it: its label and name, the step of its verdict (or None), and the verdict."""

    label: str
    gate: str
    step: int | None
    verdict: str
    why: str

    def judged(self) -> Judged:
        """The event that tells it."""
        return Judged(self.label, self.gate, self.verdict, self.why)  # type: ignore[arg-type]


def stamps_of(
    drive: Executor, basis: AnalysisInputs, made: Mapping[str, Stamp]
) -> dict[str, Stamp] | None:
    """The stamps of all that a build read; None where an input of analysis is so young that a later edit could look the same.

    Each is from before the file was read. A source or a folder that is so young is read again by the next build.
    """
    sources, began = drive.host.sources, drive.host.began
    ours = f"{drive.root}/.buildgraph/"  # seen through the links of out/
    stamps: dict[str, Stamp] = {
        path: reliable_stamp(stamp, began)
        for name, stamp in sources.stamps.items()
        if not (path := sources.path(name)).startswith(ours)
    }
    for path, stamp in {**drive.host.engine, **drive.host.tools.stamps, **basis.stamps}.items():
        if path in basis.folders:
            stamp = _folder_stamp(basis, path, stamp, began)
        elif not is_settled(stamp, began):
            return None
        stamps[path] = stamp
    return {**stamps, **made}


def _folder_stamp(basis: AnalysisInputs, path: str, stamp: Stamp, began: int) -> Stamp:
    """The stamp of a folder: a newer one where only builds changed it, such as the root, in which they make `out`."""
    if is_settled(stamp, began) and os.path.isdir(path) and fingerprint(path) == stamp:
        return stamp
    now = file_system_time(basis.root)
    fresh = basis.stamp_now(path)
    return ALWAYS_STALE if fresh is None else reliable_stamp(fresh, now)


def save_build(
    drive: Executor,
    labels: Sequence[str],
    wanted: Sequence[RequestedOutput],
    told: tuple[Sequence[GateRecord], Sequence[Built]],
    seen: tuple[Mapping[str, Iterable[str]], Mapping[str, Stamp] | None],
) -> int:
    """Leave snapshot and receipt of a build that started from BUILD.toml and ended well; the mark of the snapshot, or 0.

    `seen` are the folders that were listed, with their names, and the stamps of all that was looked at; without these no
    receipt is left.
    """
    request, (rows, built) = drive.request, told
    outputs = [
        wanted_row(want, event, drive.node(want.artifact))
        for want, event in zip(wanted, built, strict=True)
    ]
    mark, known = 0, machine_identity()
    if known and not any(b"\n" in row for row in outputs):
        parts = {"facts": pack_strings([drive.level, *known])} | _parts(
            drive, labels, wanted, rows, seen[0]
        )
        kept = _rows(drive, wanted, outputs)
        parts["shown"] = rows_of(kept.get(OF_SOURCE, ()), b"\n")
        path = os.path.join(
            drive.root, FOLDER, manifest.request_name(request.words, request.package)
        )
        mark = begin(path, parts, _lines(drive, kept))
    text = format_unchanged([*built, *(row.judged() for row in rows)], len(drive.steps.actions))
    if seen[1] is not None:
        manifest.write(drive.root, (request.words, request.package), seen[1], text, mark)
    return mark


def _rows(
    drive: Executor, wanted: Sequence[RequestedOutput], outputs: Sequence[bytes]
) -> dict[int, list[tuple[int, bytes]]]:
    """The outputs of each step that were asked for as (number, row), and of OF_SOURCE the files of the workspace."""
    found: dict[int, list[tuple[int, bytes]]] = {}
    for at, (want, row) in enumerate(zip(wanted, outputs)):
        step = (
            drive.steps.number[want.artifact.action]
            if isinstance(want.artifact, Output)
            else OF_SOURCE
        )
        found.setdefault(step, []).append((at, row))
    return found


def _lines(drive: Executor, rows: Mapping[int, Sequence[tuple[int, bytes]]]) -> Iterator[bytes]:
    """The lines of the steps, one at a time: all of them together weigh much."""
    steps = drive.steps
    for number, (action, place) in enumerate(zip(steps.actions, steps.ordinals)):
        stand = StepRecord(
            str(drive.keys[action]), drive.results[action].milliseconds, tuple(rows.get(number, ()))
        )
        yield stand.line() + step_line(action, place, steps.number)


def _parts(
    drive: Executor,
    labels: Sequence[str],
    wanted: Sequence[RequestedOutput],
    gates: Sequence[GateRecord],
    folders: Mapping[str, Iterable[str]],
) -> dict[str, bytes]:
    """Sections of a snapshot."""
    steps, held = drive.steps, drive.host.sources.known_digests()
    reads = _readers(steps.actions, wanted)
    user_at, users = _table(_users(steps.deps))
    reader_at, readers = _table(list(reads.values()))
    shipped = [(path, *_said(*held[path])) for path in held if path.startswith(RULES_FOLDER)]
    listed = [
        (manifest.dedupe_folders(drive.root, path), sorted(names))
        for path, names in folders.items()
    ]
    return {
        "tools": pack_strings(drive.host.tools.dump()),
        "labels": pack_strings(labels),
        "user_at": pack_ints(user_at),
        "users": pack_ints(users),
        "sources": pack_strings(reads),
        "source_rows": b"\n".join(source_row(*held[name]) for name in reads),
        "reader_at": pack_ints(reader_at),
        "readers": pack_ints(readers),
        "shipped": pack_strings(word for entry in shipped for word in entry),
        "folders": pack_strings(
            word for path, names in listed for word in (path, str(len(names)), *names)
        ),
        "gate_only": pack_ints(sorted(drive.gate_only)),
        "gates": gate_words(gates),
        "wanted_step": pack_ints(
            steps.number[want.artifact.action] if isinstance(want.artifact, Output) else OF_SOURCE
            for want in wanted
        ),
    }


def verdict_of(state: int) -> tuple[str, str]:
    """A gate's verdict, and why, by how the step of its action ended."""
    if state == StepState.DONE:
        return "passed", ""
    return (
        ("failed", "its log stands above")
        if state == StepState.FAILED
        else ("not checked", "what it checks was not built")
    )


def _readers(actions: Sequence[Action], wanted: Sequence[RequestedOutput]) -> dict[str, list[int]]:
    """The numbers of the steps that read each file of the workspace."""
    found: dict[str, list[int]] = {}
    for number, action in enumerate(actions):
        for name in {given.name for _, given in action.inputs if isinstance(given, Source)}:
            found.setdefault(name, []).append(number)
    for want in wanted:
        if isinstance(want.artifact, Source):
            found.setdefault(want.artifact.name, [])
    return found


def _users(needs: Sequence[Sequence[int]]) -> list[list[int]]:
    users: list[list[int]] = [[] for _ in needs]
    for step, need in enumerate(needs):
        for other in need:
            users[other].append(step)
    return users


def _table(lists: Sequence[Sequence[int]]) -> tuple[list[int], list[int]]:
    """Lists as (where each begins, all one after the other)."""
    begins, every = [0], list[int]()
    for one in lists:
        every += one
        begins.append(len(every))
    return begins, every


def _said(digest: Digest, executable: bool) -> tuple[str, str]:
    return str(digest), "x" if executable else ""


def source_row(digest: Digest, executable: bool) -> bytes:
    """What a source held, as a line."""
    return " ".join(_said(digest, executable)).encode()


def parse_digest(row: str) -> tuple[Digest, bool]:
    """What a source held, from its line."""
    text, _, executable = row.partition(" ")
    return Digest.parse(text), bool(executable)


def gate_of(said: Sequence[str]) -> GateRecord:
    """A gate from its five words."""
    label, gate, step, verdict, why = said
    return GateRecord(label, gate, int(step) if step else None, verdict, why)


def gate_words(rows: Iterable[GateRecord]) -> bytes:
    """Gates as a section."""
    return pack_strings(
        word
        for row in rows
        for word in (
            row.label,
            row.gate,
            "" if row.step is None else str(row.step),
            row.verdict,
            row.why,
        )
    )


def wanted_row(want: RequestedOutput, event: Built, node: Node) -> bytes:
    """An output that was asked for, and how it stands."""
    kind = "t" if isinstance(node, Tree) else "x" if node.executable else ""
    return pack_strings(
        (
            str(want.label),
            want.name,
            want.file,
            want.artifact.name,
            kind,
            event.path,
            str(event.digest),
            str(event.bytes),
            event.image,
        )
    )


def parse_output_row(row: bytes) -> tuple[Built, str, Node]:
    """The event that tells of an output, its name, and what it holds, from its row; the digest of a folder is its tree's."""
    label, name, file, _, kind, path, said, size, image = row.decode(
        "utf-8", "surrogateescape"
    ).split("\0")
    digest = Digest.parse(said)
    node = Tree(digest) if kind == "t" else File(digest, kind == "x")
    return Built(label, name, path, digest, int(size), image), file, node


def is_tree(artifact: Artifact) -> bool:
    """Whether an artifact is a folder that an action makes."""
    return isinstance(artifact, Output) and artifact.tree


def built_of(row: bytes) -> Built:
    """The event that tells of an output, from its row."""
    return parse_output_row(row)[0]
