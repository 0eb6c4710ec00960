"""The first difference between two models, with the names of their axes."""

from __future__ import annotations

import json
from array import array
from typing import Any

import pytest

from buildgraph.explain.model_diff import ModelFiles, model_difference

_HEAD: dict[str, Any] = {
    "num_obs": [2, 3],
    "num_states": [2, 3],
    "num_controls": [2, 1],
    "A_dependencies": [[0], [0, 1]],
    "B_dependencies": [[0], [1]],
    "B_action_dependencies": [[0], [1]],
    "C_time_varying": [False, True],
    "policy_len": 2,
    "num_policies": 2,
    "inductive_lengths": [],
    "gamma": (16.0).hex(),
    "inference_algo": "fpi",
}
LABELS: dict[str, Any] = {
    "observations": [
        {"name": "cue", "elements": ["left", "right"]},
        {"name": "tone", "elements": None},
    ],
    "states": [
        {"name": "place", "elements": ["here", "there"]},
        {"name": "mood", "elements": None},
    ],
    "controls": [{"name": "move", "elements": ["stay", "go"]}],
}
_SIZES = {
    "A0.f64": 4,
    "A1.f64": 18,
    "B0.f64": 8,
    "B1.f64": 9,
    "C0.f64": 2,
    "C1.f64": 6,
    "D0.f64": 2,
    "E.f64": 2,
}


def model_files(head: dict[str, Any] | None = None, **items: dict[int, float]) -> dict[str, bytes]:
    files = {
        "model.json": json.dumps(_HEAD | (head or {})).encode(),
        "policies.i32": array("i", [0, 1, 0, 1]).tobytes(),
    }
    for name, size in _SIZES.items():
        values = array("d", [0.5] * size)
        for at, value in items.get(name.partition(".")[0], {}).items():
            values[at] = value
        files[name] = values.tobytes()
    return files


def _difference(
    old: dict[str, bytes], new: dict[str, bytes], labels: dict[str, Any] | None = None
) -> str:
    return model_difference(
        ModelFiles(old, old.__getitem__),
        ModelFiles(new, new.__getitem__),
        json.dumps(labels or LABELS).encode(),
    )


@pytest.mark.parametrize(
    ("name", "at", "entry"),
    [
        ("A0", 1, "A0[left, there]"),
        ("A1", 9 + 1, "A1[1, there, 1]"),
        ("B0", 1, "B0[here, here, go]"),
        ("B0", 7, "B0[there, there, go]"),
        ("B1", 4, "B1[1, 1, 0]"),
        ("C0", 1, "C0[right]"),
        ("C1", 4, "C1[1, 1]"),
        ("D0", 1, "D0[there]"),
        ("E", 1, "E[1]"),
    ],
)
def test_an_entry_is_named_by_its_axes(name: str, at: int, entry: str) -> None:
    assert (
        _difference(model_files(), model_files(None, **{name: {at: 0.25}}))
        == f"{entry} 0.50 -> 0.25"
    )


@pytest.mark.parametrize(
    ("old", "new", "values"),
    [
        (0.1, 0.15, "0.10 -> 0.15"),
        (0.1, 0.1 + 0.05, "0.10 -> 0.15"),
        (1 / 3, 0.5, "0.333333 -> 0.5"),
        (0.5, 0.125, "0.500 -> 0.125"),
        (0.5, 0.5 + 1e-12, "0.5 -> 0.500000000001"),
        (float("-inf"), 0.0, "-inf -> 0.00"),
        (0.5, 12345.5, "0.50 -> 12345.50"),
    ],
)
def test_numbers_have_as_few_decimals_as_they_need(old: float, new: float, values: str) -> None:
    assert _difference(model_files(D0={0: old}), model_files(D0={0: new})) == f"D0[here] {values}"


def test_several_entries_are_counted_over_all_matrices() -> None:
    assert (
        _difference(model_files(), model_files(A0={1: 0.25, 3: 0.75}, D0={0: 0.1}))
        == "A0[left, there] 0.50 -> 0.25 (and 2 more entries)"
    )


def test_a_shape_and_a_parameter_are_named() -> None:
    assert (
        _difference(model_files(), model_files({"num_states": [2, 4]}))
        == "num_states [2, 3] -> [2, 4]"
    )
    assert _difference(model_files(), model_files({"gamma": (8.0).hex()})) == "gamma 16 -> 8"
    assert (
        _difference(model_files(), model_files({"gamma": (8.0).hex(), "inference_algo": "mmp"}))
        == "gamma 16 -> 8 (and 1 more parameter)"
    )
    assert _difference(model_files(), model_files()) == ""


def test_files_that_are_no_model_have_no_difference() -> None:
    assert _difference({"model.json": b"{"}, {"model.json": b"{}"}) == ""
    assert _difference({"model.json": b"[]"}, {"model.json": b"{}"}) == ""
    torn = model_files() | {"A0.f64": b"\0" * 31}
    assert _difference(model_files(), torn) in ("", "A0 has another size")
    assert _difference(model_files(), model_files(A0={0: 0.1}), {"observations": []}) == ""
