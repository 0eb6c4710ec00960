"""Distinct prefixes of the policies: beliefs after u_1..u_t depend on these actions only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from agentc.ir.types import Model
from numpy.typing import NDArray

Choices = dict[tuple[int, ...], NDArray[np.intp]]
"""Nodes of each combination of actions of a B."""


@dataclass(frozen=True, slots=True, eq=False)
class Depth:
    """Nodes at one depth: parents, actions (nodes, controls), and the node of each policy."""

    parent: NDArray[np.intp]
    action: NDArray[np.int32]
    node_of_policy: NDArray[np.intp]


def policy_tree(model: Model) -> tuple[Depth, ...]:
    """Return one Depth for each time step. Nodes are in the order in which policies reach them."""
    above = [0] * model.num_policies
    depths = []
    for t in range(model.policy_len):
        known: dict[tuple[int, ...], int] = {}
        keys = [(above[p], *map(int, model.policies[p, t])) for p in range(model.num_policies)]
        here = [known.setdefault(key, len(known)) for key in keys]
        nodes = list(known)
        depths.append(
            Depth(
                parent=np.array([key[0] for key in nodes], dtype=np.intp),
                action=every_control(model, np.array([key[1:] for key in nodes], dtype=np.int32)),
                node_of_policy=np.array(here, dtype=np.intp),
            )
        )
        above = here
    return tuple(depths)


def nodes_by_choice(model: Model, depth: Depth, f: int, moves: bool) -> Choices:
    """Return the nodes of each combination of actions of B[f]; one if it never moves."""
    actions = depth.action[: None if moves else 1, list(model.B_action_dependencies[f])]
    controls = [model.num_controls[c] for c in model.B_action_dependencies[f]]
    return {
        tuple(choice): np.flatnonzero(np.all(actions == np.array(choice, dtype=np.int32), axis=1))
        for choice in np.ndindex(*controls)
    }


def every_control(model: Model, action: NDArray[np.int32]) -> NDArray[np.int32]:
    """Extend actions (n, control factors) to all controls, 0 for those without a choice."""
    wide = np.zeros((action.shape[0], len(model.num_controls)), dtype=np.int32)
    wide[:, list(model.control_factors)] = action.reshape(action.shape[0], -1)
    return wide
