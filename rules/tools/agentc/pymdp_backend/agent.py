"""A model as an Agent of pymdp 1.0.4, and what of a model the `python` backend cannot run.

One door to pymdp for the tools: arrays get pymdp's batch axis of one by its own constructor.
"""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from agentc.ir.types import I32, Model, ModelFault
from pymdp.agent import Agent
from pymdp.inference import SEQUENCE_METHODS, SMOOTHING_METHODS

atexit.register(
    gc.callbacks.clear
)  # jax's prints a traceback when the interpreter has taken its modules apart


def refusals(model: Model) -> list[str]:
    """Every reason why pymdp, stepped one observation at a time, cannot be this agent."""
    return [*_learning(model), *_inference(model)]


def _learning(model: Model) -> Iterator[str]:
    for letter in "CDE":
        if getattr(model, f"learn_{letter}"):
            yield f"learn_{letter} = true: pymdp 1.0.4 has the word and no code for it"
    if (model.learn_A or model.learn_B) and model.learning_mode != "online":
        yield (
            f"learning_mode = {model.learning_mode!r}: pymdp learns then from whole episodes, which a device that is "
            "never at the end of one does not have"
        )


def _inference(model: Model) -> Iterator[str]:
    if model.legacy:
        yield f"semantics = {model.semantics!r}: pymdp 1.0.4 has no such agent"
    if model.utility_only:
        yield (
            f"utility_only = {list(model.utility_only)}: pymdp 1.0.4 counts the information gain of every modality "
            "(observed rewards of a .pomdp: rewards = { information_gain = true })"
        )
    if model.categorical_obs:
        yield "categorical_obs = true: a program is told which observation was made, not how likely each was"
    if windowed(model) and model.inference_horizon is None:
        yield (
            f"inference_algo = {model.inference_algo!r} looks back over the steps before: say over how many by "
            "inference_horizon, or its memory and its step grow without end"
        )
    for f, parents in enumerate(model.B_dependencies):
        if f not in parents:
            yield f"B{f} does not depend on its own factor (B_dependencies[{f}] = {list(parents)}): pymdp refuses that"
    if not _simple(model) and model.policies_kind != "full":
        yield "pymdp 1.0.4 takes listed policies only where every factor has one control of its own"


def windowed(model: Model) -> bool:
    """Whether a step looks at a window of observations and actions, as in pymdp's own `rollout`."""
    learns = model.learn_A or model.learn_B
    return model.inference_algo in SEQUENCE_METHODS or (
        model.inference_algo in SMOOTHING_METHODS and learns
    )


def _simple(model: Model) -> bool:
    return model.B_action_dependencies == tuple((f,) for f in range(len(model.num_states)))


def build(model: Model) -> Any:
    """The Agent, its arrays in jax's precision of the moment; ModelFault when pymdp itself refuses."""
    faults = refusals(model)
    if faults:
        raise ModelFault(faults)
    wide = np.zeros((model.num_policies, model.policy_len, len(model.num_controls)), np.int32)
    wide[:, :, list(model.control_factors)] = model.policies
    structure: dict[str, Any] = (
        {"policies": jnp.array(wide)}
        if _simple(model)
        else {
            "B_action_dependencies": [list(row) for row in model.B_action_dependencies],
            "num_controls": list(model.num_controls),
        }
    )
    words = {
        name: getattr(model, name)
        for name in (
            "policy_len",
            "gamma",
            "alpha",
            "num_iter",
            "inference_algo",
            "inference_horizon",
            "action_selection",
            "sampling_mode",
            "use_utility",
            "use_states_info_gain",
            "use_param_info_gain",
            "use_inductive",
            "inductive_epsilon",
            "learn_A",
            "learn_B",
        )
    }
    try:
        return Agent(
            A=_arrays(model.A),
            B=_arrays(model.B),
            C=_arrays(model.C),
            D=_arrays(model.D),
            E=None if model.E is None else jnp.array(model.E),
            pA=_arrays(model.pA) or None,
            pB=_arrays(model.pB) or None,
            I=[array[None] for array in _arrays(model.I)] or None,
            A_dependencies=[list(row) for row in model.A_dependencies],
            B_dependencies=[list(row) for row in model.B_dependencies],
            **structure,
            **words,
        )
    except (AssertionError, ValueError, TypeError, NotImplementedError) as fault:
        raise ModelFault([f"pymdp 1.0.4 refuses this agent: {fault}"]) from fault


def _arrays(arrays: tuple[Any, ...]) -> list[Any]:
    return [jnp.array(array) for array in arrays]


def multi_action(agent: Any, model: Model, chosen: I32) -> I32:
    """Actions (steps, control factors) as the columns (steps, factors) that pymdp wants."""
    wide = np.zeros((len(chosen), len(model.num_controls)), np.int32)
    wide[:, list(model.control_factors)] = chosen
    found = [np.asarray(agent.encode_multi_actions(jnp.array(row[None])))[0] for row in wide]
    return np.array(found, dtype=np.int32)


def control_values(agent: Any, model: Model, action: I32) -> I32:
    """pymdp's columns (steps, factors) as actions (steps, control factors): what `multi_action` undoes."""
    found = [np.asarray(agent.decode_multi_actions(jnp.array(row[None])))[0] for row in action]
    return np.array(found, dtype=np.int32)[:, list(model.control_factors)]


def precision(double: bool) -> None:
    """Let jax compute in float64 (the reference) or float32 (what a device runs)."""
    jax.config.update("jax_enable_x64", double)  # type: ignore[no-untyped-call]
