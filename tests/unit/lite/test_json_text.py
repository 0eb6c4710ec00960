"""The text is that of `json.dumps`, with and without `_json`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from buildgraph.lite import json_text as module
from tests.support.missing_modules import load_without

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=9,
)
MODULES = (module, load_without(module, "_json"))


@given(VALUES)
def test_the_text_is_that_of_json(value: Any) -> None:
    expected = json.dumps(value, separators=(",", ":"))
    assert [variant.json_text(value) for variant in MODULES] == [expected, expected]


@pytest.mark.parametrize("variant", MODULES)
def test_other_values_need_a_default(variant: Any) -> None:
    assert variant.json_text({"a": 1j}, str) == '{"a":"1j"}'
    with pytest.raises(TypeError, match="complex is not JSON: 1j"):
        variant.json_text([1j])
