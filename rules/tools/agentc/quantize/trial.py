"""Findings of quantized code on two probe sets, as files. They do not depend on any limit.

`probe` is the model's own set. `trial` has many short episodes, whose share of successes is
counted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from agentc.ir.files import canonical_json
from agentc.proof.fidelity import FidelityLimits, FidelityResult
from agentc.proof.replay import Probe

COLUMNS = {"kl": "<f8", "regret": "<f8", "same": "|b1"}


def concatenate(parts: Sequence[Probe]) -> Probe:
    """Concatenate the episodes of several probes of one agent."""
    arrays = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("obs", "action", "executed", "qs", "regret")
    }
    drawn = [part.q_pi for part in parts if part.q_pi is not None]
    facts = {
        "episodes": sum(part.facts["episodes"] for part in parts),
        "steps": parts[0].facts["steps"],
    }
    return replace(parts[0], **arrays, facts=facts, q_pi=np.concatenate(drawn) if drawn else None)


def save(result: FidelityResult, facts: Mapping[str, Any], folder: Path) -> None:
    """Write the findings by step and the facts of one set."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, kind in COLUMNS.items():
        (folder / name).write_bytes(np.asarray(getattr(result, name)).astype(kind).tobytes())
    (folder / "facts.json").write_bytes(canonical_json(facts))


def load(folder: Path, limits: FidelityLimits) -> tuple[FidelityResult, dict[str, Any]]:
    """Read the findings of `save` with limits."""
    columns = {
        name: np.frombuffer((folder / name).read_bytes(), kind) for name, kind in COLUMNS.items()
    }
    return FidelityResult(**columns, limits=limits), json.loads(
        (folder / "facts.json").read_bytes()
    )
