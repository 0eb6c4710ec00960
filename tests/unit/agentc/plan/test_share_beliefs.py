"""Sharing of predicted beliefs: as few nodes as the transitions allow, and each holds the belief of
its policies.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from agentc.ir.files import F64, Model
from agentc.plan import merge_equal_products as plan_compose
from agentc.plan.prune_irrelevant import relevant, without_constant_parents
from agentc.plan.share_beliefs import Nodes, Slices, Tree, flat_controls, index_map, share, slices

from tests.support.native_agents import SHAPES, make, random_model, ring


def grown(model: Model) -> tuple[list[Slices], tuple[Nodes, ...], Tree]:
    kinds = [slices(model, f) for f in range(len(model.num_states))]
    return kinds, *share(model, kinds)


def beliefs(model: Model, kinds: list[Slices], nodes: tuple[Nodes, ...]) -> list[dict[int, F64]]:
    """Belief of each factor at each node, depth by depth, as the emitted program makes them."""
    result: list[dict[int, F64]] = [{0: d} for d in model.D]
    blocks = [(block.depth, f, block) for f, each in enumerate(nodes) for block in each.blocks]
    for _, f, block in sorted(blocks, key=lambda item: item[:2]):
        for i, read in enumerate(block.parents):
            q = np.ones(1)
            for d, node in zip(kinds[f].parents[block.slice], read, strict=True):
                q = np.multiply.outer(q, result[d][node]).ravel()
            result[f][block.first + i] = kinds[f].matrices[block.slice] @ q
    return result


def moved(model: Model, f: int, u: int, before: list[F64]) -> F64:
    """One transition of factor f as pymdp has it: B with the beliefs of its parents summed out."""
    result = model.B[f].reshape(*model.B[f].shape[: 1 + len(model.B_dependencies[f])], -1)[..., u]
    for d in reversed(model.B_dependencies[f]):
        result = result @ before[d]
    return np.asarray(result)


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
    stored = beliefs(model, kinds, nodes)
    moves = flat_controls(model)
    for p in range(model.num_policies):
        chain = [tree.leaf[p]]
        while chain[-1]:
            chain.append(tree.parent[chain[-1]])
        direct = list(model.D)
        for rows, prefix in zip(moves, reversed(chain[:-1])):
            direct = [moved(model, f, u, direct) for f, u in enumerate(rows[p])]
            for f in range(len(direct)):
                node = tree.places[tree.place[prefix]][f]
                assert np.allclose(stored[f][node], direct[f], rtol=0, atol=1e-14)


@pytest.mark.parametrize("kind", SHAPES)
def test_blocks_read_only_what_earlier_depths_made(kind: str) -> None:
    for model in (random_model(kind), ring(policy_len=4)):
        kinds, nodes, _ = grown(model)
        built = [{0: -1} for _ in nodes]
        for f, factor in enumerate(nodes):
            for block in factor.blocks:
                assert block.first == len(built[f]) and list(block.parents) == sorted(
                    set(block.parents)
                )
                built[f] |= {block.first + i: block.depth for i in range(len(block.parents))}
            assert len(built[f]) == factor.count
        for f, factor in enumerate(nodes):
            for block in factor.blocks:
                for read in block.parents:
                    assert all(
                        built[d][node] < block.depth
                        for d, node in zip(kinds[f].parents[block.slice], read, strict=True)
                    )


def crossed(B: F64) -> Model:
    """Factor 1 has the transition B (states, own, other); factor 0 is moved freely."""
    free = random_model("still_factor").B[0]
    model = random_model("still_factor", B=(free, np.eye(4)[:, :, None]))
    return replace(model, B=(free, B[..., None]), B_dependencies=((0,), (1, 0)))


def test_a_parent_without_influence_is_no_parent() -> None:
    kinds, nodes, _ = grown(crossed(np.repeat(np.eye(4)[:, :, None], 5, axis=2)))
    assert kinds[1].parents == ((1,),) and nodes[1].count == 1


def test_a_transition_on_another_factor_makes_a_node_for_each_of_its_beliefs() -> None:
    random = np.random.default_rng(0)
    mixed = random.random((4, 4, 5))
    kinds, nodes, _ = grown(crossed(mixed / mixed.sum(axis=0)))
    assert kinds[1].parents == ((1, 0),)
    assert (nodes[0].count, nodes[1].count) == (1 + 3 + 9, 1 + 1 + 3)


def test_a_transition_that_forgets_makes_one_node() -> None:
    reset = np.repeat(np.array([[0.25], [0.5], [0.25]]), 3, axis=1)[:, :, None]
    assert grown(make([np.eye(3)], [reset], [(0,)], (1,), policy_len=4))[1][0].count == 2


def test_paths_of_equal_product_are_one_node() -> None:
    """Two noisy moves that commute, B2 B1 = B1 B2, though neither is an index map."""
    step = np.roll(np.eye(5), 1, axis=0)
    B = np.stack([0.5 * np.eye(5) + 0.5 * step, 0.25 * np.eye(5) + 0.75 * step], axis=2)
    assert grown(make([np.eye(5)], [B], [(0,)], (2,), policy_len=3))[1][0].count == 1 + 2 + 3 + 4


def test_large_factors_are_told_apart_by_their_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_compose, "ENTRIES", 25 * 70)
    step = np.roll(np.eye(5), 1, axis=0)
    B = np.stack([0.5 * np.eye(5) + 0.5 * step, 0.25 * np.eye(5) + 0.75 * step], axis=2)
    model = make([np.eye(5)], [B], [(0,)], (2,), policy_len=8)
    full, kept = grown(model)[1][0].count, 1 + sum(range(2, 10))
    assert full == kept  # all 45 fit into the room of 70
    monkeypatch.setattr(plan_compose, "ENTRIES", 25 * 64 - 1)
    assert grown(model)[1][0].count == 2**9 - 1


def test_a_factor_that_nothing_looks_at_is_not_predicted() -> None:
    model = random_model("two_moving")
    A = [
        a
        if 2 not in row
        else np.broadcast_to(a.mean(axis=1 + row.index(2), keepdims=True), a.shape)
        for a, row in zip(model.A, model.A_dependencies, strict=True)
    ]
    blind = replace(model, A=tuple(A))
    lean = without_constant_parents(blind)
    assert [2 in row for row in blind.A_dependencies] == [True, True, False]
    assert [2 in row for row in lean.A_dependencies] == [False, False, False]
    assert grown(lean)[1][2].count == 1 < grown(model)[1][2].count


def test_a_factor_is_predicted_when_another_transition_or_a_goal_needs_it() -> None:
    model = random_model("crossed")
    silent = replace(model, A=tuple(np.full_like(a, 1.0 / len(a)) for a in model.A))
    assert relevant(silent, [((f,),) for f in range(3)]) == (False, False, False)
    assert relevant(
        replace(silent, I=(np.eye(3), np.zeros((1, 2)), np.zeros((1, 4)))),
        [((0, 2),), ((1,),), ((2,),)],
    ) == (True, False, True)


def test_time_varying_preferences_keep_depths_apart() -> None:
    timed = ring(policy_len=2, C=(np.arange(10.0).reshape(2, 5),), C_time_varying=(True,))
    assert set(grown(timed)[2].depths) == {0, 1}
    assert set(grown(ring(policy_len=2))[2].depths) == {0}
