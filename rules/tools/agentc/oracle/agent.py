"""The reference agent: pymdp 1.0.4 in float64, written for readability instead of speed.

pymdp007.py has the differences of pymdp 0.0.7. The agent shares no code with the compiler, so that
one mistake cannot affect both. Formulas: pymdp 1.0.4 algos.run_factorized_fpi,
control.update_posterior_policies, maths.calc_vfe; logarithms are clipped at 2^-52.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from agentc.ir.types import F64, MAX_JOINT, Model, ModelError
from agentc.numerics.exact_math import log_clipped, softmax, total, x_log_x
from agentc.oracle import mean_field, pymdp007 as legacy
from agentc.oracle.contraction import (
    Rows,
    Weights,
    average_out,
    joint,
    multiply,
    rows_of,
    weights_of,
)
from agentc.oracle.policy_tree import (
    Choices,
    Depth,
    every_control,
    nodes_by_choice,
    policy_tree,
)

STATE_TIE = 1e-6
"""States within this probability of the most probable one are tied; the lowest index wins."""

Beliefs = tuple[F64, ...]


@dataclass(frozen=True, slots=True, eq=False)
class PolicyEvaluation:
    """Evaluated policies: neg_efe, logits = gamma neg_efe + ln E, and q_pi, all of shape
    (policies,).
    """

    neg_efe: F64
    logits: F64
    q_pi: F64


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceAgent:
    """A model with constants of all steps: logarithms, sparsity, and the policy tree."""

    model: Model
    log_A: tuple[F64, ...]
    ambiguity: tuple[F64, ...]
    moving: tuple[bool, ...]
    rows_A: tuple[Rows, ...]
    matrix_A: tuple[Weights | None, ...]
    """Likelihoods (outcomes, joint states) of modalities whose parents all move."""
    rows_B: tuple[dict[tuple[int, ...], Weights], ...]
    tree: tuple[Depth, ...]
    nodes: tuple[tuple[Choices, ...], ...]
    """For each depth and factor: the nodes of each combination of actions of B[f]."""
    preferences: tuple[F64, ...]
    joint: legacy.JointLikelihood | None


def unsupported(model: Model) -> list[str]:
    """Return the features of the model that the reference agent lacks."""
    errors = [
        f"{name} = true is not supported"
        for name in (
            "use_param_info_gain",
            "learn_A",
            "learn_B",
            "learn_C",
            "learn_D",
            "learn_E",
            "categorical_obs",
        )
        if getattr(model, name)
    ]
    if model.inference_algo not in ("fpi", "ovf", "exact") or (
        model.inference_algo == "exact" and len(model.num_states) > 1
    ):
        errors.append(f"inference_algo = {model.inference_algo!r} is not supported: use 'fpi'")
    if model.legacy and len(model.num_obs) > 1 and model.joint_size > MAX_JOINT:
        errors.append(f"{model.joint_size} joint outcomes and states are more than {MAX_JOINT}")
    return errors


def prepare(model: Model) -> ReferenceAgent:
    """Build the reference agent; ModelError lists unsupported features."""
    errors = unsupported(model)
    if errors:
        raise ModelError(errors)
    moving, tree = _varying_factors(model), policy_tree(model)
    rows_A = tuple(_pattern(model, moving, m) for m in range(len(model.num_obs)))
    return ReferenceAgent(
        model=model,
        log_A=tuple(log_clipped(a) for a in model.A),
        ambiguity=tuple(total(0.0 - x_log_x(a)) for a in model.A),
        moving=moving,
        rows_A=rows_A,
        matrix_A=tuple(
            weights_of(a.reshape(len(a), -1), rows) if all(moving[f] for f in deps) else None
            for a, rows, deps in zip(model.A, rows_A, model.A_dependencies, strict=True)
        ),
        rows_B=tuple(_transitions(model, f) for f in range(len(model.num_states))),
        tree=tree,
        nodes=tuple(
            tuple(nodes_by_choice(model, depth, f, moves) for f, moves in enumerate(moving))
            for depth in tree
        ),
        preferences=tuple(map(legacy.preferences, model.C)) if model.legacy else model.C,
        joint=legacy.prepare(model) if model.legacy else None,
    )


def _varying_factors(model: Model) -> tuple[bool, ...]:
    """Return the factors whose predicted belief depends on the policy, directly or not."""
    moving = [any(model.num_controls[c] > 1 for c in row) for row in model.B_action_dependencies]
    for _ in moving:
        moving = [
            own or any(moving[d] for d in row)
            for own, row in zip(moving, model.B_dependencies, strict=True)
        ]
    return tuple(moving)


def _pattern(model: Model, moving: Sequence[bool], m: int) -> Rows:
    fixed = tuple(i + 1 for i, f in enumerate(model.A_dependencies[m]) if not moving[f])
    return rows_of(np.any(model.A[m] != 0.0, axis=fixed).reshape(model.num_obs[m], -1))


def _transitions(model: Model, f: int) -> dict[tuple[int, ...], Weights]:
    """Return the matrix of each combination of actions of B[f] (next states, joint states)."""
    matrices = {}
    controls = [model.num_controls[c] for c in model.B_action_dependencies[f]]
    for choice in np.ndindex(*controls):
        matrix = np.ascontiguousarray(model.B[f][(..., *choice)]).reshape(model.num_states[f], -1)
        matrices[tuple(choice)] = weights_of(matrix, rows_of(matrix != 0.0))
    return matrices


def initial_prior(agent: ReferenceAgent) -> Beliefs:
    """Return D, the belief before the first observation."""
    return agent.model.D


def infer_states(agent: ReferenceAgent, obs: Sequence[int], prior: Beliefs) -> Beliefs:
    """Return the posterior of each factor: exact for one factor, else fixed-point iterations."""
    evidence, log_prior = likelihoods(agent, obs), log_priors(agent, prior)
    if len(prior) == 1:
        return (softmax(_plus(evidence) + log_prior[0]),)
    return fixed_point(agent, evidence, log_prior)


def likelihoods(agent: ReferenceAgent, obs: Sequence[int]) -> list[F64]:
    """Return log likelihoods of the states: one tensor a modality, or a joint one."""
    if agent.joint:
        return [legacy.log_likelihood(agent.joint, obs)]
    return [agent.log_A[m][o] for m, o in enumerate(obs)]


def log_priors(agent: ReferenceAgent, prior: Beliefs) -> list[F64]:
    """Return the log prior of each factor's states."""
    return [legacy.logs(p) if agent.joint else log_clipped(p) for p in prior]


