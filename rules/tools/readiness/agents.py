"""Checks of the gate `model` about one agent: columns, preferences, ties and fidelity.

They read a model and its proof and no board, so all boards of a coalition share the evidence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from agentc.ir.columns import column_errors, rounding
from agentc.ir.types import Model
from agentc.oracle.action_selection import TIE
from agentc.proof.replay import Probe
from numpy.typing import NDArray
from readiness.evidence import Check

Flags = NDArray[np.bool_]
POSSIBLE = 1e-9
"""Least probability of a possible state or observation: softened zeros are smaller."""


@dataclass(frozen=True)
class AgentEvidence:
    """An agent under its name: its model, the labels of its axes, its probe and its proof."""

    name: str
    model: Model
    labels: Mapping[str, Any]
    probe: Probe
    proof: Mapping[str, Any]


def agent_checks(agent: AgentEvidence, most_ties: float) -> list[Check]:
    """Return the checks of an agent. `most_ties` is the budget of tied steps, 1 for none."""
    return [
        columns_check(agent),
        preferences_check(agent),
        ties_check(agent, most_ties),
        *fidelity_checks(agent),
    ]


def columns_check(agent: AgentEvidence) -> Check:
    """Check that the columns of A, B and D sum to 1, apart from rounded decimals."""
    model = agent.model
    tensors = [
        (f"{letter}{i}", array)
        for letter, arrays in (("A", model.A), ("B", model.B), ("D", model.D))
        for i, array in enumerate(arrays)
    ]
    worst = max(float(np.abs(array.sum(axis=0) - 1.0).max()) for _, array in tensors)
    check = Check(
        f"columns of {agent.name}",
        "passed",
        f"sums along axis 0 of {', '.join(name for name, _ in tensors)}",
        "the imported arrays",
        worst,
        max(rounding(len(array)) for _, array in tensors),
        "distance from 1",
    )
    errors = [error for name, array in tensors for error in column_errors(name, array)]
    if not errors:
        return check
    return replace(
        check,
        verdict="failed",
        why="; ".join(errors),
        fix="divide each column by its sum in the model's source",
    )


def reachable_states(model: Model) -> list[Flags]:
    """Return the states of each factor that the actions of its policies reach from D.

    Factors are followed one by one, so a state that only a joint constraint excludes counts as
    reachable.
    """
    reached = [np.asarray(d > POSSIBLE) for d in model.D]
    actions = _used_actions(model)
    while True:
        before = [int(flags.sum()) for flags in reached]
        for f, b in enumerate(model.B):
            axes = [np.flatnonzero(reached[d]) for d in model.B_dependencies[f]]
            axes += [actions[c] for c in model.B_action_dependencies[f]]
            reached[f] = reached[f] | _possible(b, axes)
        if before == [int(flags.sum()) for flags in reached]:
            return reached


def _used_actions(model: Model) -> list[NDArray[np.int64]]:
    """Return the actions of each control that a policy with a positive prior has."""
    policies = model.policies if model.E is None else model.policies[model.E > 0.0]
    actions = [np.zeros(1, np.int64) for _ in model.num_controls]
    for column, control in enumerate(model.control_factors):
        actions[control] = np.unique(policies[:, :, column]).astype(np.int64)
    return actions


def _possible(array: NDArray[np.float64], axes: Sequence[NDArray[np.int64]]) -> Flags:
    """Return which entries of axis 0 have a possible column among the indices of other axes."""
    part = array[np.ix_(np.arange(len(array)), *axes)]
    return np.asarray((part > POSSIBLE).reshape(len(array), -1).any(axis=1))


def preferences_check(agent: AgentEvidence) -> Check:
    """Check that each modality with preferences has a most preferred observation that can occur."""
    model = agent.model
    check = Check(
        f"preferences of {agent.name}",
        "passed",
        "states that the policies reach from D, factor by factor, and the observations of A there",
        "the imported arrays",
        unit="modalities with a preferred observation that can occur",
    )
    if not model.use_utility:
        return replace(check, measured=0, how="use_utility = false: preferences have no effect")
    reached = reachable_states(model)
    wanted = [m for m in range(len(model.num_obs)) if np.ptp(model.C[m]) > 0.0]
    lost = list(_unreachable(agent, wanted, reached))
    check = replace(check, measured=len(wanted) - len(lost), limit=len(wanted))
    if not lost:
        return check
    fix = "correct A, B or D, or prefer an observation that can occur"
    return replace(check, verdict="failed", why="; ".join(lost), fix=fix)


def _unreachable(
    agent: AgentEvidence, modalities: Sequence[int], reached: Sequence[Flags]
) -> Iterator[str]:
    model = agent.model
    for m in modalities:
        worth = np.atleast_2d(model.C[m]).max(axis=0)
        best = np.flatnonzero(worth >= worth.max())
        axes = [np.flatnonzero(reached[f]) for f in model.A_dependencies[m]]
        if not _possible(model.A[m], axes)[best].any():
            names = ", ".join(_outcome(agent.labels, m, int(o)) for o in best)
            yield (
                f"no reachable state shows {_modality(agent.labels, m)} as {names}, "
                f"the most preferred (C = {float(worth.max()):.4g})"
            )


def _modality(labels: Mapping[str, Any], m: int) -> str:
    rows = labels.get("observations", [])
    name = rows[m]["name"] if m < len(rows) else None
    return f"observation {m}" if name is None else f"observation {m} ({name})"


def _outcome(labels: Mapping[str, Any], m: int, outcome: int) -> str:
    rows = labels.get("observations", [])
    elements = rows[m].get("elements") if m < len(rows) else None
    return f"{outcome} ({elements[outcome]})" if elements else str(outcome)


def ties_check(agent: AgentEvidence, most: float) -> Check:
    """Check the share of decisions in roll-outs of the probe that the tie rule makes.

    Without a budget (`most` = 1) an agent is refused if every decision is a tie: it prefers
    nothing.
    """
    tied, count = _tied(agent.model, agent.probe)
    share = tied / count if count else 0.0
    check = Check(
        f"ties of {agent.name}",
        "passed",
        f"{count} decisions in roll-outs of the reference; a tie: the best within {TIE:g} nats "
        "begin differently, and the lowest index wins",
        "the float64 reference",
        round(share, 6),
        most,
        "share of decisions",
        key="budget.ties",
    )
    if agent.model.action_selection == "stochastic":
        return replace(check, measured=0.0, how="actions are drawn, so no tie rule decides")
    if share > most or (count and tied == count and agent.model.num_policies > 1):
        why = f"the tie rule makes {tied} of {count} decisions, so the order of policies does"
        fix = "give C differences, enable use_states_info_gain or lengthen policy_len"
        return replace(
            check, verdict="failed", why=why, fix=fix, key="budget.ties" if most < 1 else ""
        )
    return check


def _tied(model: Model, probe: Probe) -> tuple[int, int]:
    """Return the numbers of tied decisions and of all decisions in roll-outs."""
    rows = [e for e, kind in enumerate(probe.facts["kinds"]) if kind == "rollout"]
    regret = probe.regret[rows, :: model.plan_every] if rows else probe.regret[:0]
    best = regret.reshape(-1, regret.shape[-1]) <= TIE
    if probe.plans is not None:  # regret is by policy; equal plans are no choice
        _, number = np.unique(
            probe.plans.reshape(len(probe.plans), -1), axis=0, return_inverse=True
        )
        number = number.reshape(-1)
        tied = sum(len(np.unique(number[row])) > 1 for row in best)
    else:
        tied = int((best.sum(axis=1) > 1).sum())
    return int(tied), len(best)


def fidelity_checks(agent: AgentEvidence) -> Iterator[Check]:
    """Yield the checks of the proof: divergence, regret, and what its bound means."""
    proof = agent.proof
    how = (
        f"{proof['steps']} steps of {proof['episodes']} episodes of compiled code beside the "
        "float64 reference"
    )
    for name, unit in (("kl", "nats of divergence"), ("regret", "nats of regret")):
        largest, limit = (float.fromhex(proof[f"{name}_{end}"]) for end in ("max", "limit"))
        check = Check(f"{name} of {agent.name}", "passed", how, "this host", largest, limit, unit)
        beyond = not largest <= limit  # NaN is beyond
        why = f"{largest:.3g} {unit}, the limit is {limit:.3g}"
        yield replace(check, verdict="failed", why=why) if beyond else check
    yield Check(
        f"fidelity of {agent.name}",
        "passed" if not proof["violations"] else "failed",
        f"{how}; at 95 % confidence at least {proof['lower_bound']} of all steps and "
        f"{proof['lower_bound_episodes']} of all episodes of this kind are within both limits",
        "this host",
        proof["violations"],
        0,
        "steps beyond a limit",
        why=f"{proof['violations']} of {proof['steps']} steps are beyond a limit"
        if proof["violations"]
        else "",
    )
