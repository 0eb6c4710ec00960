"""What lossy code lost at each step of two probe sets, as a folder; apart from any limits.

`probe` is the model's own set, `trial` many short episodes, in which shares of episodes are counted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from agentc.ir.files import canonical_json
from agentc.proof.fidelity import Findings, Limits
from agentc.proof.replay import Probe

COLUMNS = {"kl": "<f8", "regret": "<f8", "same": "|b1"}


def joined(parts: Sequence[Probe]) -> Probe:
    """The episodes of several probes of one agent, one after the other; of their facts how many, and steps of each."""
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


def save(found: Findings, facts: Mapping[str, Any], folder: Path) -> None:
    """Write the findings on one set, by step, and what is known of the set."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, kind in COLUMNS.items():
        (folder / name).write_bytes(np.asarray(getattr(found, name)).astype(kind).tobytes())
    (folder / "facts.json").write_bytes(canonical_json(facts))


def load(folder: Path, limits: Limits) -> tuple[Findings, dict[str, Any]]:
    """Read what `save` wrote, to be held against limits."""
    columns = {
        name: np.frombuffer((folder / name).read_bytes(), kind) for name, kind in COLUMNS.items()
    }
    return Findings(**columns, limits=limits), json.loads((folder / "facts.json").read_bytes())
