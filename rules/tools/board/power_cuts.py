"""Power cuts during an update: the disk as each of them leaves it, and what a board does with it.

The writes of one board are recorded. A cut keeps a part of them (`board.write_log`). Then `e2fsck`
replays the journal and the board's own boardinit decides, in an emulator of its processor. Some of
the disks are booted as a whole, where the kernel replays the journal.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import struct
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from board import write_log
from board.errors import BoardError
from board.machine import Hardware, Machine, Software

POINTS, BOOTED = 200, 6
_DECISION = re.compile(r"boardinit: (starting|trying) slot ([ab]) sha256:([0-9a-f]{64})")
_STATE = struct.Struct("<8s8sQQ")  # magic, identity, size, steps; then the agents, then a checksum
_THREADS = 4
_MOST_STARTS = 4  # three starts of a trial, and the one after it


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the recording that begins at byte `start` of the log.

    A board that lost its power in it decides for one of `bundles`. Its state has at least `steps`
    steps, and `reason` is a part of the reason that it keeps.
    """

    start: int
    bundles: frozenset[str]
    steps: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Recording:
    """The disk before the board was switched on, its write log, and the phases in order.

    `rejected` is the bundle that is never more than tried.
    """

    disk: Path
    log: Path
    phases: tuple[Phase, ...]
    rejected: str


@dataclass(frozen=True, slots=True)
class Tools:
    """The boardinit of the board, and the command that runs a program of the board."""

    boardinit: Path
    run: tuple[str, ...]


