"""Features of pymdp and the backends that support them: source of the documentation and of
refusals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from agentc.ir.files import Model
from agentc.ir.types import MAX_JOINT

MAX_COLUMN_STATES = 1 << 26
"""Predicted beliefs in memory, in states x nodes: 256 MB of float32."""
MAX_DRAWN = 1 << 16
"""Policies of an agent that samples or keeps plans. Its proof compares values of every policy."""


FEWER = "shorten policy_len, list fewer policies"


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature of pymdp 1.0.4: how to detect it, and why a backend lacks it ("" if supported)."""

    name: str
    used: Callable[[Model], bool]
    native: str = ""
    python: str = ""


def _learns(letters: str) -> Callable[[Model], bool]:
    return lambda model: any(getattr(model, f"learn_{letter}") for letter in letters)


def _own(model: Model) -> tuple[tuple[int, ...], ...]:
    return tuple((f,) for f in range(len(model.num_states)))


def _chooses(mode: str, selection: str) -> Callable[[Model], bool]:
    return lambda model: (model.sampling_mode, model.action_selection) == (mode, selection)


COMPILED_IN = "its matrices are compiled in"
NO_CODE = "pymdp 1.0.4 accepts it but does not implement it"
TWICE = "two factors may choose one control differently"
JOINED = (
    "sampling_mode = 'marginal' where controls are joined, or shared by factors with equal rows"
)
OVERLAPPING = "sampling_mode = 'marginal' where rows of B_action_dependencies overlap"
FEATURES = (
    Feature("several modalities", lambda m: len(m.num_obs) > 1),
    Feature("several state factors", lambda m: len(m.num_states) > 1),
    Feature(
        "A_dependencies on some of the factors, in any order",
        lambda m: any(row != tuple(range(len(m.num_states))) for row in m.A_dependencies),
    ),
    Feature(
        "B_dependencies on other factors", lambda m: any(len(row) > 1 for row in m.B_dependencies)
    ),
    Feature(
        "B without its own factor",
        lambda m: any(f not in row for f, row in enumerate(m.B_dependencies)),
        "pymdp refuses such a model",
        "pymdp refuses such a model",
    ),
    Feature("several controlled factors", lambda m: len(m.control_factors) > 1),
    Feature("factors without control", lambda m: len(m.control_factors) < len(m.num_controls)),
    Feature(
        "B_action_dependencies: controls that are shared or joined",
        lambda m: m.B_action_dependencies != _own(m),
    ),
    Feature("C over the time of a policy", lambda m: any(m.C_time_varying)),
    Feature("E, a prior over policies", lambda m: m.E is not None),
    Feature("policies listed", lambda m: m.policies_kind == "listed"),
    Feature("policy_len > 1", lambda m: m.policy_len > 1),
    Feature(
        "plan_every = k: plans that are kept for k steps (not in pymdp)", lambda m: m.keeps_plans
    ),
    Feature("inference_algo = 'fpi'", lambda m: m.inference_algo == "fpi"),
    Feature("inference_algo = 'exact'", lambda m: m.inference_algo == "exact"),
    Feature(
        "inference_algo = 'ovf' without learning",
        lambda m: m.inference_algo == "ovf" and not _learns("AB")(m),
    ),
    Feature(
        "inference_algo = 'mmp' or 'vmp', with inference_horizon",
        lambda m: m.inference_algo in ("mmp", "vmp"),
        "it looks back over a window of steps",
    ),
    Feature("use_utility = false", lambda m: not m.use_utility),
    Feature("use_states_info_gain = false", lambda m: not m.use_states_info_gain),
    Feature(
        "utility_only: modalities whose information gain is not counted (not in pymdp)",
        lambda m: bool(m.utility_only),
        python="pymdp 1.0.4 counts the information gain of every modality",
    ),
    Feature(
        "use_param_info_gain",
        lambda m: m.use_param_info_gain,
        "it needs the counts that learning changes",
    ),
    Feature("use_inductive, with H or I", lambda m: m.use_inductive),
    Feature("sampling_mode = 'full', deterministic", _chooses("full", "deterministic")),
    Feature("sampling_mode = 'full', stochastic, alpha", _chooses("full", "stochastic")),
    Feature("sampling_mode = 'marginal', deterministic", _chooses("marginal", "deterministic")),
    Feature("sampling_mode = 'marginal', stochastic, alpha", _chooses("marginal", "stochastic")),
    Feature(
        JOINED,
        lambda m: (
            m.sampling_mode == "marginal"
            and m.B_action_dependencies != _own(m)
            and not m.groups_clash
        ),
    ),
    Feature(OVERLAPPING, lambda m: m.sampling_mode == "marginal" and m.groups_clash, TWICE, TWICE),
    Feature(
        "learn_A, learn_B online",
        lambda m: _learns("AB")(m) and m.learning_mode == "online",
        COMPILED_IN,
    ),
    Feature(
        "learn_A, learn_B offline",
        lambda m: _learns("AB")(m) and m.learning_mode != "online",
        COMPILED_IN,
        "a device is never at the end of an episode",
    ),
    Feature("learn_C, learn_D, learn_E", _learns("CDE"), NO_CODE, NO_CODE),
    Feature(
        "categorical_obs",
        lambda m: m.categorical_obs,
        "a program gets the index of each observation, not a distribution",
        "a program gets the index of each observation, not a distribution",
    ),
    Feature(
        "semantics = 'pymdp-0.0.7': joint information gain, its fixed point and preferences",
        lambda m: m.legacy,
        python="pymdp 1.0.4 has no such agent",
    ),
)
"""Features in the order of the documentation.

Features outside of a model (preprocess_fn, mask, batch_size, `planning`) are refused by the
importers.
"""


