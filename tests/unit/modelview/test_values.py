"""Arrays of a model for JSON: every entry, with the names along its axes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import show_model
from agentc.importers import npz
from modelview import values

from tests.support.small_models import EXAMPLES, NAMES, entangled


def unpacked(matrix: dict[str, Any]) -> np.ndarray[Any, Any]:
    shape = [axis["size"] for axis in matrix["axes"]]
    if "values" in matrix:
        return np.array(matrix["values"]).reshape(shape)
    array = np.zeros(int(np.prod(shape)))
    array[matrix["index"]] = matrix["value"]
    return array.reshape(shape)


@pytest.mark.parametrize("name", NAMES)
def test_every_entry_of_an_example_is_there(name: str) -> None:
    path = EXAMPLES / f"{name}.npz"
    model, labels = npz.make(path, path.with_suffix(".json"), "{}")
    arrays = {matrix["name"]: unpacked(matrix) for matrix in values.arrays(model, labels)}
    for letter in "ABCD":
        for i, array in enumerate(getattr(model, letter)):
            assert np.array_equal(arrays.pop(f"{letter}{i}"), array), (letter, i)
    assert not arrays


def test_preferences_that_vary_have_steps_across() -> None:
    model = entangled()
    labels = {
        kind: [{"name": None, "size": n, "elements": None} for n in sizes]
        for kind, sizes in (
            ("observations", model.num_obs),
            ("states", model.num_states),
            ("controls", [model.num_controls[c] for c in model.control_factors]),
        )
    }
    matrices = {matrix["name"]: matrix for matrix in values.arrays(model, labels)}
    assert [axis["name"] for axis in matrices["C1"]["axes"]] == ["observation 1", "step"]
    assert np.array_equal(unpacked(matrices["C1"]), model.C[1].T)
    policies = values.policies(model, labels)
    assert len(policies["actions"]) == model.num_policies
    assert all(len(step) == len(policies["controls"]) for step in policies["actions"][0])


def test_the_program_adds_them_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    words = [str(EXAMPLES / "tmaze.npz"), "--json"]
    assert show_model.main(words) == 0
    short = json.loads(capsys.readouterr().out)
    assert show_model.main([*words, "--values"]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert whole.keys() - short.keys() == {"arrays", "policy_list"}
    location = whole["arrays"][0]["axes"][0]
    assert (location["name"], location["elements"][0]) == ("location", "centre")
