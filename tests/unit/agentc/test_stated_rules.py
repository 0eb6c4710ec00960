"""Numbers in the documents that users rely on equal those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from agentc.ir import columns as ir_rules
from agentc.oracle import action_selection as choice
from agentc.proof import report

ROOT = Path(__file__).parents[3]
TOOLS = ROOT / "rules/tools"
TIES = re.compile(
    r"gamma x worth \+ habit.{0,120}?within\s(\S+)\snats of the best,\s+the\slowest\sindex\swins",
    re.DOTALL,
)
TEXTS = {
    "README": (ROOT / "README.md").read_text(),
    "compiler": (ROOT / "buildgraph/docs/design/agent-compiler.md").read_text(),
    "page": report.NOTES,
}


@pytest.mark.parametrize("where", TEXTS)
def test_the_rule_for_ties_is_one_sentence_with_the_number_of_the_code(where: str) -> None:
    match = TIES.search(TEXTS[where])
    assert match is not None and float(match[1]) == choice.TIE


def test_reference_program_and_python_backend_have_one_number() -> None:
    c, python = (
        re.search(pattern, (TOOLS / name).read_text(), re.MULTILINE)
        for name, pattern in (
            ("agentc/native/kernel.h", r"^#define TIE (\S+)f "),
            ("agentc/pymdp_backend/step.py", r"^TIE = (\S+)"),
        )
    )
    assert c is not None and python is not None and float(c[1]) == float(python[1]) == choice.TIE


@pytest.mark.parametrize("where", ["README", "compiler"])
def test_the_tolerance_of_rounded_decimals_is_that_of_the_code(where: str) -> None:
    match = re.search(r"(\S+) \+ (\S+) x its\sentries(?: of 1)? \((\S+) at most\)", TEXTS[where])
    assert match is not None and ir_rules.rounding(7) == pytest.approx(
        float(match[1]) + 7 * float(match[2])
    )
    assert ir_rules.rounding(10**9) == float(match[3])


def test_links_of_a_circle_are_said_to_be_delayed() -> None:
    assert re.search(r"link of a circle.{0,120}delayed by a tick", TEXTS["README"], re.DOTALL)
