"""Build pymdp 1.0.4 Agents from models; the only module that builds them."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from agentc.ir.types import I32, Model, ModelError
from pymdp.agent import Agent
from pymdp.inference import SEQUENCE_METHODS, SMOOTHING_METHODS

atexit.register(gc.callbacks.clear)  # jax's callback prints a traceback at interpreter shutdown


PARAMETERS = (
    *("policy_len", "gamma", "alpha", "num_iter", "inference_algo", "inference_horizon"),
    *("action_selection", "sampling_mode", "use_utility", "use_states_info_gain"),
    *("use_param_info_gain", "use_inductive", "inductive_epsilon", "learn_A", "learn_B"),
)
"""Parameters of a model that the constructor of an Agent accepts under the same name."""


def refusals(model: Model) -> list[str]:
    """Return every reason why pymdp cannot step this agent one observation at a time."""
    return [*_learning(model), *_inference(model)]


def _learning(model: Model) -> Iterator[str]:
    for letter in "CDE":
        if getattr(model, f"learn_{letter}"):
            yield f"learn_{letter} = true: pymdp 1.0.4 accepts it but does not implement it"
    if (model.learn_A or model.learn_B) and model.learning_mode != "online":
        yield (
            f"learning_mode = {model.learning_mode!r}: pymdp then learns from whole episodes, "
            "but a device is "
            "never at the end of one"
        )


def _inference(model: Model) -> Iterator[str]:
    if model.legacy:
        yield f"semantics = {model.semantics!r}: pymdp 1.0.4 has no such agent"
    if model.utility_only:
        yield (
            f"utility_only = {list(model.utility_only)}: pymdp 1.0.4 counts the information gain "
            "of every modality "
            "(observed rewards of a .pomdp: rewards = { information_gain = true })"
        )
    if model.categorical_obs:
        yield (
            "categorical_obs = true: a program gets the index of each observation, not a "
            "distribution"
        )
    if uses_window(model) and model.inference_horizon is None:
        yield (
            f"inference_algo = {model.inference_algo!r} looks back over the steps before: set "
            "their number by "
            "inference_horizon, or its memory and its step grow without end"
        )
    for f, parents in enumerate(model.B_dependencies):
        if f not in parents:
            yield (
                f"B{f} does not depend on its own factor (B_dependencies[{f}] = "
                f"{list(parents)}): pymdp refuses that"
            )
    if not _simple(model) and model.policies_kind != "full":
        yield "pymdp 1.0.4 supports listed policies only if every factor has one control of its own"


def uses_window(model: Model) -> bool:
    """Return whether a step reads a window of observations and actions, as in pymdp's `rollout`."""
    learns = model.learn_A or model.learn_B
    return model.inference_algo in SEQUENCE_METHODS or (
        model.inference_algo in SMOOTHING_METHODS and learns
    )


def _simple(model: Model) -> bool:
    return model.B_action_dependencies == tuple((f,) for f in range(len(model.num_states)))


def build(model: Model) -> Any:
    """Build the Agent in jax's current precision; ModelError if pymdp refuses it."""
    errors = refusals(model)
    if errors:
        raise ModelError(errors)
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
    words = {name: getattr(model, name) for name in PARAMETERS}
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
    except (AssertionError, ValueError, TypeError, NotImplementedError) as error:
        raise ModelError([f"pymdp 1.0.4 refuses this agent: {error}"]) from error


def _arrays(arrays: tuple[Any, ...]) -> list[Any]:
    return [jnp.array(array) for array in arrays]


def multi_action(agent: Any, model: Model, chosen: I32) -> I32:
    """Convert actions (steps, control factors) to pymdp's columns (steps, factors)."""
    wide = np.zeros((len(chosen), len(model.num_controls)), np.int32)
    wide[:, list(model.control_factors)] = chosen
    encoded = [np.asarray(agent.encode_multi_actions(jnp.array(row[None])))[0] for row in wide]
    return np.array(encoded, dtype=np.int32)


def control_values(agent: Any, model: Model, action: I32) -> I32:
    """Convert pymdp's columns (steps, factors) to actions (steps, control factors)."""
    decoded = [np.asarray(agent.decode_multi_actions(jnp.array(row[None])))[0] for row in action]
    return np.array(decoded, dtype=np.int32)[:, list(model.control_factors)]


def set_precision(double: bool) -> None:
    """Set jax's precision: float64 for the reference, float32 for devices."""
    jax.config.update("jax_enable_x64", double)  # type: ignore[no-untyped-call]