def table() -> str:
    """Return the features as a Markdown table."""
    rows = [f"| {one.name} | {_cell(one.native)} | {_cell(one.python)} |" for one in FEATURES]
    return "\n".join(["| pymdp 1.0.4 | native | python |", "|---|---|---|", *rows]) + "\n"


def _cell(reason: str) -> str:
    return f"refused: {reason}" if reason else "yes"


def refusals(model: Model) -> list[str]:
    """Return every reason why native cannot compile the model, with feature and place."""
    return [*_features(model), *_sizes(model)]


def _features(model: Model) -> Iterator[str]:
    for one in FEATURES:
        if one.native and one.used(model):
            yield f"{'; '.join(_values_using(model, one))}: native lacks this, {one.native}"


def _values_using(model: Model, feature: Feature) -> Iterator[str]:
    """Return the values of the model that use a feature."""
    if feature.name == "B without its own factor":
        yield from (
            f"B{f} does not depend on its own factor (B_dependencies[{f}] = {list(row)})"
            for f, row in enumerate(model.B_dependencies)
            if f not in row
        )
        return
    if feature.native == TWICE:
        yield (
            "sampling_mode = 'marginal' with B_action_dependencies = "
            f"{[list(row) for row in model.B_action_dependencies]}"
        )
        return
    for word in (
        "inference_algo",
        "use_param_info_gain",
        "categorical_obs",
        *(f"learn_{letter}" for letter in "ABCDE"),
    ):
        value = getattr(model, word)
        if value not in (False, None) and word in feature.name:
            yield f"{word} = {str(value).lower() if value is True else repr(value)}"


def _sizes(model: Model) -> Iterator[str]:
    if model.inference_algo == "exact" and len(model.num_states) > 1:
        yield (
            "inference_algo = 'exact' with several state factors: pymdp refuses such a model, "
            "use 'fpi'"
        )
    if model.action_selection == "stochastic" and model.num_policies > MAX_DRAWN:
        yield (
            f"action_selection = 'stochastic' with {model.num_policies} policies: the proof "
            "compares the posterior "
            f"of each, of at most {MAX_DRAWN}: {FEWER}, or action_selection = 'deterministic'"
        )
    if model.legacy and len(model.num_obs) > 1 and model.joint_size > MAX_JOINT:
        yield (
            f"semantics = {model.semantics!r} with {model.joint_size} joint outcomes and states: "
            "information is gained of all "
            f"at once, of at most {MAX_JOINT}: use fewer outcomes or states, or semantics = "
            "'pymdp-1', which gains it of each "
            "modality"
        )
    if model.keeps_plans and model.num_policies > MAX_DRAWN:
        yield (
            f"plan_every = {model.plan_every} with {model.num_policies} policies: the proof "
            "judges each of them, at most "
            f"{MAX_DRAWN}: {FEWER}, or plan_every = 1"
        )
    if model.num_iter < 1:
        yield f"num_iter = {model.num_iter}: at least one iteration is needed"
    if model.sampling_mode not in ("full", "marginal"):
        yield f"sampling_mode = {model.sampling_mode!r}: native has 'full' and 'marginal'"
