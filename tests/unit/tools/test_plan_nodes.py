"""Sharing of predicted beliefs: as few nodes as the transitions allow, and each holds the belief of its policies."""
from __future__ import annotations

import numpy as np
import pytest
from ir import F64, Model
from plan_nodes import Nodes, Slices, Tree, flat_controls, grow, index_map, slices

from tests.unit.tools.native_agents import SHAPES, make, random_model, ring


def grown(model: Model) -> tuple[list[Slices], tuple[Nodes, ...], Tree]:
    kinds = [slices(model, f) for f in range(len(model.num_states))]
    return kinds, *grow(model, kinds)


def beliefs(start: F64, kinds: Slices, nodes: Nodes) -> list[F64]:
    """Belief at every node, block by block, as the emitted program makes them."""
    found: dict[int, F64] = {0: start}
    for block in nodes.blocks:
        for i, parent in enumerate(block.parents):
            found[block.first + i] = kinds.matrices[block.slice] @ found[parent]
    return [found[n] for n in range(nodes.count)]


def test_full_tree_of_distinct_transitions_has_one_node_a_prefix() -> None:
    _, nodes, tree = grown(random_model("one_factor"))
    assert nodes[0].count == len(tree.parent) == 1 + 4 + 16 + 64


def test_commuting_moves_share_nodes() -> None:
    _, nodes, tree = grown(ring(states=9, policy_len=3))
    assert len(tree.parent) == 1 + 3 + 9 + 27
    assert nodes[0].count == 7  # displacements -3..3


def test_commuting_moves_round_a_short_ring_share_more() -> None:
    _, nodes, _ = grown(ring(states=3, policy_len=3))
    assert nodes[0].count == 3


def test_still_factor_stays_at_the_present_belief() -> None:
    moving = random_model("still_factor").B[0]
    _, nodes, tree = grown(random_model("still_factor", B=(moving, np.eye(4)[:, :, None])))
    assert nodes[1].count == 1
    assert {place[1] for place in tree.places} == {0}


def test_equal_transitions_are_one_slice() -> None:
    model = ring()
    doubled = np.concatenate([model.B[0], model.B[0][:, :, :1]], axis=2)
    assert slices(make(model.A, [doubled], [(0,)], (4,)), 0).of == (0, 1, 2, 0)


@pytest.mark.parametrize("matrix", [np.full((2, 2), 0.5), np.ones((2, 2)), np.zeros((2, 2))])
def test_only_matrices_that_move_states_are_maps(matrix: F64) -> None:
    assert index_map(matrix) is None


def test_a_map_may_merge_states() -> None:
    assert index_map(np.array([[1.0, 1.0], [0.0, 0.0]])) == (0, 0)


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("seed", range(3))
def test_every_policy_finds_its_beliefs(kind: str, seed: int) -> None:
    model = random_model(kind, seed)
    kinds, nodes, tree = grown(model)
    held = [beliefs(d, k, n) for d, k, n in zip(model.D, kinds, nodes)]
    moves = flat_controls(model)
    for p in range(model.num_policies):
        chain = [tree.leaf[p]]
        while chain[-1]:
            chain.append(tree.parent[chain[-1]])
        direct = list(model.D)
        for rows, prefix in zip(moves, reversed(chain[:-1])):
            for f, u in enumerate(rows[p]):
                direct[f] = model.B[f][:, :, u] @ direct[f]
                node = tree.places[tree.place[prefix]][f]
                assert np.allclose(held[f][node], direct[f], rtol=0, atol=1e-14)


@pytest.mark.parametrize("kind", SHAPES)
def test_parents_come_before_the_block_that_reads_them(kind: str) -> None:
    for model in (random_model(kind), ring(policy_len=4)):
        for factor in grown(model)[1]:
            reached = 1
            for block in factor.blocks:
                assert block.first == reached and max(block.parents) < block.first
                assert list(block.parents) == sorted(set(block.parents))
                reached += len(block.parents)
            assert reached == factor.count


def test_time_varying_preferences_keep_depths_apart() -> None:
    timed = ring(policy_len=2, C=(np.arange(10.0).reshape(2, 5),), C_time_varying=(True,))
    assert set(grown(timed)[2].depths) == {0, 1}
    assert set(grown(ring(policy_len=2))[2].depths) == {0}
