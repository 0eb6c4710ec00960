"""Random agents of random structure: each structure says which of pymdp's features it puts to use.

Agents of one structure differ in every array and in gamma and alpha, so pymdp compiles once for all
of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from agentc.importers.resolve import ModelSource, resolve
from agentc.ir import files as ir

from tests.support.small_models import columns

Table = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """Sizes, dependencies and parameters; `sharp` is the exponent that makes columns of A and B
    more certain.
    """

    states: tuple[int, ...]
    outcomes: tuple[int, ...]
    seen: Table
    moved: Table
    controls: tuple[int, ...]
    driven: Table
    spec: dict[str, Any]
    habits: bool = False
    timed: tuple[bool, ...] = ()
    goals: bool = False
    listed: int = 0
    sharp: float = 1.0


def structure(number: int) -> Structure:
    """The structure of this number: random sizes, and features in a cycle so that every one occurs.

    Every sixth is of the sizes and dependencies that pymdp.utils.generate_agent_spec gives.
    """
    rng = np.random.default_rng([77, number])
    factors, modalities = 1 + number % 3, int(rng.integers(1, 4))
    states = tuple(int(n) for n in rng.integers(2, 5, factors))
    outcomes = tuple(int(n) for n in rng.integers(2, 5, modalities))
    seen: Table = tuple(_subset(rng, factors) for _ in range(modalities))
    if number % 6 == 5:
        states, outcomes, seen = _specified(number, factors)
        modalities = len(outcomes)
    crossed = number % 2 == 1 and number % 8 != 5
    moved = tuple(_reads(rng, f, factors) if crossed else (f,) for f in range(factors))
    joined = number % 5 == 2 or number == 11
    controls = tuple(int(n) for n in rng.integers(1, 4, factors + joined))
    controls = controls if max(controls) > 1 else (2, *controls[1:])
    driven = tuple(_subset(rng, len(controls)) if joined else (f,) for f in range(factors))
    apart = joined and number % 4 == 3
    if apart:
        order, cut = (
            [int(c) for c in rng.permutation(len(controls))],
            int(rng.integers(1, len(controls))),
        )
        driven = tuple((tuple(order[:cut]), tuple(order[cut:]))[f % 2] for f in range(factors))
    policy_len = int(rng.integers(1, 4 if math.prod(controls) < 5 else 3))
    goals = number % 8 == 5
    spec = {
        "policy_len": policy_len,
        "num_iter": int(rng.choice([1, 4, 16])),
        "sampling_mode": "marginal" if number % 4 == 3 and (apart or not joined) else "full",
        "action_selection": "stochastic" if number % 3 == 1 else "deterministic",
        "inference_algo": ("exact" if number % 6 == 0 else "ovf")
        if number % 6 in (0, 4)
        else "fpi",
        "use_utility": number % 7 != 3,
        "use_states_info_gain": number % 7 != 5,
        "use_inductive": goals,
        "inductive_depth": 3,
        "inductive_epsilon": float(rng.choice([1e-1, 1e-3])),
    }
    if number % 4 == 2 and policy_len > 1:
        spec["plan_every"] = policy_len
    return Structure(
        states=states,
        outcomes=outcomes,
        seen=seen,
        moved=moved,
        controls=controls,
        driven=driven,
        spec=spec,
        habits=number % 4 == 1,
        timed=tuple(bool(number % 5 == 1 and m % 2 == 0) for m in range(modalities)),
        goals=goals,
        listed=5 if number % 9 == 8 and not joined else 0,
        sharp=float(rng.choice([1.0, 4.0])),
    )


def _specified(number: int, factors: int) -> tuple[tuple[int, ...], tuple[int, ...], Table]:
    """Sizes of states, of outcomes, and A_dependencies by pymdp's own generator."""
    from jax import random
    from pymdp.utils import generate_agent_spec

    states, outcomes, seen = generate_agent_spec(
        factors, 3, (2, 5), (2, 5), (1, 4), "uniform", key=random.PRNGKey(number)
    )
    return tuple(states), tuple(outcomes), tuple(tuple(row) for row in seen)


def _subset(rng: np.random.Generator, count: int) -> tuple[int, ...]:
    """A random order of a random, non-empty part of 0..count-1."""
    return tuple(int(i) for i in rng.permutation(count)[: int(rng.integers(1, count + 1))])


def _reads(rng: np.random.Generator, f: int, count: int) -> tuple[int, ...]:
    """B_dependencies of factor f: itself, and some of the others, in any order."""
    others = [d for d in range(count) if d != f and rng.random() < 0.7]
    return tuple(int(d) for d in rng.permutation([f, *others]))


def agent(number: int, which: int) -> ir.Model:
    """Agent `which` of a structure, through the same door as a user's arrays."""
    form, rng = structure(number), np.random.default_rng([78, number, which])

    def sharpened(*shape: int) -> Any:
        raised = columns(rng, *shape) ** form.sharp
        return raised / raised.sum(axis=0)

    A = [
        sharpened(o, *(form.states[f] for f in row))
        for o, row in zip(form.outcomes, form.seen, strict=True)
    ]
    B = [
        sharpened(n, *(form.states[d] for d in row), *(form.controls[c] for c in driven))
        for n, row, driven in zip(form.states, form.moved, form.driven, strict=True)
    ]
    length = int(form.spec["policy_len"])
    C = [
        rng.normal(size=(length, o) if timed else o)
        for o, timed in zip(form.outcomes, form.timed, strict=True)
    ]
    wide = ir.full_policies(form.controls, length)
    chosen = wide[np.sort(rng.permutation(len(wide))[: form.listed])] if form.listed else wide
    source = ModelSource(
        A=A,
        B=B,
        C=C,
        D=[columns(rng, n) for n in form.states],
        E=columns(rng, len(chosen)) if form.habits else None,
        policies=chosen if form.listed else None,
        H=[np.eye(n)[int(rng.integers(n))] for n in form.states] if form.goals else None,
        spec={
            **form.spec,
            "gamma": float(rng.uniform(0.5, 8.0)),
            "alpha": float(rng.uniform(0.5, 4.0)),
            "A_dependencies": form.seen,
            "B_dependencies": form.moved,
            "B_action_dependencies": form.driven,
            "num_controls": form.controls,
        },
    )
    return resolve(source, {})[0]
