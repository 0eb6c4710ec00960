"""Build the plan of an agent: the tables and the order of work of one step, for any target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from agentc.ir.files import Model, ModelError
from agentc.numerics import exact_math as fmath
from agentc.plan import pymdp007 as plan_legacy
from agentc.plan.contraction import Predicted, choose, contraction_tables
from agentc.plan.dense_likelihoods import dense_groups, dense_tables
from agentc.plan.feature_support import MAX_COLUMN_STATES, refusals
from agentc.plan.files import SCHEMA, Plan
from agentc.plan.lower_tables import (
    PRODUCT_LIMIT,
    Tables,
    column_tables,
    energy_tables,
    inductive_tables,
    likelihood_tables,
    padded,
    palettes,
    split_parents,
    unsigned,
)
from agentc.plan.lower_transitions import node_tables, reads, transition_tables
from agentc.plan.prune_irrelevant import without_constant_parents
from agentc.plan.share_beliefs import Nodes, Slices, Tree, share, slices


def build(model: Model, factored: bool = True) -> Plan:
    """Return the plan of a normalised model; ModelError lists features that native lacks.

    With `factored`, dense modalities of several factors are contracted factor by factor where that
    takes fewer multiplications, and many rows are stored by length. Quantized plans, for which
    bytes count, have neither.
    """
    errors = refusals(model)
    if errors:
        raise ModelError(errors)
    model = without_constant_parents(model)
    kinds = [slices(model, f) for f in range(len(model.num_states))]
    nodes, tree = share(model, kinds)
    _check_memory(model, nodes, kinds)
    tables: Tables = {"D": np.concatenate(model.D)}
    factors = []
    for f, kind in enumerate(kinds):
        tables |= transition_tables(f, kind, by_length=factored)
        new_tables, blocks = node_tables(f, nodes[f], kind)
        tables |= new_tables
        factors.append(
            {
                "blocks": blocks,
                "columns": padded(nodes[f].count),
                "nodes": nodes[f].count,
                "reads": reads(kind),
            }
        )
    new_tables, header = _modalities(model, Predicted(nodes, tree), factored)
    tables |= new_tables
    for f in range(len(model.I)):
        tables |= inductive_tables(model, f, [place[f] for place in tree.places])
    tables |= _policies(model, tree)
    return Plan(
        {
            **_facts(model),
            "factors": factors,
            **header,
            "places": len(tree.places),
            "prefixes": len(tree.parent),
        },
        palettes(tables),
    )


def _modalities(
    model: Model, predicted: Predicted, factored: bool
) -> tuple[Tables, dict[str, Any]]:
    """Return the tables and the header of all modalities: likelihoods and expected free energy."""
    sparse = [_likelihoods(model, m) for m in range(len(model.num_obs))]
    dense = dense_groups(model, sparse) if factored else []
    chosen = choose(model, predicted) if factored else []
    tables: Tables = {}
    for m, likelihood in enumerate(sparse):
        group = next((group for group in dense if m in group.modalities), None)
        tables |= dense_tables(model, group, m, likelihood) if group else likelihood
    facts: dict[int, dict[str, Any]] = {}
    contractions = []
    for number, each in enumerate(chosen):
        new_tables, header, contracted = contraction_tables(model, number, each, predicted)
        tables |= new_tables
        contractions.append(header)
        facts |= contracted
    for m in range(len(model.num_obs)):
        if m not in facts:
            new_tables, facts[m] = _energy(model, m, predicted)
            tables |= new_tables
    if model.legacy and model.use_states_info_gain:
        new_tables, facts[len(facts)] = plan_legacy.gain_tables(
            model, len(facts), predicted.tree, predicted.nodes
        )
        tables |= new_tables
    return tables, {
        "modalities": [facts[m] for m in sorted(facts)],
        **({"contractions": contractions} if contractions else {}),
        **(
            {"dense": [[list(group.modalities), list(group.factors)] for group in dense]}
            if dense
            else {}
        ),
    }


def interface(model: Model) -> dict[str, Any]:
    """Return the sizes that a program needs of an agent."""
    return {
        "schema": SCHEMA,
        "num_obs": model.num_obs,
        "num_states": model.num_states,
        "num_controls": [model.num_controls[c] for c in model.control_factors],
        "control_factors": model.control_factors,
        "n_policies": model.num_policies,
        "policy_len": model.policy_len,
        **({"plan_every": model.plan_every} if model.keeps_plans else {}),
    }


def _check_memory(model: Model, nodes: Sequence[Nodes], kinds: Sequence[Slices]) -> None:
    """Raise a ModelError if predicted or joint beliefs would need too much memory."""
    errors = []
    for f, (factor_nodes, kind) in enumerate(zip(nodes, kinds)):
        sizes = [(model.num_states[f], factor_nodes.count)]
        sizes += [
            (math.prod(model.num_states[d] for d in kind.parents[block.slice]), len(block.parents))
            for block in factor_nodes.blocks
        ]
        states, count = max(sizes, key=math.prod)
        if states * count > MAX_COLUMN_STATES:
            errors.append(
                f"factor {f}: {states} states x {count} predicted beliefs exceed "
                f"{MAX_COLUMN_STATES}: "
                "shorten policy_len or list fewer policies"
            )
    if errors:
        raise ModelError(errors)


def _facts(model: Model) -> dict[str, Any]:
    return {
        **interface(model),
        "gamma": model.gamma.hex(),
        "num_iter": model.num_iter,
        "sampling_mode": model.sampling_mode,
        "action_selection": model.action_selection,
        "alpha": model.alpha.hex(),
        "product": _product(model),
        **({"legacy": True} if model.legacy else {}),
        "A_dependencies": model.A_dependencies,
        "actions": [
            [
                [model.control_factors.index(c), model.num_controls[c]]
                for c in controls
                if c in model.control_factors
            ]
            for controls in model.B_action_dependencies
        ],
    }


def _product(model: Model) -> bool:
    return len(model.num_states) == 1 and len(model.num_obs) <= PRODUCT_LIMIT and not model.legacy


def _likelihoods(model: Model, m: int) -> Tables:
    if model.legacy:
        return plan_legacy.likelihood_tables(model, m)
    return likelihood_tables(model, m, _product(model))


def _energy(model: Model, m: int, predicted: Predicted) -> tuple[Tables, dict[str, Any]]:
    """Return the tables and facts of a modality that is evaluated over products of beliefs."""
    nodes, tree = predicted.nodes, predicted.tree
    split = split_parents(model, m, nodes)
    parents = model.A_dependencies[m]
    moving = [parents[j] for j in split.moving]
    tables, facts = energy_tables(
        plan_legacy.without_gain(model) if model.legacy else model, m, split
    )
    joined, (first, count), column = column_tables(m, moving, tree, nodes)
    tables |= joined
    width = padded(count)
    planes = facts["planes"]
    offsets = [(depth if planes > 1 else 0) * width + c for depth, c in zip(tree.depths, column)]
    tables[f"G{m}_at"] = unsigned(offsets, planes * width - 1)
    return tables, {
        **facts,
        "columns": width,
        "first": first,
        "moving": moving,
        "still_factors": [parents[j] for j in split.still],
    }


def _policies(model: Model, tree: Tree) -> Tables:
    first = model.policies[:, : model.plan_every, :].reshape(-1)
    tables: Tables = {
        "P_parent": unsigned(tree.parent, len(tree.parent)),
        "P_place": unsigned(tree.place, len(tree.places)),
        "P_leaf": unsigned(tree.leaf, len(tree.parent)),
    }
    if first.size:
        tables["P_first"] = unsigned(first, int(first.max()))
    if model.E is not None:
        tables["P_habit"] = (
            plan_legacy.habit(model.E) if model.legacy else fmath.log_clipped(model.E)
        ).astype(np.float32)
    return tables
