"""A T-maze step is 50 times faster than jitted pymdp, and the program starts within 5 ms."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.requirements import need_module


@pytest.mark.slow
def test_tmaze_steps_fifty_times_faster_than_jitted_pymdp_and_starts_within_5_ms() -> None:
    need_module("ziglang")
    need_module("pymdp")
    bench = Path(__file__).with_name("bench_step.py")
    done = subprocess.run(
        [sys.executable, str(bench), "--rounds", "5"], capture_output=True, check=True, timeout=300
    )
    results = json.loads(done.stdout)
    assert results["ratio_jit"] >= 50.0, results
    assert results["ratio_jit_json"] >= 50.0, results
    assert results["start_to_first_action_us"] <= 5000.0, results
