"""Dirichlet counts pA and pB: from arrays to the IR and back, left out where nothing looks at them,
refused by place.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agentc.importers import npz as ingest
from agentc.importers.resolve import ModelSource, resolve
from agentc.ir import files as ir
from agentc.ir.types import ModelError

from tests.support.small_models import columns, one_factor

RNG = np.random.default_rng(8)
A, B = columns(RNG, 3, 4), columns(RNG, 4, 4, 2)


def with_counts(**changes: Any) -> ModelSource:
    """A learner of one modality and one factor, with changes to its counts and words."""
    spec = {"learn_A": True, "learn_B": True} | changes.pop("spec", {})
    return ModelSource(
        **({"A": [A], "B": [B], "pA": [A + 1.0], "pB": [B + 2.0]} | changes), spec=spec
    )


def test_counts_are_kept_to_the_bit(tmp_path: Path) -> None:
    model = resolve(with_counts(), {})[0]
    ir.save(model, tmp_path)
    again = ir.load(tmp_path)
    assert np.array_equal(again.pA[0], A + 1.0) and np.array_equal(again.pB[0], B + 2.0)
    assert (tmp_path / "pA0.f64").read_bytes() == (A + 1.0).tobytes()


def test_counts_that_nothing_looks_at_are_left_out(tmp_path: Path) -> None:
    frozen, _ = resolve(with_counts(), {"learn_A": False, "learn_B": False})
    assert frozen.pA == frozen.pB == () and ir.header(frozen) == ir.header(
        resolve(ModelSource(A=[A], B=[B]), {})[0]
    )
    curious, _ = resolve(
        with_counts(), {"learn_A": False, "learn_B": False, "use_param_info_gain": True}
    )
    assert curious.has_pA and curious.has_pB


def test_counts_of_a_factor_without_control_get_its_axis() -> None:
    still = columns(RNG, 2, 2)
    model, _ = resolve(
        ModelSource(
            A=[columns(RNG, 3, 4, 2)],
            B=[B, still],
            pB=[B + 1.0, still + 1.0],
            spec={"learn_B": True, "B_action_dependencies": [[0], []], "num_controls": [2]},
        ),
        {},
    )
    assert model.pB[1].shape == model.B[1].shape == (2, 2, 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pA": None}, "learn_A = true needs pA"),
        ({"pA": [A, A]}, "pA has 2 arrays, A has 1"),
        ({"pA": [A[:2] + 1.0]}, "pA0 has the shape (2, 4), A0 has (3, 4)"),
        ({"pB": [B - 0.5]}, "pB0[0,"),
        ({"pA": [np.where(A > 0.5, np.nan, A)]}, "is no count"),
        ({"pA": [np.zeros((3, 4))]}, "pA0[:,0] holds no count at all"),
        (
            {
                "pA": None,
                "pB": None,
                "spec": {"learn_A": False, "learn_B": False, "use_param_info_gain": True},
            },
            "needs pA or pB",
        ),
    ],
)
def test_refusals(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError) as error:
        resolve(with_counts(**changes), {})
    assert any(message in line for line in error.value.errors), error.value.errors


def test_counts_come_from_an_archive(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", A0=A, B0=B, pA0=A + 1.0, pB0=B + 2.0)
    array = ingest.lists_of(ingest.read_npz(tmp_path / "m.npz"))
    assert np.array_equal(array["pB"][0], B + 2.0) and len(array["pA"]) == 1
    np.savez(tmp_path / "m.npz", A0=A, B0=B, pA1=A)
    with pytest.raises(ModelError, match="pA0 is missing"):
        ingest.lists_of(ingest.read_npz(tmp_path / "m.npz"))


def test_a_folder_without_its_counts_is_refused(tmp_path: Path) -> None:
    plain = one_factor()
    ir.save(replace(plain, pA=plain.A, learn_A=True), tmp_path)
    (tmp_path / "pA1.f64").unlink()
    with pytest.raises(ModelError, match="pA1.f64"):
        ir.load(tmp_path)
