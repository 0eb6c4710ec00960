"""Coverage of transitions by a probe, and the actions that use the least used ones.

A column of B[f] is tested if belief passes through it and the next belief is compared. Belief
counts, not the state of the environment, because the candidate receives belief only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from agentc.ir.types import F64, Model
from agentc.numerics.exact_math import total
from agentc.oracle.contraction import joint
from agentc.oracle.policy_tree import every_control
from numpy.typing import NDArray

USED = 0.01
"""Belief that must have passed through a column for it to count as used."""


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """Belief that passed through, by factor (joint states, *controls); use of each control's
    values.
    """

    model: Model
    passed: tuple[F64, ...]
    times: tuple[NDArray[np.int64], ...]

    def note(self, qs: Sequence[F64], action: Sequence[int]) -> None:
        """Record an executed action. Call it only if the belief after it is compared."""
        chosen = every_control(self.model, np.array([list(action)], dtype=np.int32))[0]
        for f, controls in enumerate(self.model.B_action_dependencies):
            through = np.moveaxis(self.passed[f], 0, -1)[tuple(int(chosen[c]) for c in controls)]
            through += self._weight(qs, f)
        for times, value in zip(self.times, action, strict=True):
            times[value] += 1

    def add(self, other: Coverage) -> None:
        """Add the counts of another coverage."""
        for passed, more in zip(self.passed, other.passed, strict=True):
            passed += more
        for times, again in zip(self.times, other.times, strict=True):
            times += again

    def least_used(self, qs: Sequence[F64], drawn: Sequence[float]) -> tuple[int, ...]:
        """Return for each control the value least used from this belief; ties by `drawn` in [0,
        1).

        A value that was never executed comes first. After as many calls as a control has values,
        each was executed.
        """
        values = []
        for control, times, u in zip(self.model.control_factors, self.times, drawn, strict=True):
            worn = self._worn(qs, control, len(times))
            equal = np.flatnonzero(worn == worn.min())
            equal = equal[times[equal] == times[equal].min()]
            values.append(int(equal[int(u * len(equal))]))
        return tuple(values)

    def transitions(self) -> tuple[int, int]:
        """Return the number of used columns of all B, and the number of all columns."""
        return (
            sum(int(np.count_nonzero(passed >= USED)) for passed in self.passed),
            sum(passed.size for passed in self.passed),
        )

    def _worn(self, qs: Sequence[F64], control: int, count: int) -> F64:
        """Return the use of the columns that this belief would pass through, by control value."""
        worn = np.zeros(count)
        for f, controls in enumerate(self.model.B_action_dependencies):
            if control in controls:
                passed = total(
                    self.passed[f] * self._weight(qs, f).reshape(-1, *[1] * len(controls))
                )
                ordered = np.moveaxis(passed, controls.index(control), -1).reshape(-1, count)
                worn = worn + total(ordered)
        return worn

    def _weight(self, qs: Sequence[F64], f: int) -> F64:
        return np.asarray(joint([qs[d][:, None] for d in self.model.B_dependencies[f]])[:, 0])


def empty_coverage(model: Model) -> Coverage:
    """Return the coverage of a probe without episodes."""
    return Coverage(
        model,
        tuple(
            np.zeros((_joint_states(model, f), *(model.num_controls[c] for c in controls)))
            for f, controls in enumerate(model.B_action_dependencies)
        ),
        tuple(np.zeros(model.num_controls[c], dtype=np.int64) for c in model.control_factors),
    )


def _joint_states(model: Model, f: int) -> int:
    count = 1
    for d in model.B_dependencies[f]:
        count *= model.num_states[d]
    return count
