"""Types of the agent compiler: one discrete active-inference agent with all parameters resolved.

Axis 0 of A[m] (observations) and of B[f] (next states) sums to 1. The other axes follow the
dependency lists. Names of states, observations and actions are not part of a model.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

SCHEMA = 1
SEMANTICS = "pymdp-1"
LEGACY = "pymdp-0.0.7"
MAX_POLICIES = 1 << 20
MAX_JOINT = 1 << 22
"""Joint outcomes x joint states if all modalities are combined: 32 MB of float64."""

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
Table = tuple[tuple[int, ...], ...]


class ModelError(ValueError):
    """The model is invalid or unsupported; `errors` lists every reason."""

    def __init__(self, errors: Sequence[str]) -> None:
        super().__init__("\n".join(errors))
        self.errors = tuple(errors)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Model:
    """One agent with all parameters resolved. Tensors are float64 in C order and read-only."""

    num_obs: tuple[int, ...]
    num_states: tuple[int, ...]
    num_controls: tuple[int, ...]
    A_dependencies: Table
    B_dependencies: Table
    B_action_dependencies: Table
    C_time_varying: tuple[bool, ...]
    policy_len: int
    policies_kind: str
    num_policies: int
    has_E: bool
    gamma: float
    alpha: float
    num_iter: int
    inference_algo: str
    inference_horizon: int | None
    action_selection: str
    sampling_mode: str
    use_utility: bool
    use_states_info_gain: bool
    use_param_info_gain: bool
    use_inductive: bool
    inductive_depth: int
    inductive_threshold: float
    inductive_epsilon: float
    inductive_lengths: tuple[int, ...] = ()
    categorical_obs: bool
    learning_mode: str
    learn_A: bool
    learn_B: bool
    learn_C: bool
    learn_D: bool
    learn_E: bool
    plan_every: int = 1
    utility_only: tuple[int, ...] = ()
    A: tuple[F64, ...]
    B: tuple[F64, ...]
    C: tuple[F64, ...]
    D: tuple[F64, ...]
    I: tuple[F64, ...] = ()
    E: F64 | None
    policies: I32
    pA: tuple[F64, ...] = ()
    pB: tuple[F64, ...] = ()
    semantics: str = SEMANTICS
    schema: int = SCHEMA

    @property
    def legacy(self) -> bool:
        """Return whether the model has the semantics of pymdp 0.0.7."""
        return self.semantics == LEGACY

    @property
    def joint_size(self) -> int:
        """Return the entries of the joint likelihood of all modalities over the states of all
        factors.
        """
        return math.prod(self.num_obs) * math.prod(self.num_states)

    @property
    def keeps_plans(self) -> bool:
        """Return whether policies are evaluated at every `plan_every`-th step only."""
        return self.plan_every > 1

    def gains_information(self, m: int) -> bool:
        """Return whether modality m contributes information gain to the expected free energy."""
        return self.use_states_info_gain and m not in self.utility_only

    @property
    def has_pA(self) -> bool:
        """Return whether the model has Dirichlet counts of A, one array of A's shape a modality."""
        return bool(self.pA)

    @property
    def has_pB(self) -> bool:
        """Return whether the model has Dirichlet counts of B, one array of B's shape a factor."""
        return bool(self.pB)

    @property
    def control_factors(self) -> tuple[int, ...]:
        """Return the indices of controls with a choice: columns of `policies` and of each
        action.
        """
        return control_factors(self.num_controls)

    @property
    def groups(self) -> Table:
        """Return columns of `policies` that marginal sampling selects together.

        These are the controls of one factor, once for equal factors.
        """
        column = {c: i for i, c in enumerate(self.control_factors)}
        rows = (tuple(column[c] for c in row if c in column) for row in self.B_action_dependencies)
        return tuple(dict.fromkeys(row for row in rows if row))

    @property
    def groups_clash(self) -> bool:
        """Return whether a control is in several groups (which may conflict) or in none."""
        return sorted(c for row in self.groups for c in row) != list(
            range(len(self.control_factors))
        )

    def flat(self, actions: NDArray[Any], group: Sequence[int]) -> NDArray[np.int64]:
        """Return actions (.., control factors) as flat indices (..), the last control varying
        first.
        """
        indices = np.zeros(actions.shape[:-1], dtype=np.int64)
        for column in group:
            indices = (
                indices * self.num_controls[self.control_factors[column]] + actions[..., column]
            )
        return indices

    def choices(self, group: Sequence[int]) -> int:
        """Return the number of joint actions of the group."""
        return math.prod(self.num_controls[self.control_factors[column]] for column in group)


def control_factors(num_controls: Sequence[int]) -> tuple[int, ...]:
    """Return the indices of controls with more than one action."""
    return tuple(c for c, n in enumerate(num_controls) if n > 1)


def full_policies(num_controls: Sequence[int], policy_len: int) -> I32:
    """Return all action sequences (policies, policy_len, control factors) in pymdp's order.

    The last control varies first.
    """
    choices = [num_controls[c] for c in control_factors(num_controls)]
    count = math.prod(choices) ** policy_len
    if count > MAX_POLICIES:
        raise ModelError(
            [
                f"policy_len = {policy_len} makes {count} policies, more than {MAX_POLICIES}: "
                "shorten policy_len or list the policies"
            ]
        )
    rows = list(itertools.product(*[range(n) for n in choices * policy_len]))
    return np.array(rows, dtype=np.int32).reshape(count, policy_len, len(choices))


def shape_A(model: Model, m: int) -> tuple[int, ...]:
    """Return the shape of A[m]: (observations, *states of the factors that it depends on)."""
    return (model.num_obs[m], *(model.num_states[f] for f in model.A_dependencies[m]))


def shape_B(model: Model, f: int) -> tuple[int, ...]:
    """Return the shape of B[f]: (next states, *states that it depends on, *its controls)."""
    return (
        model.num_states[f],
        *(model.num_states[d] for d in model.B_dependencies[f]),
        *(model.num_controls[c] for c in model.B_action_dependencies[f]),
    )


def shape_I(model: Model, f: int) -> tuple[int, ...]:
    """Return the shape of I[f]: (steps, states); 1 if a state reaches the goal in so many steps."""
    return (model.inductive_lengths[f], model.num_states[f])


def shape_C(model: Model, m: int) -> tuple[int, ...]:
    """Return the shape of C[m]: (observations,), or (policy_len, observations) if it varies."""
    return (model.policy_len, model.num_obs[m]) if model.C_time_varying[m] else (model.num_obs[m],)
