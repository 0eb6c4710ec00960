"""Models: one agent's generative model, imported from any supported source to canonical arrays."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Literal

from buildgraph import (
    Artifact,
    BuildError,
    Ctx,
    Duration,
    Globs,
    In,
    Out,
    Provider,
    Tool,
    rule,
)

from .actions.compile_agents import ProbeSize, plan
from .actions.import_model import check_options, importer
from .actions.members import Planned

SHOW_MODEL = Tool("show_model")
SELECT_BACKEND = Tool("select_backend")

PYTHON_ONLY: dict[str, tuple[object, ...]] = {
    "learn_A": (True,),
    "learn_B": (True,),
    "use_param_info_gain": (True,),
    "inference_algo": ("mmp", "vmp"),
}
"""Values of the model's table that only the python backend supports."""
MAX_STEPS = 1 << 20  # of a probe, as tools/make_probe.py has it
SECOND = 1_000_000_000  # a Duration counts nanoseconds
TEN_MINUTES = Duration(600 * SECOND)


@dataclass(frozen=True)
class Model(Provider):
    """A model as canonical arrays (`ir`), labels, and the advice on its backend (`runtime`).

    `python` gives the reason for the python backend, empty for native. `planned` is the output of
    the compiler passes.
    """

    ir: Artifact
    labels: Artifact
    runtime: Artifact
    python: str
    planned: Planned
    probe: ProbeSize


@dataclass(frozen=True)
class Inference:
    """Inference parameters that override the source. Names are pymdp's; None keeps the source's
    value.

    `plan_every = k` is an extension: states are inferred at every step, policies are evaluated at
    every k-th step. Between those the next actions of the selected policy are executed, up to its
    length.
    """

    policy_len: int | None = None
    gamma: float | None = None
    alpha: float | None = None
    num_iter: int | None = None
    inference_algo: str | None = None
    action_selection: str | None = None
    sampling_mode: str | None = None
    use_utility: bool | None = None
    use_states_info_gain: bool | None = None
    use_param_info_gain: bool | None = None
    inference_horizon: int | None = None
    learn_A: bool | None = None
    learn_B: bool | None = None
    plan_every: int | None = None

    def overrides(self) -> str:
        """Return the parameters that are set, as JSON."""
        values = {
            name: getattr(self, name)
            for name in self.__dataclass_fields__
            if getattr(self, name) is not None
        }
        return json.dumps(values, sort_keys=True)


@dataclass(frozen=True)
class Rewards:
    """Treatment of the rewards of a `.pomdp`; a string is short for `{ kind = .. }`.

    "preferences": the reward of each observation is its preference; refused when an observation has
    several rewards. "observed": the reward is a modality of its own with preferences by its size.
    "auto": preferences if observations determine the reward, else observed. `scale` is the number
    of nats for one unit of reward. `information_gain = true` counts the information gain about the
    reward; by default only its expected value counts.
    """

    kind: Literal["auto", "observed", "preferences"] = "auto"
    scale: float = 1.0
    information_gain: bool = False

    def words(self) -> tuple[str, ...]:
        """Return the options of `import_pomdp` that differ from its defaults."""
        return (
            *(("--rewards", self.kind) if self.kind != "auto" else ()),
            *(("--reward-scale", repr(float(self.scale))) if self.scale != 1.0 else ()),
            *(("--reward-gain",) if self.information_gain else ()),
        )


