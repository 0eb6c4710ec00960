"""Probe files, and the replay protocol: int32 records in, one reply of fixed size for each step."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from agentc.ir.files import F64, I32
from numpy.typing import NDArray

GOLDEN_STEPS = 32
"""Steps that a program keeps for --selftest."""


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """Steps of the reference (episodes, steps, ..): `action` is its choice, `executed` the executed
    one.

    `regret` is by joint first action, row-major. `q_pi` (.., policies) exists if actions are
    sampled. If plans are kept, `regret` is by policy and `plans` (policies, steps of a plan,
    controls) are the actions that must follow.
    """

    obs: I32
    action: I32
    executed: I32
    qs: F64
    regret: F64
    facts: Mapping[str, Any]
    q_pi: F64 | None = None
    plans: I32 | None = None

    def records(self) -> I32:
        """Return replay records (steps, 1 + modalities + controls): reset, observation, executed
        action.
        """
        episodes, steps = self.obs.shape[:2]
        start = np.zeros((episodes, steps, 1), np.int32)
        start[:, 0] = 1
        rows = np.concatenate([start, self.obs, self.executed], axis=2)
        return np.ascontiguousarray(rows.reshape(episodes * steps, -1), dtype="<i4")


@dataclass(frozen=True, slots=True, eq=False)
class Replies:
    """Replies by step: q (steps, states), q_pi (steps, policies), action, policy."""

    qs: NDArray[np.float32]
    q_pi: NDArray[np.float32]
    action: I32
    policy: I32


@dataclass(frozen=True, slots=True, eq=False)
class Energies:
    """Energies of the reference by (episode, step) in nats: variational, expected (of the chosen
    policy), and the entropy of the posterior over policies.
    """

    vfe: F64
    efe: F64
    policy_entropy: F64


def load_energies(folder: Path) -> Energies:
    """Read the energies of a folder that make_probe.py wrote."""
    facts = json.loads((folder / "probe.json").read_bytes())
    vfe, neg_efe, entropy = (
        np.frombuffer((folder / name).read_bytes(), "<f8").reshape(
            facts["episodes"], facts["steps"]
        )
        for name in ("vfe.f64", "efe.f64", "entropy.f64")
    )
    return Energies(vfe, 0.0 - neg_efe, entropy)


def load_probe(folder: Path) -> Probe:
    """Read a folder that make_probe.py wrote."""
    facts = json.loads((folder / "probe.json").read_bytes())
    lead = (facts["episodes"], facts["steps"])

    def read(name: str, dtype: str) -> NDArray[Any]:
        return np.frombuffer((folder / name).read_bytes(), dtype=dtype).reshape(*lead, -1)

    controls = (*lead, facts["controls"])
    action, executed = (
        np.frombuffer((folder / name).read_bytes(), dtype="<i4").reshape(controls)
        for name in ("action.i32", "executed.i32")
    )
    return Probe(
        read("obs.i32", "<i4"),
        action,
        executed,
        read("qs.f64", "<f8"),
        read("regret.f64", "<f8"),
        facts,
        read("q_pi.f64", "<f8") if facts["draws"] else None,
        _plans(folder, facts),
    )


def _plans(folder: Path, facts: Mapping[str, Any]) -> I32 | None:
    if "plan_every" not in facts:
        return None
    plans: I32 = np.frombuffer((folder / "plans.i32").read_bytes(), "<i4")
    return plans.reshape(-1, facts["plan_every"], facts["controls"])


def width(interface: Mapping[str, Any]) -> int:
    """Return the bytes of one reply."""
    states, controls = sum(interface["num_states"]), len(interface["num_controls"])
    return 4 * (int(states) + int(interface["n_policies"]) + controls + 1)


def parse(data: bytes, interface: Mapping[str, Any]) -> Replies:
    """Parse the output of `--replay`."""
    states, policies = sum(interface["num_states"]), int(interface["n_policies"])
    controls = len(interface["num_controls"])
    words = np.frombuffer(data, dtype="<u4").reshape(-1, states + policies + controls + 1)
    numbers = words.astype(np.uint32, copy=False)
    plausible, action = numbers[:, states : states + policies], numbers[:, states + policies : -1]
    return Replies(
        numbers[:, :states].copy().view(np.float32),
        plausible.copy().view(np.float32),
        action.copy().view(np.int32),
        numbers[:, -1].copy().view(np.int32),
    )


def bits(data: bytes) -> str:
    """Return the identity of a program's behaviour: SHA-256 of its `--replay` output."""
    return hashlib.sha256(data).hexdigest()


def golden_hash(data: bytes) -> str:
    """Return 64-bit FNV-1a in hex, as in native/program.h."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"
