"""What the native compiler covers; everything else is refused by name and place, all of it at once."""
from __future__ import annotations

from collections.abc import Iterator

from ir import SEMANTICS, Model

MAX_COLUMN_STATES = 1 << 26
"""Predicted beliefs held at once, in states x nodes: 256 MB of float32."""
MAX_DRAWN = 1 << 16


def refusals(model: Model) -> list[str]:
    """Every reason why this model cannot be compiled, each naming the feature and where it stands."""
    return [*_features(model), *_structure(model)]


def _features(model: Model) -> Iterator[str]:
    if model.semantics != SEMANTICS:
        yield f"semantics = {model.semantics!r}: native compiles {SEMANTICS!r} only"
    exact = model.inference_algo == "exact" and len(model.num_states) == 1
    if model.inference_algo not in ("fpi", "ovf") and not exact:
        yield f"inference_algo = {model.inference_algo!r}: native has fixed-point iteration ('fpi') only"
    if model.action_selection == "stochastic" and model.num_policies > MAX_DRAWN:
        yield (f"action_selection = 'stochastic' with {model.num_policies} policies: the proof compares the posterior "
               f"of each, of at most {MAX_DRAWN}")
    for name in ("learn_A", "learn_B", "learn_C", "learn_D", "learn_E"):
        if getattr(model, name):
            yield f"{name} = true: native agents do not learn, their matrices are compiled in"
    for name in ("use_param_info_gain", "categorical_obs"):
        if getattr(model, name):
            yield f"{name} = true: not in the native subset"
    if model.num_iter < 1:
        yield f"num_iter = {model.num_iter}: at least one iteration is needed"


def _structure(model: Model) -> Iterator[str]:
    for f, parents in enumerate(model.B_dependencies):
        if f not in parents:
            yield (f"B{f} does not depend on its own factor (B_dependencies[{f}] = {list(parents)}): pymdp refuses "
                   "such a model, too")
    if model.sampling_mode == "marginal":
        for f, controls in enumerate(model.B_action_dependencies):
            if list(controls) != [f]:
                yield (f"sampling_mode = 'marginal' with B_action_dependencies[{f}] = {list(controls)}: "
                       "native needs one control of its own for each factor, or sampling_mode = 'full'")
    elif model.sampling_mode != "full":
        yield f"sampling_mode = {model.sampling_mode!r}: native has 'full' and 'marginal'"