@rule
def model(
    ctx: Ctx,
    source: Artifact,
    spec: Artifact | None = None,
    entry: str = "build",
    args: dict[str, Any] | None = None,
    packages: tuple[str, ...] = (),
    inputs: Globs = Globs(()),
    timeout: Duration = TEN_MINUTES,
    layout: dict[str, str] | None = None,
    preferences: dict[str, float] | None = None,
    rewards: Rewards = Rewards(),
    inference: Inference = Inference(),
    probe: ProbeSize = ProbeSize(),
    runtime: Literal["auto", "native", "python"] = "auto",
    pickle: bool = False,
) -> Model:
    """A discrete POMDP (A, B, C, D, E as in pymdp).

    `source` is one of: an `.npz` of arrays with a `.json` of the same name beside it (or `spec`); a
    `.py` whose function `entry`, called with `args`, returns the arrays or a pymdp Agent; a
    `.pomdp` in Cassandra's format; a `.md` in GNN, where `layout = { B = "action,previous,next" }`
    gives the order of a matrix's axes. Object arrays of pymdp 0.0.7 (an `.npz` or an `.npy` of a
    dict) are pickles: `pickle = true` allows them, arrays only, in the sandbox.

    A `.py` with `inputs` (paths or globs relative to BUILD.toml) runs in its own folder, so `import
    helper` and `open("data.csv")` find files beside it. `packages` are the distributions that it
    imports; `timeout` limits its run time.

    Rewards of a `.pomdp` become preferences if each observation has one reward. If they depend on
    state or action, the reward is observed: a modality `reward` shows its level, and the expected
    utility of a policy is its expected reward (the only term with `inference = {
    use_states_info_gain = false }`). `rewards` selects the treatment; `preferences` over
    observations replace the rewards.

    `probe = { episodes = 8, steps = 32, seed = 0 }` is the size of the proof of compiled code.

    `runtime` selects the backend: `native` compiles the agent, `python` steps pymdp 1.0.4 in one
    jitted function. Both pass the same gate. `auto` selects native unless `inference` requests a
    feature that native lacks. If only the source needs such a feature, the build stops, lists the
    features and suggests `runtime = "python"`.
    """
    _check_probe(ctx, probe)
    name, suffix = ctx.label.name, source.name.rpartition(".")[2].lower()
    check_options(
        ctx,
        suffix,
        source,
        {
            "spec": spec,
            "entry": entry != "build",
            "args": args,
            "packages": packages,
            "inputs": inputs.sources,
            "timeout": timeout != TEN_MINUTES,
            "layout": layout,
            "preferences": preferences is not None,
            "rewards": rewards != Rewards(),
            "pickle": pickle,
        },
    )
    _check_rewards(ctx, rewards, preferences)
    tool, words = importer(ctx, suffix, source, spec, pickle)
    if suffix == "py":
        words += ("--entry", entry, *(("--inputs",) if inputs.sources else ()))
        words += ("--args", _arguments(ctx, args or {}))
    elif suffix == "pomdp":
        words += rewards.words() if preferences is None else ("--preferences", _json(preferences))
    elif suffix == "md":
        words += ("--layout", _json(layout or {}))
    words += ("--inference", inference.overrides())
    ir, labels = ctx.tool(
        tool,
        *words,
        *("--out", Out("ir", tree=True), "--labels", Out("labels.json")),
        inputs=tuple(In(source, source.name) for source in inputs.sources),
        distributions=packages,
        timeout=max(1, timeout // SECOND),
        title=f"ingest {name}",
    )
    advice = _advise(ctx, name, ir)
    reason = _python_reason(runtime, inference)
    return Model(ir, labels, advice, reason, plan(ctx, ir, probe), probe)


def _advise(ctx: Ctx, name: str, ir: Artifact) -> Artifact:
    """Declare the advice on the backend."""
    words = ("--ir", ir, "--out", Out("runtime.json"))
    (advice,) = ctx.tool(SELECT_BACKEND, *words, title=f"choose the runtime of {name}")
    return advice


def _check_probe(ctx: Ctx, probe: ProbeSize) -> None:
    """Require a probe of at least one step and at most MAX_STEPS."""
    if (
        min(probe.episodes, probe.steps) < 1
        or probe.episodes * probe.steps > MAX_STEPS
        or probe.seed < 0
    ):
        size = (
            f"no probe has {probe.episodes} episodes of {probe.steps} steps and the seed "
            f"{probe.seed}"
        )
        raise BuildError(
            f"{ctx.label}: {size}",
            ctx.target.place("probe"),
            f"from 1 episode and 1 step on, {MAX_STEPS} steps in all, a seed from 0 on",
        )


def _check_rewards(ctx: Ctx, rewards: Rewards, preferences: dict[str, float] | None) -> None:
    """Refuse rewards together with preferences, and a scale that is not positive."""
    if preferences is not None and rewards != Rewards():
        raise BuildError(
            f"{ctx.label}: preferences replace the rewards, so `rewards` has no effect",
            ctx.target.place("rewards"),
            "leave one of the two out",
        )
    if not (math.isfinite(rewards.scale) and rewards.scale > 0.0):
        raise BuildError(
            f"{ctx.label}: rewards.scale = {rewards.scale!r} is not a positive number",
            ctx.target.place("rewards", "scale"),
            "write how many nats a unit of reward is worth",
        )
    if rewards.kind == "preferences" and rewards.information_gain:
        raise BuildError(
            f"{ctx.label}: rewards.information_gain is for observed rewards",
            ctx.target.place("rewards", "information_gain"),
            "leave it out",
        )


def _python_reason(runtime: str, inference: Inference) -> str:
    """Return the reason for the python backend from the table, or an empty string."""
    if runtime != "auto":
        return 'runtime = "python"' if runtime == "python" else ""
    values = {word: getattr(inference, word) for word in PYTHON_ONLY}
    return ", ".join(
        f"{word} = {json.dumps(value)}"
        for word, value in values.items()
        if value in PYTHON_ONLY[word]
    )


def _arguments(ctx: Ctx, args: dict[str, Any]) -> str:
    try:
        return _json(args)
    except TypeError:
        raise BuildError(
            f"{ctx.label}: args holds a date or a time",
            ctx.target.place("args"),
            "write it as text, in quotes",
        ) from None


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
