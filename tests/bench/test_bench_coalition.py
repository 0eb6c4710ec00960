"""A thousand agents at 10 Hz use at most 5 % of a core, over pipes and over HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.bench_coalition import AGENTS, HERTZ, ticks
from tests.support.requirements import need_module


@pytest.mark.slow
def test_a_thousand_agents_at_ten_hertz_use_less_than_a_twentieth_of_a_core(tmp_path: Path) -> None:
    need_module("ziglang")
    assert (AGENTS, HERTZ) == (1000, 10)
    results = ticks(tmp_path, 3.0, (1,))["codes_1"]
    assert results["lines"]["cpu_percent"] < 5.0 and results["http"]["cpu_percent"] < 5.0, results
    assert max(face["peak_memory_bytes"] for face in results.values()) < 4 << 20, results