def fixed_point(
    agent: ReferenceAgent, evidence: Sequence[F64], log_prior: Sequence[F64]
) -> Beliefs:
    """Run num_iter mean-field updates from uniform beliefs; stop when no bit changes."""
    return fixed_points(agent, [evidence], [log_prior])[0]


def fixed_points(
    agent: ReferenceAgent,
    evidence: Sequence[Sequence[F64]],
    log_prior: Sequence[Sequence[F64]],
) -> list[Beliefs]:
    """Return the fixed point of each set of logarithms; see `fixed_point`."""
    if agent.joint:
        return [
            legacy.fixed_point(agent.model.num_iter, one[0], prior)
            for one, prior in zip(evidence, log_prior, strict=True)
        ]
    return mean_field.fixed_points(agent.model, evidence, log_prior)


def _plus(terms: Sequence[F64]) -> F64:
    result = terms[0]
    for term in terms[1:]:
        result = result + term
    return result


def free_energy(agent: ReferenceAgent, obs: Sequence[int], prior: Beliefs, qs: Beliefs) -> float:
    """Return the variational free energy of a step in nats.

    F = sum_f q.(ln q - ln prior) - E_q[ln A[obs]].
    """
    if agent.joint:
        return legacy.free_energy(likelihoods(agent, obs)[0], log_priors(agent, prior), qs)
    value = 0.0
    for q, p in zip(qs, prior, strict=True):
        value = value + float(total(x_log_x(q))) - float(total(q * log_clipped(p)))
    for m, o in enumerate(obs):
        weight = joint([qs[f][:, None] for f in agent.model.A_dependencies[m]])[:, 0]
        value = value - float(total(agent.log_A[m][o].reshape(-1) * weight))
    return value


def infer_policies(agent: ReferenceAgent, qs: Beliefs) -> PolicyEvaluation:
    """Return negative expected free energy of every policy and the posterior over policies."""
    model = agent.model
    beliefs = tuple(q[:, None] for q in qs)
    neg_efe, pulls = np.zeros(model.num_policies), inductive_values(agent, qs)
    for t, depth in enumerate(agent.tree):
        beliefs = _predict(agent, beliefs, t)
        worth, joints = np.zeros(len(depth.parent)), _joints(agent, beliefs)
        for m, q in enumerate(joints):
            worth = worth + _modality_neg_efe(agent, m, t, beliefs, q)
        if agent.joint and model.use_states_info_gain:
            worth = worth + legacy.information_gain(agent.joint, beliefs)
        for pull, q in zip(pulls, beliefs, strict=True):
            worth = worth + total(pull[:, None] * q)
        neg_efe = neg_efe + worth[depth.node_of_policy]
    logits = model.gamma * neg_efe
    if model.E is not None:
        logits = logits + log_priors(agent, (model.E,))[0]
    return PolicyEvaluation(neg_efe, logits, softmax(logits))


