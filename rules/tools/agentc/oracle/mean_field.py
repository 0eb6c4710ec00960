"""Fixed point of mean-field updates, for several sets of logarithms side by side.

Source: pymdp 1.0.4, algos.run_factorized_fpi. The message of a modality to a factor averages the
log likelihood over the modality's other factors, the last one first. Factors share what is averaged
alike. Sets and modalities with equal parents are axes of one array; no number depends on its
neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from agentc.ir.types import F64, Model
from agentc.numerics.exact_math import exp, total
from agentc.oracle.contraction import average_along
from numpy.typing import NDArray

Beliefs = tuple[F64, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Places of factors side by side: where each begins, the factor of each state, and for factors
    of equal size their places (factors, states).
    """

    starts: NDArray[np.intp]
    owner: NDArray[np.intp]
    equal: tuple[tuple[NDArray[np.intp], NDArray[np.intp]], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """Modalities with equal parents, and their log likelihoods.

    `evidence` has the shape (sets, modalities, states of the last parent, ..., of the first).
    """

    modalities: tuple[int, ...]
    parents: tuple[int, ...]
    evidence: F64


def fixed_points(
    model: Model, evidence: Sequence[Sequence[F64]], log_prior: Sequence[Sequence[F64]]
) -> list[Beliefs]:
    """Run num_iter updates of each set from uniform beliefs; stop when no bit of any changes.

    `evidence` is by set and modality, `log_prior` by set and factor. A set whose bits no longer
    change keeps them while others go on.
    """
    layout, families = _layout(model), _families(model, evidence)
    prior = np.stack([np.concatenate(one) for one in log_prior])
    log_q = np.zeros_like(prior)
    for _ in range(model.num_iter):
        before = log_q
        log_q = _marginals(families, _split(layout, _softmax(layout, before))) + prior
        if np.array_equal(before, log_q):
            break
    columns = _split(layout, _softmax(layout, log_q))
    return [tuple(q[one] for q in columns) for one in range(len(prior))]


def _families(model: Model, evidence: Sequence[Sequence[F64]]) -> list[Family]:
    members: dict[tuple[int, ...], list[int]] = {}
    for m, parents in enumerate(model.A_dependencies):
        members.setdefault(tuple(parents), []).append(m)
    return [
        Family(
            tuple(modalities),
            parents,
            np.stack([np.stack([one[m].transpose() for m in modalities]) for one in evidence]),
        )
        for parents, modalities in members.items()
    ]


def _layout(model: Model) -> Layout:
    sizes = np.array(model.num_states)
    starts = np.cumsum(sizes) - sizes
    equal = [
        (factors, starts[factors, None] + np.arange(n))
        for n in np.unique(sizes)
        for factors in [np.flatnonzero(sizes == n)]
    ]
    return Layout(starts, np.repeat(np.arange(len(sizes)), sizes), tuple(equal))


def _softmax(layout: Layout, wide: F64) -> F64:
    """Return the softmax of each factor, of an array (sets, states of all factors)."""
    highest = np.maximum.reduceat(wide, layout.starts, axis=1)
    raised = exp(wide - highest[:, layout.owner])
    sums = np.empty_like(highest)
    for factors, places in layout.equal:
        sums[:, factors] = total(raised[:, places], 2)
    raised /= sums[:, layout.owner]
    return raised


def _split(layout: Layout, wide: F64) -> list[F64]:
    """Return the columns of each factor, of an array (sets, states of all factors)."""
    ends = [*layout.starts[1:], wide.shape[1]]
    return [wide[:, begin:end] for begin, end in zip(layout.starts, ends, strict=True)]


def _marginals(families: Sequence[Family], q: Sequence[F64]) -> F64:
    """Return expected log likelihoods under the beliefs of the other factors, side by side.

    The messages to a factor are added in the order of modalities.
    """
    messages: dict[int, tuple[tuple[int, ...], list[F64]]] = {}
    for family in families:
        sent = _messages(family, q)
        for place, m in enumerate(family.modalities):
            messages[m] = (family.parents, [message[:, place] for message in sent])
    marginals = [np.zeros_like(own) for own in q]
    for _, (parents, sent) in sorted(messages.items()):
        for factor, message in zip(parents, sent, strict=True):
            marginals[factor] += message
    return np.concatenate(marginals, axis=1)


def _messages(family: Family, q: Sequence[F64]) -> list[F64]:
    """Return the messages (sets, modalities, states) of a family to its parents."""
    messages, common = [], family.evidence
    for kept in range(len(family.parents) - 1, -1, -1):
        rest = common
        for other in range(kept - 1, -1, -1):
            rest = average_along(rest, 3, q[family.parents[other]])
        messages.append(rest)
        if kept:
            common = average_along(common, 2, q[family.parents[kept]])
    return messages[::-1]
