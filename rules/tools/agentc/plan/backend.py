"""Action `choose_runtime`: which backend suits an agent, and why; nothing is timed.

    select_backend.py --ir DIR --out runtime.json

Native where it covers the agent and its step costs less by a static model, in multiplications: of native those of its
plan; of python those of the model as written, and CALL for entering the jitted step (cost_model.py says what is counted).
Where policies are judged at every k-th step only, a step is taken to cost the k-th part.
"""

from __future__ import annotations

from typing import Any

from agentc.ir.types import Model, ModelFault
from agentc.plan import build as plan
from agentc.plan.cost_model import as_planned, as_written

CALL = 100_000
"""Multiplications in the time of one call of a jitted step: 0.1 ms at one a nanosecond."""


def choice(model: Model) -> dict[str, Any]:
    """What runtime.json holds: the backend, what native refuses, the cost of a step on each (None: it has none)."""
    refused: list[str] = []
    native: int | None = None
    try:
        native = as_planned(plan.build(model)) // model.plan_every
    except ModelFault as fault:
        refused = list(fault.faults)
    python = (
        None if model.legacy or model.utility_only else as_written(model) // model.plan_every + CALL
    )
    suits = "native" if python is None or (native is not None and native <= python) else "python"
    return {
        "schema": 1,
        "runtime": suits,
        "refused_by_native": refused,
        "multiplications": {"native": native, "python": python},
    }