def inductive_values(agent: ReferenceAgent, qs: Beliefs) -> tuple[F64, ...]:
    """Return what each state adds to neg_efe at every time, by factor, from the present belief.

    With s* the most probable state and m the last step before the first 1 in I[:, s*] (0 at the
    goal), the value is ln(epsilon) (1 - I[m]), scaled by min(sum I[:, s*], 1): zero if no path
    leads to the goal. Source: pymdp 1.0.4, control.calc_inductive_value_t; for ties of s* see LEAD.
    """
    model = agent.model
    if not model.I:
        return tuple(np.zeros(n) for n in model.num_states)
    scale, values = float(log_clipped(np.array(model.inductive_epsilon))), []
    for q, reach in zip(qs, model.I, strict=True):
        column = reach[:, int(np.flatnonzero(q >= q.max() - STATE_TIE)[0])]
        step = max(int(np.argmax(column)) - 1, 0)
        values.append(min(max(float(total(column)), 0.0), 1.0) * (1.0 - reach[step]) * scale)
    return tuple(values)


def _predict(agent: ReferenceAgent, beliefs: Beliefs, t: int) -> Beliefs:
    """Return beliefs one step later at every node; a factor that no policy moves has one column."""
    model, depth = agent.model, agent.tree[t]
    width = len(depth.parent)
    widened = tuple(
        q[:, depth.parent] if moves else q for q, moves in zip(beliefs, agent.moving, strict=True)
    )
    predicted = []
    for f, moves in enumerate(agent.moving):
        before = joint([widened[d] for d in model.B_dependencies[f]])
        if before.shape[1] != (width if moves else 1):
            before = np.broadcast_to(before, (before.shape[0], width))
        after = np.zeros((model.num_states[f], before.shape[1]))
        for choice, nodes in agent.nodes[t][f].items():
            if len(nodes) == before.shape[1]:
                after = multiply(agent.rows_B[f][choice], before)
            elif len(nodes):
                after[:, nodes] = multiply(agent.rows_B[f][choice], before[:, nodes])
        predicted.append(after)
    return tuple(predicted)


def _joints(agent: ReferenceAgent, beliefs: Beliefs) -> list[F64]:
    """Return for each modality the joint belief of those parents that policies move."""
    known: dict[tuple[int, ...], F64] = {(): np.ones((1, 1))}
    joints = []
    for deps in agent.model.A_dependencies:
        moving = tuple(f for f in deps if agent.moving[f])
        if moving not in known:
            known[moving] = joint([beliefs[f] for f in moving])
        joints.append(known[moving])
    return joints


def _modality_neg_efe(agent: ReferenceAgent, m: int, t: int, beliefs: Beliefs, q: F64) -> F64:
    """Return what modality m adds to neg_efe at each node: information gain and utility.

    `q` is the joint belief of its parents that policies move.
    """
    model = agent.model
    likelihood, ambiguity = model.A[m], agent.ambiguity[m]
    deps = model.A_dependencies[m]
    for axis in range(len(deps) - 1, -1, -1):
        if not agent.moving[deps[axis]]:
            likelihood = average_out(likelihood, axis + 1, beliefs[deps[axis]][:, 0])
            ambiguity = average_out(ambiguity, axis, beliefs[deps[axis]][:, 0])
    matrix = agent.matrix_A[m] or weights_of(
        likelihood.reshape(model.num_obs[m], -1), agent.rows_A[m]
    )
    expected = multiply(matrix, q)
    worth = np.zeros(q.shape[1])
    if model.gains_information(m) and not agent.joint:
        worth = worth - total(x_log_x(expected)) - total(ambiguity.reshape(-1, 1) * q)
    if model.use_utility:
        preference = agent.preferences[m][t] if model.C_time_varying[m] else agent.preferences[m]
        worth = worth + total(preference[:, None] * expected)
    return worth


def next_prior(agent: ReferenceAgent, qs: Beliefs, action: Sequence[int]) -> Beliefs:
    """Return the belief about the next states after the executed action."""
    model = agent.model
    chosen = every_control(model, np.array([list(action)], dtype=np.int32).reshape(1, -1))[0]
    priors = []
    for f, controls in enumerate(model.B_action_dependencies):
        matrix = agent.rows_B[f][tuple(int(chosen[c]) for c in controls)]
        before = joint([qs[d][:, None] for d in model.B_dependencies[f]])
        priors.append(multiply(matrix, before)[:, 0])
    return tuple(priors)
