"""All changes between two models, by tensor."""

from __future__ import annotations

import json

import pytest

from buildgraph.explain.model_diff import ModelFiles
from buildgraph.explain.parameter_changes import ModelChanges, describe_tensor, model_changes
from tests.unit.explain.test_model_diff import LABELS, model_files


def _changes(old: dict[str, bytes], new: dict[str, bytes]) -> ModelChanges:
    return model_changes(
        ModelFiles(old, old.__getitem__),
        ModelFiles(new, new.__getitem__),
        json.dumps(LABELS).encode(),
    )


def test_equal_models_have_no_changes() -> None:
    assert _changes(model_files(), model_files()).is_empty


def test_each_tensor_is_listed_with_the_number_and_size_of_its_changes() -> None:
    changes = _changes(model_files(), model_files(B0={1: 0.6, 7: 0.25}, D0={0: 0.75}))
    assert [(t.name, t.entries, t.total, t.largest) for t in changes.tensors] == [
        ("B0", 2, 8, 0.25),
        ("D0", 1, 2, 0.25),
    ]
    assert describe_tensor(changes.tensors[0]) == (
        "B0: 2 of 8 entries, by at most 0.25: "
        "B0[here, here, go] 0.50 -> 0.60, B0[there, there, go] 0.50 -> 0.25"
    )


def test_at_most_three_entries_are_described() -> None:
    (change,) = _changes(model_files(), model_files(B1=dict.fromkeys(range(5), 0.1))).tensors
    assert (change.entries, len(change.first)) == (5, 3)
    assert describe_tensor(change).endswith(", ...")


def test_parameters_are_listed_beside_tensors() -> None:
    changes = _changes(model_files(), model_files({"gamma": (8.0).hex()}, E={0: 0.25}))
    assert [(p.name, p.before, p.after) for p in changes.parameters] == [("gamma", "16", "8")]
    assert [tensor.name for tensor in changes.tensors] == ["E"]


def test_models_of_other_shapes_have_no_counterparts() -> None:
    changes = _changes(model_files(), model_files({"num_states": [3, 3]}, B0={0: 0.1}))
    assert changes.reshaped and not changes.tensors and not changes.is_empty
    assert [(p.name, p.after) for p in changes.parameters] == [("num_states", "[3, 3]")]


def test_files_that_are_no_model_are_an_error() -> None:
    with pytest.raises(LookupError):
        _changes({}, {})
