"""Build the plan of an agent: the tables and the order of work of one step, for any target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from agentc.ir.files import Model, ModelError
from agentc.numerics import exact_math as fmath
from agentc.plan import pymdp007 as plan_legacy
from agentc.plan.feature_support import MAX_COLUMN_STATES, refusals
from agentc.plan.files import SCHEMA, Plan
from agentc.plan.lower_tables import (
    PRODUCT_LIMIT,
    Tables,
    column_tables,
    energy_tables,
    inductive_tables,
    likelihood_tables,
    node_tables,
    padded,
    palettes,
    reads,
    split_parents,
    transition_tables,
    unsigned,
)
from agentc.plan.prune_irrelevant import without_constant_parents
from agentc.plan.share_beliefs import Nodes, Slices, Tree, share, slices


def build(model: Model) -> Plan:
    """Return the plan of a normalised model; ModelError lists features that native lacks."""
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
        tables |= transition_tables(f, kind)
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
    modalities = []
    for m in range(len(model.num_obs)):
        new_tables, facts = _modality(model, m, nodes, tree)
        tables |= new_tables
        modalities.append(facts)
    if model.legacy and model.use_states_info_gain:
        new_tables, facts = plan_legacy.gain_tables(model, len(modalities), tree, nodes)
        tables |= new_tables
        modalities.append(facts)
    for f in range(len(model.I)):
        tables |= inductive_tables(model, f, [place[f] for place in tree.places])
    tables |= _policies(model, tree)
    return Plan(
        {
            **_facts(model),
            "factors": factors,
            "modalities": modalities,
            "places": len(tree.places),
            "prefixes": len(tree.parent),
        },
        palettes(tables),
    )


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


def _modality(
    model: Model, m: int, nodes: Sequence[Nodes], tree: Tree
) -> tuple[Tables, dict[str, Any]]:
    split = split_parents(model, m, nodes)
    parents = model.A_dependencies[m]
    moving = [parents[j] for j in split.moving]
    tables = (
        plan_legacy.likelihood_tables(model, m)
        if model.legacy
        else likelihood_tables(model, m, _product(model))
    )
    energy, facts = energy_tables(
        plan_legacy.without_gain(model) if model.legacy else model, m, split
    )
    joined, count, column = column_tables(m, moving, tree, nodes)
    tables |= energy | joined
    width = padded(count)
    planes = facts["planes"]
    offsets = [(depth if planes > 1 else 0) * width + c for depth, c in zip(tree.depths, column)]
    tables[f"G{m}_at"] = unsigned(offsets, planes * width - 1)
    return tables, {
        **facts,
        "columns": width,
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
