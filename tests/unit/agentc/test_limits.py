"""Each limit counts the intended quantity; its message gives the value, the limit, and advice."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agentc.importers import (
    json_input,
    npz as ingest,
    objects as ingest_objects,
    resolve as model_source,
    safe_unpickle as object_arrays,
    text_input as model_text,
)
from agentc.importers.gnn import axes as gnn_layout, parser as gnn_text
from agentc.importers.npy import LONGEST
from agentc.importers.pomdp import parser as pomdp_text
from agentc.importers.resolve import ModelSource, resolve
from agentc.ir import files as ir, types as agent_model
from agentc.ir.types import ModelError
from agentc.oracle import agent as reference
from agentc.plan import feature_support as plan_subset
from agentc.proof import probe

from tests.support.small_models import columns, one_factor
from tests.unit.agentc.importers.test_objects import objects

RNG = np.random.default_rng(3)
A, B = columns(RNG, 3, 4), columns(RNG, 4, 4, 2)


def saved(folder: Path, spec: dict[str, Any] | None = None, **arrays: Any) -> tuple[Path, Path]:
    np.savez(folder / "m.npz", **arrays)
    (folder / "m.json").write_text(json.dumps(spec or {}))
    return folder / "m.npz", folder / "m.json"


def error_message(refused: Callable[[], Any]) -> str:
    with pytest.raises(ModelError) as error:
        refused()
    return str(error.value)


def test_an_array_may_have_just_as_many_entries_as_the_limit_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    npz, _ = saved(tmp_path, A0=A, B0=B)
    for dtype in (np.float64, np.float32):
        monkeypatch.setattr(ingest, "MAX_ENTRIES", B.size)
        assert ingest.read_npz(saved(tmp_path, B0=B.astype(dtype))[0])["B0"].shape == B.shape
        monkeypatch.setattr(ingest, "MAX_ENTRIES", B.size - 1)
        arrays = error_message(lambda: ingest.read_npz(npz))
        assert (
            "B0.npy holds 4 x 4 x 2 = 32 entries, more than 31" in arrays
            and "B_dependencies" in arrays
        )


def test_the_headers_of_arrays_do_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    total = A.nbytes + B.nbytes
    monkeypatch.setattr(ingest, "MAX_TOTAL", total)
    assert len(ingest.read_npz(saved(tmp_path, A0=A, B0=B)[0])) == 2
    monkeypatch.setattr(ingest, "MAX_TOTAL", total - 1)
    arrays = error_message(lambda: ingest.read_npz(tmp_path / "m.npz"))
    assert f"the arrays hold {total} bytes, more than {total - 1}" in arrays and "float32" in arrays
    half = saved(tmp_path, A0=A.astype(np.float32), B0=B.astype(np.float32))
    assert np.allclose(ingest.make(*half, "{}")[0].B[0], B)


def test_what_would_unpack_to_too_much_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savez_compressed(tmp_path / "m.npz", A0=np.zeros(100_000))
    monkeypatch.setattr(ingest, "plain_array", lambda data: pytest.fail("it was unpacked"))
    monkeypatch.setattr(ingest, "MAX_ENTRIES", 10)
    assert "A0.npy of 800128 bytes is larger than 10 entries can be" in error_message(
        lambda: ingest.read_npz(tmp_path / "m.npz")
    )
    monkeypatch.setattr(ingest, "MAX_ENTRIES", 1 << 26)
    monkeypatch.setattr(ingest, "MAX_TOTAL", 700_000)
    assert f"the arrays hold {800_128 - LONGEST} bytes" in error_message(
        lambda: ingest.read_npz(tmp_path / "m.npz")
    )


def test_transitions_of_2048_states_and_8_actions_in_float64_are_within_the_limits() -> None:
    entries = 2048 * 2048 * 8
    assert entries <= ingest.MAX_ENTRIES and 8 * entries <= min(
        ingest.MAX_TOTAL, ir.MAX_TENSOR, object_arrays.MAX_FILE
    )
    assert 8 * ingest.MAX_ENTRIES <= ir.MAX_TENSOR  # what is read can be kept


def test_too_many_arrays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "MAX_MEMBERS", 1)
    assert "2 arrays are more than 1: join modalities" in error_message(
        lambda: ingest.read_npz(saved(tmp_path, A0=A, B0=B)[0])
    )
    monkeypatch.setattr(object_arrays, "MAX_MEMBERS", 1)
    result = error_message(
        lambda: object_arrays.read(saved(tmp_path, A=objects(A), B=objects(B))[0])
    )
    assert (
        "2 arrays of" in result and "more than 1" in result and "leave pickle = true out" in result
    )


@pytest.mark.parametrize("make", [ingest.make, ingest_objects.make])
def test_a_large_spec(
    make: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = saved(tmp_path, {"gamma": 1.0}, A0=A, B0=B)
    monkeypatch.setattr(json_input, "MAX_SPEC", 5)
    assert "m.json of 14 bytes is larger than 5: it holds parameters" in error_message(
        lambda: make(*paths, "{}")
    )


def test_object_arrays_count_without_what_pickles_add(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path, A=objects(A), B=objects(B))[0]
    monkeypatch.setattr(object_arrays, "MAX_FILE", A.nbytes + B.nbytes)
    assert len(object_arrays.read(path)) == 2
    monkeypatch.setattr(object_arrays, "OVERHEAD", 0)
    result = error_message(lambda: object_arrays.read(path))
    assert (
        f"more than 64, or than {A.nbytes + B.nbytes} bytes" in result
        or f"is larger than {A.nbytes + B.nbytes}" in result
    )
    assert "np.savez" in result and "float32" in result
    assert "nested more than 4 deep: save a list of arrays" in error_message(
        lambda: object_arrays._to_arrays("A", [[[[[[A]]]]]], 0)
    )


def test_text_formats_point_to_arrays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "m.pomdp").write_text("states: 3\n")
    monkeypatch.setattr(model_text, "MAX_TEXT", 4)
    assert "the file of 10 bytes is larger than 4: save the matrices as an .npz" in error_message(
        lambda: model_text.read_text(tmp_path / "m.pomdp")
    )
    head = "discount: 1.0\nvalues: reward\nactions: 8\nobservations: 2\nstates: 2048\n"
    assert (
        "8 actions x 2048 states x 2048 states are 33554432, more than 16777216 entries: save "
        "the matrices as an .npz" in error_message(lambda: pomdp_text.parse(head))
    )
    monkeypatch.setattr(gnn_text, "MAX_CELLS", 3)
    gnn = "## StateSpaceBlock\ns[2]\n## InitialParameterization\nA={}\n"
    assert "more than 3 entries: save the matrices as an .npz" in error_message(
        lambda: gnn_text.parse(gnn.replace("{}", "{(1,0),(0,1)}"))
    )
    assert "nested more than 8 deep" in error_message(
        lambda: gnn_text.parse(gnn.replace("{}", "{" + "(" * 9 + "1" + ")" * 9 + "}"))
    )
    roles = ("observation", *(f"s{i}" for i in range(6)))
    odd = np.ones((2, 1, 1, 1, 1, 1, 3))
    axes = gnn_layout.AxisRoles("A", roles, dict.fromkeys(roles, 1) | {"observation": 3, "s0": 2})
    assert gnn_layout.arrange(axes, odd / 3, ("s0", *roles[2:], "observation")).shape == (
        3,
        2,
        1,
        1,
        1,
        1,
        1,
    )
    axes = gnn_layout.AxisRoles("A", roles, dict.fromkeys(roles, 1) | {"observation": 3, "s3": 2})
    result = error_message(lambda: gnn_layout.arrange(axes, odd, None))
    assert "more than 6 axes" in result and 'layout = { A = "observation,s0' in result


def test_too_many_policies(monkeypatch: pytest.MonkeyPatch) -> None:
    result = error_message(lambda: resolve(ModelSource(A=[A], B=[B], spec={"policy_len": 21}), {}))
    assert (
        "policy_len = 21 makes 2097152 policies, more than 1048576: shorten policy_len or list "
        "the policies" in result
    )
    monkeypatch.setattr(model_source, "MAX_POLICIES", 2)
    result = error_message(
        lambda: resolve(ModelSource(A=[A], B=[B], policies=np.zeros((3, 1, 1), np.int32)), {})
    )
    assert "3 policies are listed, more than 2: list fewer" in result


def test_what_native_bounds_has_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    model = one_factor(plan_every=2)
    monkeypatch.setattr(plan_subset, "MAX_DRAWN", 8)
    monkeypatch.setattr(plan_subset, "MAX_JOINT", 23)
    for one, words in (
        (
            model,
            (
                "plan_every = 2 with 9 policies",
                "at most 8",
                "list fewer policies, or plan_every = 1",
            ),
        ),
        (
            replace(one_factor(), action_selection="stochastic"),
            ("with 9 policies", "at most 8", "'deterministic'"),
        ),
        (
            replace(one_factor(), semantics=agent_model.LEGACY),
            ("with 24 joint outcomes", "at most 23", "fewer outcomes"),
        ),
    ):
        message = "\n".join(plan_subset.refusals(one))
        assert all(word in message for word in words), message


def test_a_proof_that_would_outlast_its_action_is_refused_before_it_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    agent = reference.prepare(one_factor())
    ticks = itertools.count(0.0, 3.0)  # each look at the clock is 3 s after the one before
    result = error_message(lambda: probe.check_time(agent, 8, 32, lambda: next(ticks)))
    assert (
        "about 768 s, more than the 600 s" in result
        and "9 policies over 4 states 256 times (8 episodes of 32 steps)" in result
    )
    assert "a policy_len below 2" in result and "probe = { episodes = 4, steps = 25 }" in result
    probe.check_time(agent, 4, 25, lambda: next(ticks))
    kept = reference.prepare(one_factor(plan_every=2))
    probe.check_time(kept, 8, 32, lambda: next(ticks))


def test_one_slow_look_does_not_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, 50.0, 50.0, 50.1])
    probe.check_time(reference.prepare(one_factor()), 8, 32, lambda: next(times))
    with pytest.raises(ModelError, match="fewer listed policies, plan_every$"):
        slow = itertools.count(0.0, 301.0)
        probe.check_time(reference.prepare(one_factor()), 8, 32, lambda: next(slow))
