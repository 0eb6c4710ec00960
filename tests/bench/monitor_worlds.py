"""A program with a monitor in the world of its agent's model: tables, and monitor_driver.c."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import record_nominal
from agentc.codegen.tables import sizes, table
from agentc.ir.types import F64, Model

from tests.support.native_agents import (
    EXAMPLE_NAMES,
    Compiled,
    emitted,
    example,
    main_text,
    make,
    probed,
)

FAILURES = (
    "stuck",
    "dropped out",
    "flipped",
    "offset",
    "swapped",
    "noisy",
    "intermittent",
    "delayed",
    "drifted A",
    "drifted B",
    "another action executed",
    "late action",
)
"""Failures of monitor_driver.c, from number 1 on."""
FLAGS = ("-O2", "-std=gnu11", "-ffp-contract=off", "-fno-strict-aliasing", "-w", "-D_GNU_SOURCE")


@dataclass(frozen=True)
class Outcome:
    """Steps to the alarm of each run (-1: none), alarms without a failure, and seconds of CPU."""

    delays: list[int]
    early: int
    seconds: float


@dataclass(frozen=True)
class World:
    """A compiled driver, and the steps after which its world is reset (0: never)."""

    driver: Path
    episode: int
    modalities: int

    def run(self, runs: int, steps: int, **words: Any) -> Outcome:
        """Step `runs` times; `failure` (from 1 on) begins at step `onset`; `trace` gets p(o)."""
        argv = [runs, steps, self.episode, words.get("seed", 1), words.get("failure", 0)]
        argv += [words.get("onset", 0), words.get("trace", "-")]
        done = subprocess.run(
            [str(self.driver), *map(str, argv)], capture_output=True, check=True, text=True
        )
        return Outcome(**json.loads(done.stdout))


def rover(size: int = 8) -> Model:
    """Walk on a ring that slips, seen by two noisy sensors: the place, and a beacon."""
    shifts = [np.roll(np.eye(size), k, axis=0) for k in (-1, 0, 1)]
    slipping = [0.9 * step + 0.05 * shifts[0] + 0.05 * shifts[2] for step in shifts]
    beacon = np.where(np.arange(size) < size // 2, 0.9, 0.1)
    return make(
        [0.85 * np.eye(size) + 0.15 / size, np.stack([beacon, 1.0 - beacon])],
        [np.stack(slipping, axis=2)],
        [(0,), (0,)],
        (3,),
        C=(np.cos(np.arange(size) * 2 * np.pi / size), np.zeros(2)),
        action_selection="stochastic",
        policy_len=2,
    )


def model_of(name: str, folder: Path) -> Model:
    """A shipped example, or the rover."""
    return example(name, folder) if name in EXAMPLE_NAMES else rover()


def recorded(agent: Compiled) -> str:
    """Record the nominal model of an agent; return the path of monitor.json."""
    probed(agent, episodes=4, steps=16)
    out = agent.path("monitor.json")
    argv = ["--ir", agent.path("ir"), "--plan", agent.path("plan"), "--probe", agent.path("probe")]
    assert record_nominal.main([*argv, "--out", out]) == 0
    return out


def world(name: str, folder: Path, *words: str, flags: Sequence[str] = FLAGS) -> World:
    """Compile the driver of a model with gcc; `words` are options of emit_program."""
    folder.mkdir(parents=True, exist_ok=True)
    model = model_of(name, folder)
    agent = emitted(model, name, folder / "agent")
    monitor = ("--monitor", f"{name}={recorded(agent)}")
    main = main_text([agent], folder / "main", (), *monitor, *words)
    (folder / "world.h").write_text("\n".join(_tables(model)))
    driver = folder / "driver"
    macros = [f'-DMAIN_FILE="{main}"', f'-DWORLD_FILE="{folder / "world.h"}"']
    source = str(Path(__file__).with_name("monitor_driver.c"))
    objects = str(folder / "agent.o")
    subprocess.run(["gcc", *flags, "-c", agent.path("agent.c"), "-o", objects], check=True)
    subprocess.run(["gcc", *flags, *macros, source, objects, "-o", str(driver)], check=True)
    return World(driver, 0 if name in ("rover", "grid_world") else 32, len(model.num_obs))


def _tables(model: Model) -> Iterator[str]:
    """Generate cumulative columns: A by joint parents, B by joint parents and actions, and D."""
    column = {c: i for i, c in enumerate(model.control_factors)}
    yield f"enum {{ FACTORS = {len(model.num_states)} }};"
    yield sizes("states_of", list(model.num_states))
    yield sizes("outcomes_of", list(model.num_obs))
    for f, (d, b) in enumerate(zip(model.D, model.B, strict=True)):
        yield table(f"D_{f}", np.cumsum(d))
        yield table(f"B_{f}", _cumulative(b))
        yield sizes(f"reads_{f}", [*model.B_dependencies[f], -1])
        controls = [
            number
            for c in model.B_action_dependencies[f]
            for number in (column.get(c, 0), model.num_controls[c])
        ]
        yield sizes(f"controls_{f}", [*controls, -1])
    for m, a in enumerate(model.A):
        yield table(f"A_{m}", _cumulative(a))
        yield sizes(f"parents_{m}", [*model.A_dependencies[m], -1])
    for kind, name, count in (
        ("f64", "D", len(model.D)),
        ("f64", "B", len(model.B)),
        ("f64", "A", len(model.A)),
        ("i32", "reads", len(model.B)),
        ("i32", "controls", len(model.B)),
        ("i32", "parents", len(model.A)),
    ):
        listed = ", ".join(f"{name}_{k}" for k in range(count))
        full = f"world_{name}" if kind == "f64" else f"{name}_of"
        yield f"static const {kind} *const {full}[] = {{{listed}}};"


def _cumulative(array: F64) -> F64:
    return np.moveaxis(np.cumsum(array, axis=0), 0, -1).reshape(-1)
