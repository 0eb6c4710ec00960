"""Models: one agent's generative model, from wherever it is written down to canonical arrays."""

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
    Source,
    Tool,
    rule,
)

from .actions.compile_agents import Planned, Probing, plan

IMPORT_NPZ = Tool("import_npz")
IMPORT_OBJECTS = Tool("import_objects")
IMPORT_PYTHON = Tool("import_python")
IMPORT_POMDP = Tool("import_pomdp")
IMPORT_GNN = Tool("import_gnn")
SHOW_MODEL = Tool("show_model")
SELECT_BACKEND = Tool("select_backend")

PYTHON_ONLY: dict[str, tuple[object, ...]] = {
    "learn_A": (True,),
    "learn_B": (True,),
    "use_param_info_gain": (True,),
    "inference_algo": ("mmp", "vmp"),
}
"""What the table itself may say that native does not cover."""
OPTIONS = {
    "npz": ("spec", "pickle"),
    "npy": ("spec", "pickle"),
    "py": ("entry", "args", "inputs", "packages", "timeout"),
    "pomdp": ("preferences", "rewards"),
    "md": ("layout",),
}
"""Kinds of source by suffix, and the words of the table that are for this kind alone."""
_SAVE = "np.savez('model.npz', A0=.., B0=.., ..), with a model.json beside it that holds the parameters ({} for the defaults)"
ELSEWHERE = {
    "json": 'name the .npz of the arrays, source = "model.npz"; the .json of the same name is read with it, or `spec` names it',
    "mat": f"read it once with scipy.io.loadmat and save its arrays: {_SAVE}",
    **dict.fromkeys(
        ("pkl", "pickle", "p", "joblib", "h5", "hdf5", "pt", "pth", "csv", "txt"),
        f"load it once in Python and save its arrays: {_SAVE}",
    ),
    "ipynb": "save its cells as a .py with a function `build` that returns A, B, C, D or an Agent",
}
"""What to do with files that hold a model in a form that is not read."""
MAX_STEPS = 1 << 20  # of a probe, as tools/make_probe.py has it
SECOND = 1_000_000_000  # a Duration counts nanoseconds
TEN_MINUTES = Duration(600 * SECOND)


@dataclass(frozen=True)
class Model(Provider):
    """A model as canonical arrays (`ir`), the names in it (`labels`), which backend suits it and why (`runtime`).

    `python` says why it is proved with the python backend (empty: with native); `planned` is what the compiler makes of it.
    """

    ir: Artifact
    labels: Artifact
    runtime: Artifact
    python: str
    planned: Planned
    probe: Probing


