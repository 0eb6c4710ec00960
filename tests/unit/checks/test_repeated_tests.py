"""The number of runs, the job of a repeated gate, and the reason of its failure."""

from __future__ import annotations

import pytest

from buildgraph.checks.repeated_tests import VARIABLE, describe_failure, repeater, with_runs
from buildgraph.sandbox.job import Job
from buildgraph.types.errors import BuildError


@pytest.mark.parametrize("text", ["", "0", "1", "1.5", "-3", "1001", "many"])
def test_a_number_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BuildError, match="not a number from 2 to 1000"):
        repeater(text)


def test_a_job_knows_the_number_and_has_time_for_all_runs() -> None:
    job = with_runs(Job(("python3",), (("TZ", "UTC"),), "/s", "/s/out", "/t", (), 60), 5)
    assert job.env == ((VARIABLE, "5"), ("TZ", "UTC"))
    assert job.timeout == 300


def test_flaky_tests_are_named_first() -> None:
    log = "\n".join(
        [
            "checked 1 of 1 files",
            *(f"t.py:{n}: error: {n}" for n in range(4)),
            "t.py: error: a is flaky: x",
        ]
    )
    assert describe_failure("exit code 1", log) == (
        "t.py: error: a is flaky: x; t.py:0: error: 0; t.py:1: error: 1 (and 2 more)"
    )
    assert describe_failure("exit code 1", "") == "exit code 1"
