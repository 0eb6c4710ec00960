"""Advice on the backend of an agent from a static cost model; nothing is timed.

Native is advised if it supports the agent and its step needs fewer multiplications. The cost of
native is that of its plan. The cost of python is that of the model as written, plus CALL for
entering the jitted step. If policies are evaluated at every k-th step, a step costs the k-th part.
"""

from __future__ import annotations

from typing import Any

from agentc.ir.types import Model, ModelError
from agentc.plan import build as plan
from agentc.plan.cost_model import as_planned, as_written

CALL = 100_000
"""Multiplications during one call of a jitted step: 0.1 ms at one a nanosecond."""


def advise(model: Model) -> dict[str, Any]:
    """Return runtime.json: advised backend, features that native lacks, cost on each or None."""
    refused: list[str] = []
    native: int | None = None
    try:
        native = as_planned(plan.build(model)) // model.plan_every
    except ModelError as error:
        refused = list(error.errors)
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
