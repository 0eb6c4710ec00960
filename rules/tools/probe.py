"""Action `probe`: what the reference agent believes and does over episodes, for the proof of compiled code.

    python3 probe.py --ir DIR --out DIR [--episodes 8] [--steps 32] [--seed 0]

Teacher forced: a candidate keeps its own beliefs but is fed these observations and executed actions. Every
fourth episode shows uniformly random observations (impossible ones too), the others are roll-outs in the
world the model itself describes. Random numbers are functions of (seed, episode, step, use) alone.
"""
from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import ir
from agent_model import F64, Model, ModelFault
from fmath import log
from policy_tree import every_control
from reference import (
    Beliefs, Reference, Verdict, action_marginals, first_actions, free_energy, infer_policies, infer_states,
    initial_prior, next_prior, prepare, select)

MASK = (1 << 64) - 1
MAX_STEPS = 1 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One step of the reference: what it saw, did, believed, and how much worse each first action is."""

    obs: tuple[int, ...]
    action: tuple[int, ...]
    qs: Beliefs
    regret: F64
    vfe: float
    efe: float


def splitmix64(counter: int) -> int:
    """The output function of SplitMix64 (Steele, Lea, Flood 2014) of a 64-bit counter."""
    z = (counter * 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def uniform(seed: int, *place: int) -> float:
    """A number in [0, 1) that depends on the seed and the place alone."""
    value = splitmix64(seed + 1)
    for part in place:
        value = splitmix64((value ^ (part + 1)) & MASK)
    return (value >> 11) * 2.0 ** -53


def draw(probabilities: F64, u: float) -> int:
    """Index whose share of the cumulative sum holds u; never one of probability zero."""
    reached, last = 0.0, 0
    for i, p in enumerate(probabilities.tolist()):
        if p > 0.0:
            reached, last = reached + p, i
            if u < reached:
                return i
    return last


def kind_of(episode: int) -> str:
    """ "random" for every fourth episode, else "rollout"."""
    return "random" if episode % 4 == 3 else "rollout"


def run_episode(agent: Reference, seed: int, episode: int, steps: int) -> list[Step]:
    """One episode from the prior D on."""
    model = agent.model
    prior = initial_prior(agent)
    state = tuple(draw(d, uniform(seed, episode, 0, 0, f)) for f, d in enumerate(model.D))
    found = []
    for s in range(steps):
        obs = _observe(model, state, seed, (episode, s + 1))
        qs = infer_states(agent, obs, prior)
        verdict = infer_policies(agent, qs)
        action, policy = select(agent, verdict)
        found.append(Step(obs, action, qs, regret(agent, verdict), free_energy(agent, obs, prior, qs),
                          float(verdict.neg_efe[policy])))
        prior = next_prior(agent, qs, action)
        state = _move(model, state, action, tuple(
            uniform(seed, episode, s + 1, 2, f) for f in range(len(state))))
    return found


def _observe(model: Model, state: Sequence[int], seed: int, place: tuple[int, int]) -> tuple[int, ...]:
    drawn = [uniform(seed, *place, 1, m) for m in range(len(model.num_obs))]
    if kind_of(place[0]) == "random":
        return tuple(int(u * n) for u, n in zip(drawn, model.num_obs, strict=True))
    return tuple(draw(_column(a, [state[f] for f in deps]), u)
                 for a, deps, u in zip(model.A, model.A_dependencies, drawn, strict=True))


def _column(array: F64, place: Sequence[int]) -> F64:
    """The probabilities along axis 0 at a place of the other axes."""
    return np.asarray(np.moveaxis(array, 0, -1)[tuple(place)])


def _move(
        model: Model, state: Sequence[int], action: Sequence[int], drawn: Sequence[float]) -> tuple[int, ...]:
    chosen = every_control(model, np.array([list(action)], dtype=np.int32))[0]
    return tuple(
        draw(_column(b, [*(state[d] for d in deps), *(int(chosen[c]) for c in controls)]), u)
        for b, deps, controls, u in zip(
            model.B, model.B_dependencies, model.B_action_dependencies, drawn, strict=True))


def regret(agent: Reference, verdict: Verdict) -> F64:
    """Per joint first action: nats lost against the best; inf when no policy begins with it.

    With sampling_mode "marginal" the loss is the sum over controls of ln best marginal - ln marginal.
    """
    model = agent.model
    choices = first_actions(model)
    if model.sampling_mode == "marginal":
        logs = [log(marginal) for marginal in action_marginals(agent, verdict)]
        lost = np.zeros(len(choices))
        for column, values in enumerate(logs):
            lost = lost + (values.max() - values)[choices[:, column]]
        return lost
    first = model.policies[:, 0]
    best = [np.max(verdict.logits, where=np.all(first == choice, axis=1), initial=-np.inf)
            for choice in choices]
    return np.asarray(verdict.logits.max() - np.array(best), dtype=np.float64)


def probe(model: Model, out: Path, episodes: int, steps: int, seed: int) -> None:
    """Run the reference agent and write the probe folder."""
    agent = prepare(model)
    runs = [run_episode(agent, seed, n, steps) for n in range(episodes)]
    out.mkdir(parents=True, exist_ok=True)
    for name, array in _arrays(runs).items():
        (out / name).write_bytes(array.tobytes())
    (out / "probe.json").write_bytes(ir.canonical_json({
        "schema": 1, "episodes": episodes, "steps": steps, "seed": seed, "modalities": len(model.num_obs),
        "factors": len(model.num_states), "controls": len(model.control_factors),
        "first_actions": len(first_actions(model)), "kinds": [kind_of(n) for n in range(episodes)]}))


def _arrays(runs: Sequence[Sequence[Step]]) -> dict[str, NDArray[Any]]:
    return {
        "obs.i32": np.array([[step.obs for step in run] for run in runs], dtype="<i4"),
        "action.i32": np.array([[step.action for step in run] for run in runs], dtype="<i4"),
        "qs.f64": np.array([[np.concatenate(step.qs) for step in run] for run in runs], dtype="<f8"),
        "regret.f64": np.array([[step.regret for step in run] for run in runs], dtype="<f8"),
        "vfe.f64": np.array([[step.vfe for step in run] for run in runs], dtype="<f8"),
        "efe.f64": np.array([[step.efe for step in run] for run in runs], dtype="<f8"),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """0, or 1 after one message on stderr."""
    parser = argparse.ArgumentParser(prog="probe", description=__doc__)
    parser.add_argument("--ir", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--episodes", type=int, default=8)
    parser.add_argument("--steps", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    if args.episodes < 1 or args.steps < 1 or args.episodes * args.steps > MAX_STEPS or args.seed < 0:
        print(f"error: episodes and steps must be >= 1 (at most {MAX_STEPS} steps in all), seed >= 0",
              file=sys.stderr)
        return 1
    try:
        probe(ir.load(args.ir), args.out, args.episodes, args.steps, args.seed)
    except ModelFault as fault:
        print("\n".join(f"error: {args.ir.name}: {line}" for line in fault.faults), file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
