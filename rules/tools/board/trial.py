"""The trial of a board: it boots an image, steps the agents, updates it, undoes a bad update, loses
its power, and ends.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

from board import power_cuts
from board.bundle import Bundle, Image, pack
from board.errors import BoardError
from board.machine import Hardware, Machine, Software
from readiness.evidence import Check, Json

STEPS = 3
OPTIONS = ("trial=1", "wait=120")
"""Options of boardinit: seconds of health that make an update good, and of patience."""
_RESTART = "boardinit: restarting the program: "
CHECKS = (
    "boots",
    "healthy",
    "steps",
    "update",
    "roll back",
    "restart",
    "roll back is readable",
    "stops",
    "power cuts",
)
_HOW = {
    "boots": "the kernel starts boardinit, which starts the program in the root of the image",
    "healthy": "the health check of the image, as its user",
    "steps": "answers to requests at the step device",
    "update": "another bundle arrives, is healthy and becomes the active slot; the state is kept",
    "roll back": "a bundle whose program ends at once arrives and is undone",
    "restart": "the machine is killed; the next start has all answered steps",
    "roll back is readable": "the boot record after the restart",
    "stops": "boardinit stops the program with SIGTERM and switches the board off",
    "power cuts": "the recorded writes of update and roll-back, cut off at each point, some lost "
    "or torn; e2fsck and boardinit on every disk, a whole start on some",
}


@dataclass(frozen=True)
class Board:
    """A board on trial: hardware, software, image, a request, and the names in its answer.

    `tools` decide about the disk after each of `cuts` power cuts; `booted` of them are booted.
    """

    hardware: Hardware
    software: Software
    image: Image
    request: str
    names: tuple[str, ...]
    tools: power_cuts.Tools
    cuts: int = power_cuts.POINTS
    booted: int = power_cuts.BOOTED


@dataclass
class Trial:
    """A trial. `checks` are those that were reached, the last one may have failed."""

    board: Board
    checks: list[Check] = field(default_factory=list)
    steps: int = 0
    phases: list[power_cuts.Phase] = field(default_factory=list)

    def run(self) -> list[Check]:
        """Return a check for each of CHECKS; those after a failed one are not checked."""
        try:
            shutil.copyfile(self.board.software.disk, self._beside("new"))
            with Machine(self.board.hardware, self.board.software, self._beside("log")) as machine:
                self._first_start(machine)
            with Machine(self.board.hardware, self.board.software) as machine:
                self._second_start(machine)
            self._cut_power()
        except BoardError as error:
            self._failed(str(error))
        reached = len(self.checks)
        for name in CHECKS[reached:]:
            why = f"the check {self.checks[-1].name!r} failed"
            self.checks.append(Check(name, "not checked", _HOW[name], self._on, why=why))
        return self.checks

    def _first_start(self, machine: Machine) -> None:
        machine.wait_for("boardinit: starting slot a", 300)
        self._passed()
        machine.wait_for("boardinit: healthy", unless=_RESTART)
        self._passed()
        self._step(machine, STEPS)
        self._passed(self.steps, "answers")
        first, second = pack(self.board.image), pack(self.board.image, "the same image again")
        self._begin_phase(first, second)
        machine.update(second)
        machine.wait_for("boardinit: committed slot b", 180, unless="boardinit: rolled back: ")
        self._begin_phase(second)
        self._step(machine, 1)
        self._require_steps(machine, "b")
        self._passed(machine.status()["state"])
        machine.update(bad_bundle(self.board.image))
        reason = machine.wait_for("boardinit: rolled back: ", 180)
        self._begin_phase(second, reason=reason)
        machine.wait_for("boardinit: healthy")
        self._step(machine, 1)
        self._require_steps(machine, "b")
        self._passed(reason)

    def _second_start(self, machine: Machine) -> None:
        machine.wait_for("boardinit: starting slot b", 300)
        machine.wait_for("boardinit: healthy")
        self._require_steps(machine, "b")
        self._passed(self.steps, "steps in the state")
        reason = machine.status()["reason"]
        if reason != self.checks[CHECKS.index("roll back")].measured:
            raise BoardError(f"the reason that the board keeps is {reason!r}")
        self._passed(reason)
        machine.power_off()
        if "boardinit: stopped: the program ended with 0" not in machine.console:
            raise BoardError("the program did not end with 0 after SIGTERM")
        self._passed(0, "exit code of the program")

    def _cut_power(self) -> None:
        recording = power_cuts.Recording(
            self._beside("new"),
            self._beside("log"),
            tuple(self.phases),
            bad_bundle(self.board.image).digest,
        )
        power_cuts.run(recording, self.board)
        self._passed({"points": self.board.cuts, "booted": self.board.booted})

    def _begin_phase(self, *bundles: Bundle, reason: str = "") -> None:
        start = self._beside("log").stat().st_size
        digests = frozenset(bundle.digest for bundle in bundles)
        self.phases.append(power_cuts.Phase(start, digests, self.steps, reason))

    def _beside(self, name: str) -> Path:
        return self.board.software.disk.with_name(name)

    def _step(self, machine: Machine, count: int) -> None:
        for _ in range(count):
            answer = machine.step(self.board.request)
            missing = [name for name in self.board.names if name not in answer]
            if missing:
                raise BoardError(f"the answer has no {', '.join(missing)}: {answer}")
            self.steps += 1

    def _require_steps(self, machine: Machine, slot: str) -> None:
        status = machine.status()
        if (status["slot"], status["steps"]) != (slot, self.steps):
            raise BoardError(
                f"slot {status['slot']} has {status['steps']} steps in its state, and slot {slot} "
                f"should have {self.steps}; the console: {machine.console[-800:]}"
            )

    def _passed(self, measured: Json = None, unit: str = "") -> None:
        name = CHECKS[len(self.checks)]
        self.checks.append(Check(name, "passed", _HOW[name], self._on, measured, unit=unit))

    def _failed(self, why: str) -> None:
        name = CHECKS[len(self.checks)]
        self.checks.append(Check(name, "failed", _HOW[name], self._on, why=why, key="boot"))

    @property
    def _on(self) -> str:
        hardware = self.board.hardware
        return f"an emulated board: {hardware.cpu}, {hardware.memory >> 20} MiB"


def bad_bundle(image: Image) -> Bundle:
    """Return a bundle whose program ends at once, because it does not know an option."""
    process = {**image.config["config"], "Cmd": ["--not-an-option"]}
    return pack(replace(image, config={**image.config, "config": process}), "a bad update")