@dataclass(frozen=True)
class Inference:
    """Parameters of inference that override those of the source; pymdp's words, each None where the source decides.

    `plan_every = k` is not pymdp's: states are inferred at every step, policies are judged at every k-th, and the chosen
    policy's next actions are executed meanwhile, up to its length.
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
        """The parameters that were given, as JSON."""
        given = {
            name: getattr(self, name)
            for name in self.__dataclass_fields__
            if getattr(self, name) is not None
        }
        return json.dumps(given, sort_keys=True)


@dataclass(frozen=True)
class Rewards:
    """What becomes of the rewards of a `.pomdp`; the word alone is short for `{ kind = .. }`.

    "preferences": each observation is preferred by the reward that it comes with; refused where one comes with several.
    "observed": the reward is a modality of its own, whose levels are preferred by their size. "auto": preferences where
    observations tell the reward, else observed. A unit of reward is worth `scale` nats. `information_gain = true` lets the
    agent value learning which reward it gets; without it the modality counts by its expected reward alone.
    """

    kind: Literal["auto", "observed", "preferences"] = "auto"
    scale: float = 1.0
    information_gain: bool = False

    def words(self) -> tuple[str, ...]:
        """The options of the tool that differ from what it does by itself."""
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
    probe: Probing = Probing(),
    runtime: Literal["auto", "native", "python"] = "auto",
    pickle: bool = False,
) -> Model:
    """A discrete POMDP (A, B, C, D, E as in pymdp).

    `source` is an `.npz` of arrays with a `.json` of the same name beside it (or `spec`); a `.py` whose function
    `entry`, called with `args`, returns them or a pymdp Agent; a `.pomdp` in Cassandra's format; or a `.md` in GNN, where
    `layout = { B = "action,previous,next" }` says in which order the axes of a matrix are written. Object arrays of pymdp
    0.0.7, an `.npz` or an `.npy` of a dict, are pickles: `pickle = true` lets them be read, arrays only, in the sandbox.

    A `.py` with `inputs` (paths or globs relative to BUILD.toml) runs in its own folder, so `import helper` and
    `open("data.csv")` find files beside it. `packages` are the distributions that it imports, `timeout` how long it may run.

    Rewards of a `.pomdp` are preferences over observations where each observation comes with one reward. Where they depend
    on state or action, the reward is observed: a modality `reward` shows its level, and the expected utility of a policy is
    its expected reward (all that counts with `inference = { use_states_info_gain = false }`). `rewards` chooses;
    `preferences` over observations replace the rewards.

    `probe = { episodes = 8, steps = 32, seed = 0 }` is how much the proof of compiled code replays.

    `runtime` is the backend: `native` compiles, `python` steps pymdp 1.0.4 in one jitted function and is proved by the
    same gate. `auto` is native unless `inference` asks for what native does not cover; where only the source does, `plan`
    says what it was and that `runtime = "python"` is the way.
    """
    _probed(ctx, probe)
    name, suffix = ctx.label.name, source.name.rpartition(".")[2].lower()
    _only_for(
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
    _rewarded(ctx, rewards, preferences)
    tool, words = _reader(ctx, suffix, source, spec, pickle)
    if suffix == "py":
        words += (
            "--entry",
            entry,
            *(("--inputs",) if inputs.sources else ()),
            "--args",
            _arguments(ctx, args or {}),
        )
    elif suffix == "pomdp":
        words += rewards.words() if preferences is None else ("--preferences", _json(preferences))
    elif suffix == "md":
        words += ("--layout", _json(layout or {}))
    ir, labels = ctx.tool(
        tool,
        *words,
        "--out",
        Out("ir", tree=True),
        "--labels",
        Out("labels.json"),
        "--inference",
        inference.overrides(),
        inputs=tuple(In(source, source.name) for source in inputs.sources),
        distributions=packages,
        timeout=max(1, timeout // SECOND),
        title=f"ingest {name}",
    )
    (chosen,) = ctx.tool(
        SELECT_BACKEND,
        "--ir",
        ir,
        "--out",
        Out("runtime.json"),
        title=f"choose the runtime of {name}",
    )
    return Model(ir, labels, chosen, _python(runtime, inference), plan(ctx, ir, probe), probe)


def _probed(ctx: Ctx, probe: Probing) -> None:
    """Refuse a probe of no size, or too large."""
    if (
        min(probe.episodes, probe.steps) < 1
        or probe.episodes * probe.steps > MAX_STEPS
        or probe.seed < 0
    ):
        said = f"no probe has {probe.episodes} episodes of {probe.steps} steps and the seed {probe.seed}"
        raise BuildError(
            f"{ctx.label}: {said}",
            ctx.target.place("probe"),
            f"from 1 episode and 1 step on, {MAX_STEPS} steps in all, a seed from 0 on",
        )


def _rewarded(ctx: Ctx, rewards: Rewards, preferences: dict[str, float] | None) -> None:
    """Refuse rewards that are replaced, and a scale that is no positive number."""
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
            "say how many nats a unit of reward is worth",
        )
    if rewards.kind == "preferences" and rewards.information_gain:
        raise BuildError(
            f"{ctx.label}: rewards.information_gain is for observed rewards",
            ctx.target.place("rewards", "information_gain"),
            "leave it out",
        )


def _python(runtime: str, inference: Inference) -> str:
    """Why the backend is python, as far as a table can say, or nothing: by features, never by a measured time."""
    if runtime != "auto":
        return 'runtime = "python"' if runtime == "python" else ""
    given = {word: getattr(inference, word) for word in PYTHON_ONLY}
    return ", ".join(
        f"{word} = {json.dumps(value)}"
        for word, value in given.items()
        if value in PYTHON_ONLY[word]
    )


def _reader(
    ctx: Ctx, suffix: str, source: Artifact, spec: Artifact | None, pickle: bool
) -> tuple[Tool, tuple[str | Artifact, ...]]:
    """The tool for a kind of source, and how it is told of its files."""
    if suffix == "npy" and not pickle:
        raise BuildError(
            f"{ctx.label}: an .npy that holds several matrices is a pickle",
            ctx.target.place("source"),
            "pickle = true lets it be read, arrays only, in the sandbox; or save an .npz, one array per matrix",
        )
    if suffix in ("npz", "npy"):
        beside = spec or Source(source.name[:-4] + ".json", ctx.target.lazy_location("source"))
        return (IMPORT_OBJECTS if pickle else IMPORT_NPZ), (
            "--source" if pickle else "--npz",
            source,
            "--spec",
            beside,
        )
    return {"py": IMPORT_PYTHON, "pomdp": IMPORT_POMDP, "md": IMPORT_GNN}[suffix], (
        "--source",
        source,
    )


def _only_for(ctx: Ctx, suffix: str, source: Artifact, said: dict[str, object]) -> None:
    """Refuse a source of an unknown kind, and words that are for another kind."""
    if suffix not in OPTIONS:
        raise BuildError(
            f"{ctx.label}: {source.name!r} is no model source",
            ctx.target.place("source"),
            ELSEWHERE.get(
                suffix,
                "a model is an .npz with its .json, a .py, a .pomdp or a .md in GNN; an .npy with pickle = true",
            ),
        )
    for word, given in said.items():
        if given and word not in OPTIONS[suffix]:
            kind = next(kind for kind, words in OPTIONS.items() if word in words)
            raise BuildError(
                f"{ctx.label}: {word} is for .{kind} sources",
                ctx.target.place(word),
                f"leave it out, or name a .{kind}",
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
