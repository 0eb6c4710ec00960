"""Random text and damage: a model in GNN or pomdp format is a model or a ModelError."""

from __future__ import annotations

from agentc.ir import files as ir
from agentc.ir.types import ModelError
from hypothesis import given, settings, strategies as st

from tests.unit.agentc.importers.gnn import test_reader as gnn
from tests.unit.agentc.importers.pomdp import test_reader as pomdp


@settings(max_examples=400, deadline=None)
@given(st.lists(gnn.PIECES, max_size=12), st.integers(0, 2000))
def test_any_gnn_text_is_a_model_or_a_fault(pieces: list[str], at: int) -> None:
    whole = gnn.text()
    at = at % len(whole)
    try:
        model = gnn.imported(whole[:at] + "".join(pieces) + whole[at:])
    except ModelError as error:
        assert error.errors and all(error.errors)
    else:
        assert ir.validate(model) == []


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2000), st.integers(1, 60), st.text(max_size=4))
def test_any_gnn_cut_is_a_model_or_a_fault(at: int, count: int, put: str) -> None:
    whole = gnn.text()
    at = at % len(whole)
    try:
        gnn.imported(whole[:at] + put + whole[at + count :])
    except ModelError as error:
        assert error.errors


@settings(max_examples=400, deadline=None)
@given(
    st.lists(pomdp.WORDS, max_size=40),
    st.sampled_from(["", pomdp.HEAD, pomdp.GOOD]),
    st.sampled_from([None, "{}", '{"x": 1}']),
)
def test_any_pomdp_text_is_a_model_or_a_fault(
    words: list[str], head: str, preferences: str | None
) -> None:
    try:
        model = pomdp.imported(head + " ".join(words), preferences)
    except ModelError as error:
        assert error.errors and all(error.errors)
    else:
        assert ir.validate(model) == []


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60), st.integers(0, len(pomdp.GOOD)))
def test_any_pomdp_damage_is_a_model_or_a_fault(text: str, at: int) -> None:
    try:
        pomdp.imported(pomdp.GOOD[:at] + text + pomdp.GOOD[at:])
    except ModelError as error:
        assert error.errors
