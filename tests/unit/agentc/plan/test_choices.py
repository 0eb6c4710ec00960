"""Choices: each names what was chosen and why, and follows the plan."""

from __future__ import annotations

from agentc.ir.files import Model
from agentc.plan.build import build
from agentc.plan.choices import choices

from tests.bench.random_agents import dense, random_agent
from tests.support.native_agents import random_model, ring


def chosen(model: Model) -> dict[str, tuple[str, str]]:
    return {each["of"]: (each["chosen"], each["reason"]) for each in choices(build(model))}


def test_many_rows_are_stored_by_length_and_columns_fill_vectors() -> None:
    result = chosen(random_agent(64))
    assert result["transitions of factor 0"][0] == "rows by length"
    assert result["transitions of factor 0"][1].startswith("512 rows of ")
    assert result["columns of modality 2"][0] == "4 x 16 lanes + 8 lanes"
    assert "3072 entries 2 times" in result["predictions of factor 0"][1]


def test_few_rows_stay_in_the_order_of_states() -> None:
    assert (
        chosen(random_model("one_factor"))["transitions of factor 0"][0]
        == "rows in the order of states"
    )


def test_permutations_have_no_values_to_convert() -> None:
    assert not [of for of in chosen(ring()) if of.startswith("predictions")]


def test_a_contraction_is_told_with_what_it_replaces() -> None:
    result = chosen(dense((4, 3), (3, 1), crossed=False, outcomes=(5, 2)))
    order, reason = result["expected free energy of modalities 0, 1"]
    assert order == "factors 1, 0 are summed out in this order"
    assert "products of beliefs take" in reason
    assert result["likelihoods of modalities 0, 1"][0] == "one dense array"
