"""Import an Agent of pymdp 0.0.7: arrays and parameters with the semantics of that version.

pymdp 1 ships a descendant, `pymdp.legacy`, which computes the information gain of each modality
separately and multiplies no likelihoods. With one modality it is the same agent; otherwise it
matches neither version and is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from agentc.importers.resolve import ModelSource
from agentc.ir.types import LEGACY, ModelError

WORDS = (
    "policy_len",
    "gamma",
    "alpha",
    "action_selection",
    "sampling_mode",
    "use_utility",
    "use_states_info_gain",
)
ROUNDS = {"dF": 1.0, "dF_tol": 0.001}
"""Parameters that end the fixed point, as the constructor sets them."""


def is_legacy(agent: Any) -> bool:
    """Return whether an Agent is of pymdp 0.0.7: it has a list of policies and inference_params."""
    return hasattr(agent, "inference_params") and isinstance(
        getattr(agent, "policies", None), list | np.ndarray
    )


def source_of(agent: Any) -> ModelSource:
    """Return the Agent's arrays and parameters; ModelError lists the unsupported features."""
    errors = list(_unsupported(agent))
    if errors:
        raise ModelError(errors)
    spec = {word: getattr(agent, word) for word in WORDS}
    spec |= {
        "semantics": LEGACY,
        "num_iter": int(agent.inference_params["num_iter"]),
        "num_controls": [int(n) for n in agent.num_controls],
        "gamma": float(agent.gamma),
        "alpha": float(agent.alpha),
    }
    C = [np.asarray(c, dtype=np.float64) for c in agent.C]
    return ModelSource(
        A=list(agent.A),
        B=list(agent.B),
        C=[c.T if c.ndim == 2 else c for c in C],
        D=list(agent.D),
        E=np.asarray(agent.E, dtype=np.float64),
        policies=np.array([np.asarray(p) for p in agent.policies], np.int32),
        spec=spec,
    )


def _unsupported(agent: Any) -> Iterator[str]:
    """Yield unsupported features. pA, pB and pD are supported: only use_param_info_gain reads
    them.
    """
    if agent.inference_algo != "VANILLA":
        yield (
            f"the Agent has inference_algo = {agent.inference_algo!r}: of pymdp 0.0.7 only "
            "'VANILLA' is compiled"
        )
    elif any(agent.inference_params.get(name) != value for name, value in ROUNDS.items()):
        yield (
            f"the Agent has inference_params = {agent.inference_params}: only num_iter may "
            "differ from the default"
        )
    if agent.use_param_info_gain:
        yield "the Agent has use_param_info_gain = True: that is not compiled"
    if agent.action is not None:
        yield "the Agent has acted already: return a new one, which begins with D"
    yield from _descendant(agent)


def _descendant(agent: Any) -> Iterator[str]:
    """Yield the features that only the Agent of pymdp.legacy has."""
    if getattr(agent, "sophisticated", False) or getattr(agent, "H", None) is not None:
        yield (
            "the Agent plans by sophisticated inference or towards H, which pymdp 0.0.7 does "
            "not have"
        )
    rows = getattr(agent, "A_factor_list", None)
    if rows is not None and (
        len(rows) > 1
        or [list(row) for row in agent.B_factor_list] != [[f] for f in range(len(agent.B))]
    ):
        yield (
            "this is the Agent of pymdp.legacy, which differs from both pymdp 0.0.7 and pymdp 1 "
            "with several modalities "
            "or dependent factors: build it with pymdp 0.0.7, or with pymdp.agent.Agent of pymdp 1"
        )
