"""What lossy code lost at each step of two probe sets, as a folder; apart from any limits.

`probe` is the model's own set, `trial` many short episodes, in which shares of episodes are counted.
"""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from fidelity import Findings, Limits
from ir import canonical_json

SETS = ("probe", "trial")
COLUMNS = {"kl": "<f8", "regret": "<f8", "same": "|b1"}
FACTS = ("episodes", "kinds", "seed", "transitions", "transitions_used")


def save(found: Findings, facts: Any, folder: Path) -> None:
    """Write the findings on one set, by step, and where they come from."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, kind in COLUMNS.items():
        (folder / name).write_bytes(np.asarray(getattr(found, name)).astype(kind).tobytes())
    (folder / "facts.json").write_bytes(canonical_json({name: facts[name] for name in FACTS}))


def load(folder: Path, limits: Limits) -> tuple[Findings, dict[str, Any]]:
    """Read what `save` wrote, to be held against limits."""
    columns = {name: np.frombuffer((folder / name).read_bytes(), kind) for name, kind in COLUMNS.items()}
    return Findings(**columns, limits=limits), json.loads((folder / "facts.json").read_bytes())
