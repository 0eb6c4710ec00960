"""emit_agent.py: exact literals, distinct symbols, stable text."""

from __future__ import annotations

import string
from pathlib import Path

import numpy as np
import pytest
from agentc.codegen.agent import emit
from agentc.codegen.names import symbol
from agentc.codegen.tables import literals, table
from agentc.plan.build import build
from emit_agent import main
from hypothesis import given, strategies as st

from tests.support.native_agents import random_model

FIRST = string.ascii_letters + "_"
NAMES = st.builds(
    str.__add__, st.sampled_from(FIRST), st.text(FIRST + string.digits + ".-", max_size=5)
)


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=8))
def test_float_literals_lose_no_bit(values: list[float]) -> None:
    array = np.array(values, np.float32)
    result = np.array(
        [float.fromhex(text.removesuffix("f")) for text in literals(array)][: len(values)],
        np.float32,
    )
    assert result.tobytes() == array.tobytes()


def test_an_empty_table_is_still_c() -> None:
    assert table("t", np.zeros(0, np.uint8)) == "static const u8 t[] = {\n    0};\n"


@given(NAMES, NAMES)
def test_distinct_names_have_distinct_symbols(a: str, b: str) -> None:
    assert (symbol(a) == symbol(b)) == (a == b)
    assert symbol(a).isidentifier()


def test_same_plan_same_text() -> None:
    assert emit(build(random_model("two_moving")), "a") == emit(
        build(random_model("two_moving")), "a"
    )


def test_agents_export_one_symbol_each() -> None:
    text = emit(build(random_model("one_factor")), "scout-1")
    assert "const agent agent_scout_2d1 = {" in text
    assert "#include" not in text


@pytest.mark.parametrize("name", ["1st", "a b", "", 'a"b', "a" * 64])
def test_bad_names_are_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--plan", str(tmp_path), "--name", name, "--out", str(tmp_path / "a.c")]) == 1
    assert "agent name" in capsys.readouterr().err
