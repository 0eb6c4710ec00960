"""The order of loops by caches: its bounds fit the boards, and the choice follows the beliefs."""

from __future__ import annotations

import pytest
from agentc.codegen.agent import emit
from agentc.plan.build import build
from agentc.plan.choices import choices
from agentc.plan.loop_order import FIRST_CACHE, SECOND_CACHE, belief_bytes, reads_by_rows

from rules.boards.catalogue import BOARDS
from tests.bench.random_agents import random_agent


def test_the_bounds_fit_the_caches_of_all_boards() -> None:
    known = [board.caches for board in BOARDS.values() if board.caches]
    assert max(caches.l1d_kib for caches in known) << 10 == FIRST_CACHE
    assert min(caches.l2_kib for caches in known if caches.l2_kib) << 10 == SECOND_CACHE * 4 // 3


@pytest.mark.parametrize(("states", "by_rows"), [(64, False), (256, True), (768, False)])
def test_beliefs_between_the_caches_are_read_by_rows(states: int, *, by_rows: bool) -> None:
    plan = build(random_agent(states))
    assert belief_bytes(plan, 0) == 4 * states * plan.header["modalities"][0]["columns"]
    assert reads_by_rows(plan, 0) == by_rows
    assert ("DEFINE_NEG_EFE_BY_ROWS(neg_efe_0," in emit(plan, "a")) == by_rows
    (chosen,) = (each for each in choices(plan) if each["of"] == "loops of modality 0")
    assert chosen["chosen"] == ("by rows" if by_rows else "by columns")
    assert chosen["reason"].startswith(f"{belief_bytes(plan, 0)} bytes of beliefs")
