"""Share predicted beliefs: value numbering over the transitions of all policies.

A node is a distinct predicted belief of one factor; node 0 is the present posterior. A transition
reads the nodes of its factors, so (transition, nodes) names its result, and equal names are one
node. These exact rewritings make more names equal: identity transitions disappear; permutations
(0/1 matrices of the factor's own state) compose as index maps; a parent along which all columns are
equal is dropped, since sum_d q(d) B(s', s) = B(s', s); a transition with equal columns reads the
present posterior. Then paths are compared by their products (merge_equal_products.py).
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
"""Name of a composed transition: (slice and its nodes, or nothing at the root; index map after
it).
"""


@dataclass(frozen=True, slots=True, eq=False)
class Slices:
    """Distinct transitions of a factor; `of[u]` is the slice of flat control index u.

    `matrices[i]` has the shape (states, joint states of `parents[i]`, the last varying first).
    """

    parents: tuple[tuple[int, ...], ...]
    matrices: tuple[F64, ...]
    maps: tuple[Map | None, ...]
    of: tuple[int, ...]

    def forgets(self, index: int) -> bool:
        """Return whether all columns are equal: the next belief does not depend on the present
        one.
        """
        return bool(np.all(self.matrices[index] == self.matrices[index][:, :1]))


@dataclass(frozen=True, slots=True)
class Block:
    """Nodes from `first` on that one slice makes at one depth, each from a tuple of `parents`."""

    depth: int
    slice: int
    first: int
    parents: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Nodes:
    """Distinct predicted beliefs of one factor, parents first."""

    count: int
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Tree:
    """Policies as a prefix tree: 0 is the root, `place` the node tuple of a prefix, `leaf` that of
    a policy.

    `places` are the distinct tuples (one node a factor); `depths` their time if preferences vary,
    else 0.
    """

    parent: tuple[int, ...]
    place: tuple[int, ...]
    places: tuple[tuple[int, ...], ...]
    depths: tuple[int, ...]
    leaf: tuple[int, ...]


def slices(model: Model, f: int) -> Slices:
    """Return distinct transitions of factor f by flat control index, without ignored parents."""
    parents = model.B_dependencies[f]
    shape = tuple(model.num_states[d] for d in (f, *parents))
    flat = model.B[f].reshape(*shape, -1)
    numbers: dict[tuple[tuple[int, ...], bytes], int] = {}
    distinct: list[tuple[tuple[int, ...], F64]] = []
    of: list[int] = []
    for u in range(flat.shape[-1]):
        read, matrix = _relevant(flat[..., u], parents)
        number = numbers.setdefault((read, matrix.tobytes()), len(distinct))
        if number == len(distinct):
            distinct.append((read, matrix))
        of.append(number)
    maps = tuple(index_map(matrix) if read == (f,) else None for read, matrix in distinct)
    return Slices(
        tuple(read for read, _ in distinct),
        tuple(matrix for _, matrix in distinct),
        maps,
        tuple(of),
    )


def _relevant(tensor: F64, parents: Sequence[int]) -> tuple[tuple[int, ...], F64]:
    """Return the parents along which columns differ (at least one), and the reduced matrix."""
    kept = list(parents)
    for d in parents:
        axis = 1 + kept.index(d)
        if len(kept) > 1 and bool(np.all(tensor == tensor.take([0], axis))):
            tensor = np.asarray(tensor.take(0, axis))
            kept.remove(d)
    return tuple(kept), np.ascontiguousarray(tensor.reshape(tensor.shape[0], -1))


def index_map(matrix: F64) -> Map | None:
    """Return column -> row of a matrix with a single 1 in each column, else None."""
    if np.all((matrix == 0.0) | (matrix == 1.0)) and np.all(np.count_nonzero(matrix, axis=0) == 1):
        return tuple(int(row) for row in np.argmax(matrix, axis=0))
    return None


def extend(word: Word, index: int, moves: Map | None, read: Sequence[int]) -> Word:
    """Return the name of `word` followed by slice `index`: by index map, or from nodes `read`."""
    base, pending = word
    if moves is not None:
        return base, tuple(moves[s] for s in pending)
    return (index, *read), tuple(range(len(pending)))


class _NodeBuilder:
    """Nodes of one factor during the level-by-level traversal of the tree."""

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
        """Return the word after a slice at nodes `here`; record a new one."""
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
        """Number new nodes by slice and inputs, so that each slice makes one contiguous block."""
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
class _TreeBuilder:
    """The prefix tree during its construction."""

    growths: list[_NodeBuilder]
    parent: list[int] = field(default_factory=lambda: [0])
    place: list[int] = field(default_factory=lambda: [0])
    nodes: list[tuple[int, ...]] = field(default_factory=list)
    placed: dict[tuple[tuple[int, ...], int], int] = field(default_factory=dict)

    def level(self, at: list[int], rows: Sequence[Sequence[int]], t: int, depth: int) -> list[int]:
        """Append the t-th action of every policy; return the prefix that each policy has
        reached.
        """
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
        for path in words:
            nodes = tuple(g.index[word] for g, word in zip(self.growths, path))
            self.nodes.append(nodes)
            self.place.append(self.placed.setdefault((nodes, depth), len(self.placed)))
        return reached


def flat_controls(model: Model) -> list[list[list[int]]]:
    """Return the flat control index of each factor, nested (policy_len, policies, factors)."""
    column = {c: i for i, c in enumerate(model.control_factors)}
    indices = np.zeros((*model.policies.shape[:2], len(model.num_states)), dtype=np.int64)
    for f, controls in enumerate(model.B_action_dependencies):
        for c in controls:
            chosen = model.policies[:, :, column[c]] if c in column else 0
            indices[:, :, f] = indices[:, :, f] * model.num_controls[c] + chosen
    nested: list[list[list[int]]] = np.swapaxes(indices, 0, 1).tolist()
    return nested


def share(model: Model, kinds: Sequence[Slices]) -> tuple[tuple[Nodes, ...], Tree]:
    """Return the nodes of every factor and the prefix tree; an irrelevant factor has one node."""
    predicted = relevant(model, [kind.parents for kind in kinds])
    walk = _TreeBuilder(
        [
            _NodeBuilder(f, states, kind, wanted)
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
