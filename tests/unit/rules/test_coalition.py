"""Names of agents that the program's protocol has for itself are refused at their line, before
anything runs.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from agentc.codegen import main as program

from buildgraph import BuildError, Source
from rules.coalition import RESERVED, Agent, coalition
from rules.model import Model, model
from tests.support.rule_context import ctx

NATIVE = Path(__file__).parents[3] / "rules/tools/agentc/native"


def scout() -> Model:
    return model(ctx(), Source("p/a.npz"))


def test_the_rule_and_the_program_keep_the_same_names() -> None:
    assert RESERVED == program.RESERVED
    asked = (NATIVE / "request.h").read_text()
    assert all(f'is_name(first, size, "{name}")' in asked for name in ("reset", "executed", "copy"))


@pytest.mark.parametrize("replicas", [None, 3])
@pytest.mark.parametrize("name", RESERVED)
def test_a_reserved_name_is_refused_with_one_that_is_free(name: str, replicas: int | None) -> None:
    with pytest.raises(BuildError, match=f"an agent cannot be called '{name}'") as fault:
        coalition(ctx(), {"scout": Agent(scout()), name: Agent(scout(), replicas)})
    assert fault.value.at is not None and f"such as {name}_agent" in (fault.value.fix or "")
    free = coalition(
        ctx(), {f"{name}_agent": Agent(scout(), replicas), name.title(): Agent(scout())}
    )
    assert [member.name for member in free.members] == [f"{name}_agent", name.title()]
