"""The IR folder: equal bytes for equal models, strict reading, every error with its place."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agentc.ir import files as ir
from agentc.ir.columns import column_errors
from hypothesis import given, strategies as st

from tests.support.small_models import entangled, one_factor


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("model", [one_factor(), entangled()], ids=["one factor", "entangled"])
def test_load_gives_back_what_was_saved(model: ir.Model, tmp_path: Path) -> None:
    ir.save(model, tmp_path / "a")
    ir.save(ir.load(tmp_path / "a"), tmp_path / "b")
    assert content(tmp_path / "a") == content(tmp_path / "b")
    assert ir.validate(ir.load(tmp_path / "b")) == []


def test_model_json_is_canonical_and_writes_every_parameter(tmp_path: Path) -> None:
    ir.save(one_factor(gamma=16.0), tmp_path)
    data = (tmp_path / "model.json").read_bytes()
    document = json.loads(data)
    assert data == (json.dumps(document, sort_keys=True, separators=(",", ":")) + "\n").encode()
    assert (
        set(document) == set(ir.KINDS) - set(ir.OMITTED_AT_DEFAULT)
        and document["gamma"] == "0x1.0000000000000p+4"
    )
    assert document["use_states_info_gain"] is True and document["inference_horizon"] is None


def test_policies_follow_pymdps_order() -> None:
    model = entangled()
    flat = [tuple(policy.ravel()) for policy in model.policies]
    assert flat == list(itertools.product(range(2), range(3), range(2), range(3)))
    assert model.control_factors == (0, 1)


def test_too_many_policies_are_refused_before_they_are_built() -> None:
    with pytest.raises(ir.ModelError, match="9765625 policies"):
        ir.full_policies([5], 10)


def test_negative_zero_is_written_as_zero(tmp_path: Path) -> None:
    model = one_factor()
    minus = replace(model, C=(model.C[0] * 0.0 - 0.0, np.array([-0.0, -0.0])))
    plus = replace(model, C=(np.zeros(3), np.zeros(2)))
    ir.save(minus, tmp_path / "a")
    ir.save(plus, tmp_path / "b")
    assert content(tmp_path / "a") == content(tmp_path / "b")


@given(st.integers(0, 2**32), st.integers(1, 30))
def test_normalising_twice_changes_no_bit(seed: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    raw = rng.random((rows, 4)).astype(np.float32)
    columns = (raw / raw.sum(axis=0)).astype(np.float64)
    model = replace(one_factor(), A=(columns, one_factor().A[1]), num_obs=(rows, 2))
    once = ir.normalise(model)
    twice = ir.normalise(once)
    assert once.A[0].tobytes() == twice.A[0].tobytes()
    assert all(abs(math.fsum(once.A[0][:, i].tolist()) - 1.0) <= 2.0**-51 for i in range(4))


def test_a_constant_prior_over_policies_says_nothing() -> None:
    model = replace(one_factor(), E=np.full(9, 1.0 / 9.0), has_E=True)
    assert ir.normalise(model).E is None and not ir.normalise(model).has_E
    assert entangled().has_E


def test_faults_name_matrix_column_and_sum_all_at_once() -> None:
    model = one_factor()
    A, B = model.A[0].copy(), model.B[0].copy()
    A[:, 2] *= 0.5
    B[1, 3, 2] = math.nan
    errors = ir.validate(replace(model, A=(A, model.A[1]), B=(B,), gamma=math.inf, num_iter=0))
    text = "\n".join(errors)
    assert "A0[:,2] sums to 0.5" in text and "B0[1,3,2] is not a finite number" in text
    assert "gamma = inf" in text and "num_iter = 0" in text and len(errors) == 4


def test_a_negative_entry_is_named_even_where_the_column_sums_to_one() -> None:
    array = np.array([[1.5, 0.5], [-0.5, 0.5]])
    assert list(column_errors("A0", array)) == ["A0[1,0] = -0.5 is negative (1 such entries)"]


def test_a_matrix_that_is_stochastic_along_another_axis_gets_a_hint() -> None:
    rows = np.full((5, 8), 1.0 / 8.0)
    assert "they do along axis 1" in list(column_errors("B0", rows))[-1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"A_dependencies": ((0,), (7,))}, "A_dependencies[1] = [7]"),
        ({"A_dependencies": ((0,),)}, "A_dependencies has 1 rows"),
        ({"B_dependencies": ((),)}, "B_dependencies[0] is empty"),
        ({"num_states": (0,)}, "num_states = [0]"),
        ({"policy_len": 0}, "policy_len = 0"),
        ({"C_time_varying": (True,)}, "C_time_varying has 1"),
        ({"num_obs": (4, 2)}, "A0 has the shape (3, 4)"),
        ({"sampling_mode": "greedy"}, "sampling_mode = 'greedy'"),
        (
            {"policies_kind": "listed", "policies": np.full((9, 2, 1), 3, np.int32)},
            "policies[0,0,0]",
        ),
        ({"policies": np.zeros((9, 2, 1), np.int32)}, "not the full product"),
        ({"has_E": True}, "E has the shape"),
        ({"semantics": "pymdp-2"}, "semantics = 'pymdp-2' is not supported"),
        (
            {"semantics": "pymdp-0.0.7", "inference_algo": "exact"},
            "of that version only 'fpi' is supported",
        ),
        ({"semantics": "pymdp-0.0.7", "use_inductive": True}, "only False is supported"),
        (
            {"semantics": "pymdp-0.0.7", "B_action_dependencies": ((),)},
            "there a factor moves by itself",
        ),
    ],
)
def test_each_kind_of_fault_is_found(change: dict[str, Any], message: str) -> None:
    errors = ir.validate(replace(one_factor(), **change))
    assert any(message in error for error in errors), errors


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("num_obs", [3, "2"]),
        ("gamma", 16.0),
        ("use_utility", 1),
        ("schema", 2),
        ("A_dependencies", [[0], [-1]]),
        ("num_iter", True),
        ("policies", None),
        ("gamma", "high"),
        ("extra", 1),
        ("num_states", []),
    ],
)
def test_a_damaged_header_is_refused(key: str, value: Any, tmp_path: Path) -> None:
    ir.save(one_factor(), tmp_path)
    path = tmp_path / "model.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {key: value}))
    with pytest.raises(ir.ModelError):
        ir.load(tmp_path)


def test_a_tensor_of_the_wrong_size_or_absent_is_refused(tmp_path: Path) -> None:
    ir.save(one_factor(), tmp_path)
    (tmp_path / "B0.f64").write_bytes(b"\0" * 8)
    with pytest.raises(ir.ModelError, match="B0.f64 should hold 384 bytes"):
        ir.load(tmp_path)
    (tmp_path / "B0.f64").unlink()
    with pytest.raises(ir.ModelError, match="B0.f64"):
        ir.load(tmp_path)
