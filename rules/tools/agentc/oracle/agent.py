"""The reference agent: pymdp 1.0.4's meaning of a model in float64, written for reading, not for speed.

What models of pymdp 0.0.7 mean otherwise stands in pymdp007.py. It shares no code with the compiler on purpose:
two copies of one mistake would agree. Formulas: pymdp 1.0.4 algos.run_factorized_fpi, control.update_posterior_policies,
maths.calc_vfe; logs clipped at 2^-52.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from agentc.ir.types import F64, MAX_JOINT, Model, ModelFault
from agentc.numerics.exact_math import log_clipped, softmax, total, x_log_x
from agentc.oracle import pymdp007 as legacy
from agentc.oracle.contraction import Rows, average_out, joint, multiply, rows_of
from agentc.oracle.policy_tree import Depth, every_control, policy_tree

LEAD = 1e-6
"""States less probable than the best by no more than this are tied with it; the lowest index is taken."""

Beliefs = tuple[F64, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """Policies judged from one belief: neg_efe, logits = gamma neg_efe + ln E and q_pi, all (policies,)."""

    neg_efe: F64
    logits: F64
    q_pi: F64


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """A model with what does not change from step to step: logarithms, sparsity, the tree of policies."""

    model: Model
    log_A: tuple[F64, ...]
    ambiguity: tuple[F64, ...]
    moving: tuple[bool, ...]
    rows_A: tuple[Rows, ...]
    rows_B: tuple[dict[tuple[int, ...], tuple[F64, Rows]], ...]
    tree: tuple[Depth, ...]
    preferences: tuple[F64, ...]
    joint: legacy.Joint | None


def unsupported(model: Model) -> list[str]:
    """Features of the model that this agent (and so the native compiler's proof) does not cover."""
    faults = [
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
        faults.append(f"inference_algo = {model.inference_algo!r} is not supported: use 'fpi'")
    if model.legacy and len(model.num_obs) > 1 and model.joint_size > MAX_JOINT:
        faults.append(f"{model.joint_size} joint outcomes and states are more than {MAX_JOINT}")
    return faults


def prepare(model: Model) -> Reference:
    """Build the reference agent; ModelFault lists the features it does not cover."""
    faults = unsupported(model)
    if faults:
        raise ModelFault(faults)
    moving = _moving(model)
    return Reference(
        model=model,
        log_A=tuple(log_clipped(a) for a in model.A),
        ambiguity=tuple(total(0.0 - x_log_x(a)) for a in model.A),
        moving=moving,
        rows_A=tuple(_pattern(model, moving, m) for m in range(len(model.num_obs))),
        rows_B=tuple(_transitions(model, f) for f in range(len(model.num_states))),
        tree=policy_tree(model),
        preferences=tuple(map(legacy.preferences, model.C)) if model.legacy else model.C,
        joint=legacy.prepare(model) if model.legacy else None,
    )


def _moving(model: Model) -> tuple[bool, ...]:
    """Factors whose predicted belief can differ between policies: controlled ones and their dependants."""
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


def _transitions(model: Model, f: int) -> dict[tuple[int, ...], tuple[F64, Rows]]:
    """For each combination of actions that B[f] depends on: its matrix (next states, joint), places."""
    found = {}
    controls = [model.num_controls[c] for c in model.B_action_dependencies[f]]
    for choice in np.ndindex(*controls):
        matrix = np.ascontiguousarray(model.B[f][(..., *choice)]).reshape(model.num_states[f], -1)
        found[tuple(choice)] = (matrix, rows_of(matrix != 0.0))
    return found


def initial_prior(agent: Reference) -> Beliefs:
    """D: what is believed before the first observation."""
    return agent.model.D


def infer_states(agent: Reference, obs: Sequence[int], prior: Beliefs) -> Beliefs:
    """Posterior over each factor's states; exact for one factor, else num_iter fixed-point iterations."""
    evidence, log_prior = likelihoods(agent, obs), log_priors(agent, prior)
    if len(prior) == 1:
        return (softmax(_plus(evidence) + log_prior[0]),)
    return fixed_point(agent, evidence, log_prior)


def likelihoods(agent: Reference, obs: Sequence[int]) -> list[F64]:
    """Log likelihoods of the states: one tensor a modality, or one of all."""
    if agent.joint:
        return [legacy.log_likelihood(agent.joint, obs)]
    return [agent.log_A[m][o] for m, o in enumerate(obs)]


def log_priors(agent: Reference, prior: Beliefs) -> list[F64]:
    """Log prior of each factor's states."""
    return [legacy.logs(p) if agent.joint else log_clipped(p) for p in prior]


def fixed_point(agent: Reference, evidence: Sequence[F64], log_prior: Sequence[F64]) -> Beliefs:
    """num_iter rounds of mean-field updates from uniform beliefs; stops when a round changes no bit."""
    if agent.joint:
        return legacy.fixed_point(agent.model.num_iter, evidence[0], log_prior)
    log_q = [np.zeros_like(p) for p in log_prior]
    for _ in range(agent.model.num_iter):
        before = log_q
        messages = _marginals(agent, evidence, [softmax(x) for x in before])
        log_q = [message + p for message, p in zip(messages, log_prior, strict=True)]
        if all(np.array_equal(old, new) for old, new in zip(before, log_q, strict=True)):
            break
    return tuple(softmax(x) for x in log_q)


def _marginals(agent: Reference, evidence: Sequence[F64], q: Sequence[F64]) -> list[F64]:
    """Per factor: the expected log likelihood of its states under the beliefs of the other factors."""
    found = [np.zeros(n) for n in agent.model.num_states]
    for deps, tensor in zip(agent.model.A_dependencies, evidence, strict=True):
        for kept, factor in enumerate(deps):
            rest = tensor
            for axis in range(len(deps) - 1, -1, -1):
                if axis != kept:
                    rest = average_out(rest, axis, q[deps[axis]])
            found[factor] = found[factor] + rest
    return found


def _plus(terms: Sequence[F64]) -> F64:
    result = terms[0]
    for term in terms[1:]:
        result = result + term
    return result


def free_energy(agent: Reference, obs: Sequence[int], prior: Beliefs, qs: Beliefs) -> float:
    """Variational free energy of one step in nats: sum_f q.(ln q - ln prior) - E_q[ln A[obs]]."""
    if agent.joint:
        return legacy.free_energy(likelihoods(agent, obs)[0], log_priors(agent, prior), qs)
    value = 0.0
    for q, p in zip(qs, prior, strict=True):
        value = value + float(total(x_log_x(q))) - float(total(q * log_clipped(p)))
    for m, o in enumerate(obs):
        weight = joint([qs[f][:, None] for f in agent.model.A_dependencies[m]])[:, 0]
        value = value - float(total(agent.log_A[m][o].reshape(-1) * weight))
    return value


def infer_policies(agent: Reference, qs: Beliefs) -> Verdict:
    """Negative expected free energy of every policy and the posterior over policies."""
    model = agent.model
    beliefs = tuple(q[:, None] for q in qs)
    neg_efe, pulls = np.zeros(model.num_policies), inductive_values(agent, qs)
    for t, depth in enumerate(agent.tree):
        beliefs = _predict(agent, beliefs, depth)
        worth = np.zeros(len(depth.parent))
        for m in range(len(model.num_obs)):
            worth = worth + _worth(agent, m, t, beliefs)
        if agent.joint and model.use_states_info_gain:
            worth = worth + legacy.information_gain(agent.joint, beliefs)
        for pull, q in zip(pulls, beliefs, strict=True):
            worth = worth + total(pull[:, None] * q)
        neg_efe = neg_efe + worth[depth.node_of_policy]
    logits = model.gamma * neg_efe
    if model.E is not None:
        logits = logits + log_priors(agent, (model.E,))[0]
    return Verdict(neg_efe, logits, softmax(logits))


def inductive_values(agent: Reference, qs: Beliefs) -> tuple[F64, ...]:
    """By factor: what being in each state adds to neg_efe at every time, judged from the present belief.

    With s* the most probable state now, m the last step count before its first 1 in I[:, s*] (0 at the goal), the
    value is ln(epsilon) (1 - I[m]), scaled by min(sum I[:, s*], 1): nothing where no path leads to the goal.
    pymdp 1.0.4, control.calc_inductive_value_t; ties of s* go to the lowest index (see LEAD).
    """
    model = agent.model
    if not model.I:
        return tuple(np.zeros(n) for n in model.num_states)
    scale, found = float(log_clipped(np.array(model.inductive_epsilon))), []
    for q, reach in zip(qs, model.I, strict=True):
        column = reach[:, int(np.flatnonzero(q >= q.max() - LEAD)[0])]
        step = max(int(np.argmax(column)) - 1, 0)
        found.append(min(max(float(total(column)), 0.0), 1.0) * (1.0 - reach[step]) * scale)
    return tuple(found)


def _predict(agent: Reference, beliefs: Beliefs, depth: Depth) -> Beliefs:
    """Beliefs one step later at every node; a factor no policy moves keeps its single column."""
    model = agent.model
    width = len(depth.parent)
    widened = tuple(
        q[:, depth.parent] if moves else q for q, moves in zip(beliefs, agent.moving, strict=True)
    )
    found = []
    for f, moves in enumerate(agent.moving):
        before = joint([widened[d] for d in model.B_dependencies[f]])
        before = np.broadcast_to(before, (before.shape[0], width if moves else 1))
        after = np.zeros((model.num_states[f], before.shape[1]))
        actions = depth.action[: after.shape[1], list(model.B_action_dependencies[f])]
        for choice, (matrix, rows) in agent.rows_B[f].items():
            nodes = np.flatnonzero(np.all(actions == np.array(choice, dtype=np.int32), axis=1))
            after[:, nodes] = multiply(matrix, rows, before[:, nodes])
        found.append(after)
    return tuple(found)


def _worth(agent: Reference, m: int, t: int, beliefs: Beliefs) -> F64:
    """What modality m adds to neg_efe at each node: information gain about states, and utility."""
    model = agent.model
    likelihood, ambiguity = model.A[m], agent.ambiguity[m]
    deps = model.A_dependencies[m]
    for axis in range(len(deps) - 1, -1, -1):
        if not agent.moving[deps[axis]]:
            likelihood = average_out(likelihood, axis + 1, beliefs[deps[axis]][:, 0])
            ambiguity = average_out(ambiguity, axis, beliefs[deps[axis]][:, 0])
    moving = [beliefs[f] for f in deps if agent.moving[f]]
    q = joint(moving) if moving else np.ones((1, 1))
    expected = multiply(likelihood.reshape(model.num_obs[m], -1), agent.rows_A[m], q)
    worth = np.zeros(q.shape[1])
    if model.gains_information(m) and not agent.joint:
        worth = worth - total(x_log_x(expected)) - total(ambiguity.reshape(-1, 1) * q)
    if model.use_utility:
        preference = agent.preferences[m][t] if model.C_time_varying[m] else agent.preferences[m]
        worth = worth + total(preference[:, None] * expected)
    return worth


def next_prior(agent: Reference, qs: Beliefs, action: Sequence[int]) -> Beliefs:
    """Belief about the next step's states after the action that was executed."""
    model = agent.model
    chosen = every_control(model, np.array([list(action)], dtype=np.int32).reshape(1, -1))[0]
    found = []
    for f, controls in enumerate(model.B_action_dependencies):
        matrix, rows = agent.rows_B[f][tuple(int(chosen[c]) for c in controls)]
        before = joint([qs[d][:, None] for d in model.B_dependencies[f]])
        found.append(multiply(matrix, rows, before)[:, 0])
    return tuple(found)
