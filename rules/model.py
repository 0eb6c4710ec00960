"""Models: one agent's generative model, from wherever it is written down to canonical arrays."""
from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from buildgraph import Artifact, BuildError, Ctx, Out, Provider, Source, Tool, rule

from .optimise import ARRAYS, Planned, Probing, plan

READ = (*ARRAYS, "model_labels", "model_source", "model_words")
INGEST = Tool("ingest", READ, ("numpy",))
INGEST_PYTHON = Tool("ingest_python", (*READ, "ingest"), ("numpy",))
MAX_STEPS = 1 << 20   # of a probe, as tools/probe.py has it


@dataclass(frozen=True)
class Model(Provider):
    """A model as canonical arrays (`ir`), the names in it (`labels`), and what the compiler makes of it."""

    ir: Artifact
    labels: Artifact
    planned: Planned


@dataclass(frozen=True)
class Inference:
    """Parameters of inference that override those of the source; pymdp's words, each None where the source decides."""

    policy_len: int | None = None
    gamma: float | None = None
    alpha: float | None = None
    num_iter: int | None = None
    inference_algo: str | None = None
    action_selection: str | None = None
    sampling_mode: str | None = None
    use_utility: bool | None = None
    use_states_info_gain: bool | None = None

    def overrides(self) -> str:
        """The parameters that were given, as JSON."""
        given = {name: getattr(self, name) for name in self.__dataclass_fields__ if getattr(self, name) is not None}
        return json.dumps(given, sort_keys=True)


@rule
def model(ctx: Ctx, source: Artifact, spec: Artifact | None = None, entry: str = "build",
          args: dict[str, Any] | None = None, packages: tuple[str, ...] = (),
          inference: Inference = Inference(), probe: Probing = Probing()) -> Model:
    """A discrete POMDP (A, B, C, D, E as in pymdp).

    `source` is an `.npz` of arrays with a `.json` of the same name beside it (or `spec`), or a `.py` whose function
    `entry`, called with `args`, returns them or a pymdp Agent; `packages` are the distributions that it imports.
    `probe = { episodes = 8, steps = 32, seed = 0 }` is how much the proof of compiled code replays.
    """
    if min(probe.episodes, probe.steps) < 1 or probe.episodes * probe.steps > MAX_STEPS or probe.seed < 0:
        said = f"no probe has {probe.episodes} episodes of {probe.steps} steps and the seed {probe.seed}"
        raise BuildError(f"{ctx.label}: {said}", ctx.target.place("probe"),
                         f"from 1 episode and 1 step on, {MAX_STEPS} steps in all, a seed from 0 on")
    suffix = source.name.rpartition(".")[2]
    outs = ("--out", Out("ir", tree=True), "--labels", Out("labels.json"), "--inference", inference.overrides())
    if suffix == "npz":
        if entry != "build" or args or packages:
            raise BuildError(f"{ctx.label}: entry, args and packages are for Python sources", ctx.target.place("source"),
                             "leave them out, or name a .py")
        beside = spec or Source(source.name[:-4] + ".json", ctx.target.place("source"))
        ir, labels = ctx.tool(INGEST, "--npz", source, "--spec", beside, *outs, title=f"ingest {ctx.label.name}")
    elif suffix == "py":
        words = ("--source", source, "--entry", entry, "--args", json.dumps(args or {}, sort_keys=True))
        ir, labels = ctx.tool(INGEST_PYTHON, *words, *outs, distributions=packages, title=f"ingest {ctx.label.name}")
    else:
        raise BuildError(f"{ctx.label}: {source.name!r} is no model source", ctx.target.place("source"),
                         "a model is an .npz with its .json, or a .py")
    return Model(ir, labels, plan(ctx, ir, probe))
