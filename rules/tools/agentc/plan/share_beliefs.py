"""Which beliefs a step must predict: policies share prefixes, and prefixes that compose alike share nodes.

A node is one distinct predicted belief of one factor; node 0 is the present posterior. A transition reads the
nodes of the factors it depends on, so (transition, nodes read) names its result, and equal names are one node.
Two rewritings make more names equal, both exact for every belief: identity transitions disappear, and those that
only move states (0/1 matrices of the factor's own state) compose as index maps. A parent factor along which all
columns are equal is no parent: sum_d q(d) B(s', s) = B(s', s). A transition whose columns are all equal reads the
present posterior, as good as any belief. Then paths are compared by their products (merge_equal_products.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
from agentc.ir.files import F64, Model
from agentc.plan.merge_equal_products import Products
from agentc.plan.prune_irrelevant import relevant

Map = tuple[int, ...]
Word = tuple[tuple[int, ...], Map]
"""(slice and the nodes that it reads, or nothing at the root; index map after it): names a composed transition."""


@dataclass(frozen=True, slots=True, eq=False)
class Slices:
    """The distinct transitions of one factor; `of[u]` is the slice of flat control index u.

    `matrices[i]` is (states, joint states of the factors `parents[i]`, the last varying first).
    """

    parents: tuple[tuple[int, ...], ...]
    matrices: tuple[F64, ...]
    maps: tuple[Map | None, ...]
    of: tuple[int, ...]

    def forgets(self, index: int) -> bool:
        """Whether all columns are equal: the next belief is that column, whatever was believed."""
        return bool(np.all(self.matrices[index] == self.matrices[index][:, :1]))


@dataclass(frozen=True, slots=True)
class Block:
    """The nodes from `first` on, all made by one slice at one depth, each from a tuple of `parents` (ascending)."""

    depth: int
    slice: int
    first: int
    parents: tuple[tuple[int, ...], ...]


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
    """Distinct transitions of factor f over its flat control index, each without the parents it ignores."""
    parents = model.B_dependencies[f]
    shape = tuple(model.num_states[d] for d in (f, *parents))
    flat = model.B[f].reshape(*shape, -1)
    found: dict[tuple[tuple[int, ...], bytes], int] = {}
    made: list[tuple[tuple[int, ...], F64]] = []
    of: list[int] = []
    for u in range(flat.shape[-1]):
        read, matrix = _relevant(flat[..., u], parents)
        number = found.setdefault((read, matrix.tobytes()), len(made))
        if number == len(made):
            made.append((read, matrix))
        of.append(number)
    maps = tuple(index_map(matrix) if read == (f,) else None for read, matrix in made)
    return Slices(
        tuple(read for read, _ in made), tuple(matrix for _, matrix in made), maps, tuple(of)
    )


def _relevant(tensor: F64, parents: Sequence[int]) -> tuple[tuple[int, ...], F64]:
    """The parents along which columns differ (at least one is kept), and the matrix over their joint states."""
    kept = list(parents)
    for d in parents:
        axis = 1 + kept.index(d)
        if len(kept) > 1 and bool(np.all(tensor == tensor.take([0], axis))):
            tensor = np.asarray(tensor.take(0, axis))
            kept.remove(d)
    return tuple(kept), np.ascontiguousarray(tensor.reshape(tensor.shape[0], -1))


def index_map(matrix: F64) -> Map | None:
    """Column -> row of a matrix that holds a single 1 in each column, else None."""
    if np.all((matrix == 0.0) | (matrix == 1.0)) and np.all(np.count_nonzero(matrix, axis=0) == 1):
        return tuple(int(row) for row in np.argmax(matrix, axis=0))
    return None


def extend(word: Word, index: int, moves: Map | None, read: Sequence[int]) -> Word:
    """The name of `word` followed by slice `index`: index map `moves` if it is one, else made from nodes `read`."""
    base, pending = word
    if moves is not None:
        return base, tuple(moves[s] for s in pending)
    return (index, *read), tuple(range(len(pending)))


class _Growth:
    """Nodes of one factor while the tree is walked level by level."""

    def __init__(self, f: int, states: int, kinds: Slices, predicted: bool) -> None:
        root: Word = ((), tuple(range(states)))
        self.predicted = predicted
        worthwhile = (
            predicted
            and all(read == (f,) for read in kinds.parents)
            and Products.affordable(states)
        )
        self.products = Products(states, kinds.matrices, root) if worthwhile else None
        self.factor = f
        self.kinds = kinds
        self.forgets = tuple(kinds.forgets(i) for i in range(len(kinds.matrices)))
        self.words: list[Word] = [root]
        self.index: dict[Word, int] = {root: 0}
        self.blocks: list[Block] = []
        self.wanted: dict[Word, tuple[int, tuple[int, ...]]] = {}

    def reach(self, here: Sequence[int], index: int) -> Word:
        """The word after a slice where the factors are at nodes `here`; remembers how to make it when it is new."""
        here_word = self.words[here[self.factor]]
        if not self.predicted:
            return here_word
        read = tuple(0 if self.forgets[index] else here[d] for d in self.kinds.parents[index])
        word = extend(here_word, index, self.kinds.maps[index], read)
        if self.products is not None:
            word = cast(Word, self.products.canonical(word, index, here_word))
        if word not in self.index:
            self.wanted.setdefault(word, (index, read))
        return word

    def settle(self, depth: int) -> None:
        """Number the new nodes by slice, then by what it reads, so that each slice makes one contiguous block."""
        for word in sorted(self.wanted, key=self.wanted.__getitem__):
            index, read = self.wanted[word]
            number = len(self.words)
            self.words.append(word)
            self.index[word] = number
            last = self.blocks[-1] if self.blocks else None
            if last and (last.depth, last.slice) == (depth, index):
                self.blocks[-1] = Block(depth, index, last.first, (*last.parents, read))
            else:
                self.blocks.append(Block(depth, index, number, (read,)))
        self.wanted = {}


@dataclass(slots=True)
class _Walk:
    """The prefix tree while it grows."""

    growths: list[_Growth]
    parent: list[int] = field(default_factory=lambda: [0])
    place: list[int] = field(default_factory=lambda: [0])
    nodes: list[tuple[int, ...]] = field(default_factory=list)
    placed: dict[tuple[tuple[int, ...], int], int] = field(default_factory=dict)

    def level(self, at: list[int], rows: Sequence[Sequence[int]], t: int, depth: int) -> list[int]:
        """One more action for every policy, the t-th; gives the prefix each policy has reached."""
        children: dict[tuple[int, ...], int] = {}
        words: list[list[Word]] = []
        reached: list[int] = []
        for prefix, row in zip(at, rows):
            kinds = tuple(g.kinds.of[u] for g, u in zip(self.growths, row))
            key = (prefix, *kinds)
            if key not in children:
                children[key] = len(self.nodes) + len(words)
                here = self.nodes[prefix]
                words.append([g.reach(here, kind) for g, kind in zip(self.growths, kinds)])
                self.parent.append(prefix)
            reached.append(children[key])
        for growth in self.growths:
            growth.settle(t)
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
    """Nodes of every factor and the prefix tree of all policies; an irrelevant factor keeps its one node."""
    predicted = relevant(model, [kind.parents for kind in kinds])
    walk = _Walk(
        [
            _Growth(f, states, kind, wanted)
            for f, (states, kind, wanted) in enumerate(zip(model.num_states, kinds, predicted))
        ]
    )
    walk.nodes.append((0,) * len(kinds))
    timed = model.use_utility and any(model.C_time_varying)
    at = [0] * model.num_policies
    for t, rows in enumerate(flat_controls(model)):
        at = walk.level(at, rows, t, t if timed else 0)
    tree = Tree(
        tuple(walk.parent),
        tuple(walk.place),
        tuple(nodes for nodes, _ in walk.placed),
        tuple(depth for _, depth in walk.placed),
        tuple(at),
    )
    return tuple(Nodes(len(g.words), tuple(g.blocks)) for g in walk.growths), tree
