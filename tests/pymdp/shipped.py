"""The shipped models over 3,072 steps: episodes of the reference, replayed by pymdp."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pytest
from agentc.ir import files as ir
from agentc.ir.files import Model
from agentc.proof.replay import Probe, load_probe

from tests.pymdp.oracle import F64, Replay, replay
from tests.support.native_agents import Compiled, emitted, example, probed
from tests.support.once import once

EPISODES, STEPS = 24, 128


@dataclass(frozen=True, slots=True, eq=False)
class Shipped:
    """A shipped model, its C, its probe set, and the beliefs of pymdp over that."""

    agent: Compiled
    theirs: Replay

    @property
    def model(self) -> Model:
        """The model as imported."""
        return ir.load(self.agent.folder / "ir")

    @property
    def probe(self) -> Probe:
        """Episodes of the reference: EPISODES of STEPS steps."""
        return load_probe(self.agent.folder / "probe")

    def energy(self, name: str) -> F64:
        """`vfe` or `efe` of the reference by step, (episodes, steps)."""
        return np.fromfile(self.agent.folder / f"probe/{name}.f64").reshape(EPISODES, STEPS)


def shipped(name: str, factory: pytest.TempPathFactory) -> Shipped:
    """Return one of the shipped models; its episodes are made once a session."""
    folder = once(factory, f"shipped-{name}", lambda folder: _make(name, folder))
    with np.load(folder / "theirs.npz") as arrays:
        theirs = Replay(*(arrays[field.name] for field in fields(Replay)))
    return Shipped(Compiled("agent", folder / "agent"), theirs)


def _make(name: str, folder: Path) -> None:
    model = example(name, folder)
    agent = emitted(model, "agent", folder / "agent")
    probed(agent, EPISODES, STEPS)
    probe = load_probe(agent.folder / "probe")
    theirs = replay(model, probe.obs, probe.executed)
    arrays = {field.name: getattr(theirs, field.name) for field in fields(Replay)}
    np.savez(folder / "theirs.npz", **arrays)