class Tried(Protocol):
    """A board whose power is cut: see `board.trial.Board`."""

    @property
    def hardware(self) -> Hardware: ...
    @property
    def software(self) -> Software: ...
    @property
    def tools(self) -> Tools: ...
    @property
    def cuts(self) -> int: ...
    @property
    def booted(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Point:
    """A cut after `end` writes; with a seed, writes since the last flush are lost or torn."""

    end: int
    seed: int | None
    phase: Phase

    def __str__(self) -> str:
        lost = "" if self.seed is None else f", unflushed ones lost by seed {self.seed}"
        return f"after {self.end} writes{lost}"


@dataclass(frozen=True, slots=True)
class _Decision:
    """A decision of boardinit: a slot on trial or not, its bundle, and the reason that it keeps."""

    trial: bool
    slot: str
    bundle: str
    reason: str


def points(recording: Recording, writes: Sequence[write_log.Write], count: int) -> list[Point]:
    """Return `count` cuts after the first phase began, all of them different.

    At least a third has lost writes; the others are the whole order of the writes, evenly spread.
    """
    first = _phase_start(writes, recording.phases[0])
    whole = list(range(first, len(writes) + 1))
    exact = whole if len(whole) <= 2 * count // 3 else whole[:: -(-3 * len(whole) // (2 * count))]
    cuts = [Point(end, None, _phase(recording, writes, end)) for end in exact]
    loose = [end for end in whole if _loose(writes, end)]
    chance = random.Random(0)
    for seed in range(count - len(cuts)):
        end = chance.choice(loose)
        cuts.append(Point(end, seed, _phase(recording, writes, end)))
    return cuts


def _loose(writes: Sequence[write_log.Write], end: int) -> bool:
    return any(not write.flush for write in writes[write_log.durable_before(writes, end) : end])


def _phase_start(writes: Sequence[write_log.Write], phase: Phase) -> int:
    return sum(write.logged <= phase.start for write in writes)


def _phase(recording: Recording, writes: Sequence[write_log.Write], end: int) -> Phase:
    return [phase for phase in recording.phases if _phase_start(writes, phase) <= end][-1]


def check_decision(recording: Recording, point: Point, disk: Path, tools: Tools) -> None:
    """Let boardinit decide about a disk after a cut; BoardError unless it is as the phase says."""
    folder = disk.with_name("recovered")
    _read_disk(disk, folder)
    decisions = list(_decide(folder, tools))
    first, last = decisions[0], decisions[-1]
    if first.bundle != recording.rejected:
        _require(first.bundle in point.phase.bundles, point, f"bundle {first.bundle} starts")
        steps = _steps(folder / "state" / first.slot / "state")
        _require(steps >= point.phase.steps, point, f"the state has {steps} steps")
    _require(not last.trial and last.bundle != recording.rejected, point, "a trial never ends")
    _require(last.bundle in point.phase.bundles, point, f"bundle {last.bundle} starts at last")
    _require(point.phase.reason in last.reason, point, f"the reason is {last.reason!r}")
    if first.trial:
        _require("not healthy in 3 starts" in last.reason, point, f"the reason is {last.reason!r}")


def check_boot(point: Point, hardware: Hardware, software: Software) -> None:
    """Boot a disk after a cut; BoardError unless it becomes healthy as the phase says."""
    with Machine(hardware, software) as machine:
        machine.wait_for("boardinit: healthy", 300)
        status = machine.status()
        _require(status["bundle"] in point.phase.bundles, point, f"the board runs {status}")
        _require(status["steps"] >= point.phase.steps, point, f"the board runs {status}")
        machine.power_off()


def run(recording: Recording, board: Tried) -> None:
    """Cut the power of a board, and boot some of the disks; BoardError for the first that fails."""
    writes = write_log.read(recording.log)
    cuts = points(recording, writes, board.cuts)
    booted = set(cuts[:: max(1, len(cuts) // board.booted)][: board.booted] if board.booted else ())

    def check(number: int) -> None:
        point, folder = cuts[number], recording.disk.with_name(f"cut-{number}")
        folder.mkdir()
        disk = folder / "disk"
        shutil.copyfile(recording.disk, disk)
        write_log.replay(disk, write_log.cut(writes, point.end, point.seed))
        if point in booted:
            copy = folder / "booted"
            shutil.copyfile(disk, copy)
            check_boot(point, board.hardware, replace(board.software, disk=copy))
        check_decision(recording, point, disk, board.tools)
        shutil.rmtree(folder)

    # Most of the time is spent in waiting until the disk of this machine has been written.
    with ThreadPoolExecutor(_THREADS) as pool:
        for _ in pool.map(check, range(len(cuts))):
            pass


def _require(condition: bool, point: Point, what: str) -> None:
    if not condition:
        raise BoardError(f"power cut {point}: {what}")


def _read_disk(disk: Path, folder: Path) -> None:
    """Replay the journal, and copy all files of the partition to a folder."""
    done = _command(["e2fsck", "-fy", str(disk)])
    if done.returncode not in (0, 1):
        raise BoardError(f"e2fsck ended with {done.returncode}: {done.stdout[-400:]}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    _command(["debugfs", "-R", f"rdump / {folder}", str(disk)])


def _decide(folder: Path, tools: Tools) -> Iterator[_Decision]:
    """Start the board, each time without becoming healthy, until it has no trial left."""
    for _ in range(_MOST_STARTS):
        done = _command([*tools.run, str(tools.boardinit), "decide", str(folder)])
        match = _DECISION.search(done.stderr)
        if match is None:
            raise BoardError(f"boardinit decides nothing: {done.stderr.strip()}")
        _, _, reason = done.stderr.partition("last roll-back: ")
        bundle = folder / "slots" / f"sha256-{match[3]}.cpio"
        if sha256(bundle.read_bytes()).hexdigest() != match[3]:
            raise BoardError(f"boardinit starts a damaged bundle {match[3]}")
        yield _Decision(match[1] == "trying", match[2], match[3], reason.strip())
        if match[1] == "starting":
            return


def _steps(path: Path) -> int:
    """Return the number of steps in a state file whose checksum is right; -1 without a file."""
    if not path.exists():
        return -1
    content = path.read_bytes()
    value = 0xCBF29CE484222325
    for byte in content[:-8]:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    if content[-8:] != value.to_bytes(8, "little"):
        raise BoardError("the state file is damaged")
    return int(_STATE.unpack_from(content)[3])


def _command(words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    path = os.environ.get("PATH", "/usr/bin:/bin")
    env = {"PATH": f"{path}:/usr/sbin:/sbin", "LC_ALL": "C"}
    return subprocess.run(words, env=env, capture_output=True, text=True, errors="replace")
