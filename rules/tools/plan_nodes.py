"""Which beliefs a step must predict: policies share prefixes, and prefixes that compose alike share nodes.

A node is one distinct predicted belief of one factor; node 0 is the present posterior. Two prefixes reach the
same node when the product of their transitions is equal for every belief, by exact comparison: identity
transitions disappear, those that only move states (0/1 matrices) compose as index maps, others as words.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ir import F64, Model

Map = tuple[int, ...]
Word = tuple[tuple[Map | int, ...], Map]
"""(history of index maps and slices, pending index map): the canonical form of a composed transition."""


@dataclass(frozen=True, slots=True, eq=False)
class Slices:
    """The distinct transitions of one factor; `of[u]` is the slice of flat control index u."""

    matrices: tuple[F64, ...]
    maps: tuple[Map | None, ...]
    of: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """The nodes from `first` on, all made by one slice, one from each of `parents` (ascending)."""

    slice: int
    first: int
    parents: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Nodes:
    """All distinct predicted beliefs of one factor, in an order where parents come first."""

    count: int
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Tree:
    """Policies as prefixes: 0 is the root; `place` is the tuple of nodes of a prefix, `leaf` is by policy.

    `places` are the distinct tuples (one node a factor), `depths` their time where preferences vary, else 0.
    """

    parent: tuple[int, ...]
    place: tuple[int, ...]
    places: tuple[tuple[int, ...], ...]
    depths: tuple[int, ...]
    leaf: tuple[int, ...]


def slices(model: Model, f: int) -> Slices:
    """Distinct transition matrices of factor f over its flat control index, compared bit by bit."""
    states = model.num_states[f]
    flat = model.B[f].reshape(states, states, -1)
    found: dict[bytes, int] = {}
    matrices: list[F64] = []
    of: list[int] = []
    for u in range(flat.shape[2]):
        matrix = np.ascontiguousarray(flat[:, :, u])
        number = found.setdefault(matrix.tobytes(), len(matrices))
        if number == len(matrices):
            matrices.append(matrix)
        of.append(number)
    return Slices(tuple(matrices), tuple(index_map(m) for m in matrices), tuple(of))


def index_map(matrix: F64) -> Map | None:
    """Column -> row of a matrix that holds a single 1 in each column, else None."""
    if np.all((matrix == 0.0) | (matrix == 1.0)) and np.all(np.count_nonzero(matrix, axis=0) == 1):
        return tuple(int(row) for row in np.argmax(matrix, axis=0))
    return None


def extend(word: Word, index: int, moves: Map | None) -> Word:
    """The canonical form of `word` followed by slice `index`, which is the index map `moves` if it is one."""
    history, pending = word
    if moves is not None:
        return history, tuple(moves[s] for s in pending)
    return (*history, pending, index), tuple(range(len(pending)))


class _Growth:
    """Nodes of one factor while the tree is walked level by level."""

    def __init__(self, states: int, kinds: Slices) -> None:
        root: Word = ((), tuple(range(states)))
        self.kinds = kinds
        self.words: list[Word] = [root]
        self.index: dict[Word, int] = {root: 0}
        self.blocks: list[Block] = []
        self.wanted: dict[Word, tuple[int, int]] = {}

    def reach(self, node: int, index: int) -> Word:
        """The word of node's child by a slice; remembers how to make it when it is new."""
        word = extend(self.words[node], index, self.kinds.maps[index])
        if word not in self.index:
            self.wanted.setdefault(word, (index, node))
        return word

    def settle(self) -> None:
        """Number the new nodes by slice, then by parent, so that each slice makes one contiguous block."""
        for word in sorted(self.wanted, key=self.wanted.__getitem__):
            index, node = self.wanted[word]
            number = len(self.words)
            self.words.append(word)
            self.index[word] = number
            last = self.blocks[-1] if self.blocks else None
            if last and last.slice == index and last.parents[-1] < node < last.first:
                self.blocks[-1] = Block(index, last.first, (*last.parents, node))
            else:
                self.blocks.append(Block(index, number, (node,)))
        self.wanted = {}


@dataclass(slots=True)
class _Walk:
    """The prefix tree while it grows."""

    growths: list[_Growth]
    parent: list[int] = field(default_factory=lambda: [0])
    place: list[int] = field(default_factory=lambda: [0])
    nodes: list[tuple[int, ...]] = field(default_factory=list)
    placed: dict[tuple[tuple[int, ...], int], int] = field(default_factory=dict)

    def level(self, at: list[int], rows: Sequence[Sequence[int]], depth: int) -> list[int]:
        """One more action for every policy; gives the prefix each policy has reached."""
        children: dict[tuple[int, ...], int] = {}
        words: list[list[Word]] = []
        reached: list[int] = []
        for prefix, row in zip(at, rows):
            kinds = tuple(g.kinds.of[u] for g, u in zip(self.growths, row))
            key = (prefix, *kinds)
            if key not in children:
                children[key] = len(self.nodes) + len(words)
                here = self.nodes[prefix]
                words.append([g.reach(node, kind) for g, node, kind in zip(self.growths, here, kinds)])
                self.parent.append(prefix)
            reached.append(children[key])
        for growth in self.growths:
            growth.settle()
        for found in words:
            nodes = tuple(g.index[word] for g, word in zip(self.growths, found))
            self.nodes.append(nodes)
            self.place.append(self.placed.setdefault((nodes, depth), len(self.placed)))
        return reached


def flat_controls(model: Model) -> list[list[list[int]]]:
    """Flat control index of each factor, nested (policy_len, policies, factors)."""
    column = {c: i for i, c in enumerate(model.control_factors)}
    found = np.zeros((*model.policies.shape[:2], len(model.num_states)), dtype=np.int64)
    for f, controls in enumerate(model.B_action_dependencies):
        for c in controls:
            chosen = model.policies[:, :, column[c]] if c in column else 0
            found[:, :, f] = found[:, :, f] * model.num_controls[c] + chosen
    nested: list[list[list[int]]] = np.swapaxes(found, 0, 1).tolist()
    return nested


def grow(model: Model, kinds: Sequence[Slices]) -> tuple[tuple[Nodes, ...], Tree]:
    """Nodes of every factor and the prefix tree of all policies."""
    walk = _Walk([_Growth(states, kind) for states, kind in zip(model.num_states, kinds)])
    walk.nodes.append((0,) * len(kinds))
    timed = model.use_utility and any(model.C_time_varying)
    at = [0] * model.num_policies
    for t, rows in enumerate(flat_controls(model)):
        at = walk.level(at, rows, t if timed else 0)
    tree = Tree(tuple(walk.parent), tuple(walk.place), tuple(nodes for nodes, _ in walk.placed),
                tuple(depth for _, depth in walk.placed), tuple(at))
    return tuple(Nodes(len(g.words), tuple(g.blocks)) for g in walk.growths), tree
