"""Shards, flaky tests and intervals of a gate of tests."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from quality.findings import Finding
from quality.junit import list_tests, write_junit
from quality.plan import Plan, is_test
from quality.pytest_runs import Run
from quality.records import Records
from quality.run_tests import (
    Tally,
    failure_interval,
    flaky_tests,
    is_in_shard,
    update_records,
)
from readiness.evidence import Check, conclude


@pytest.mark.parametrize(
    ("failed", "runs", "interval"),
    [
        (0, 20, ("0.000000", "0.168434")),  # 1 - 0.025 ** (1 / 20) = 0.168433...
        (20, 20, ("0.831566", "1.000000")),
        (3, 20, ("0.032070", "0.378927")),  # scipy.stats.binomtest(3, 20).proportion_ci()
    ],
)
def test_the_interval_is_that_of_clopper_and_pearson(
    failed: int, runs: int, interval: tuple[str, str]
) -> None:
    assert failure_interval(failed, runs) == interval


def test_a_test_that_fails_in_some_runs_is_flaky() -> None:
    passed = Run(0, (("t::a", "passed"), ("t::b", "failed")), (), "")
    failed = Run(1, (("t::a", "failed"), ("t::b", "failed")), (), "")
    (finding,) = flaky_tests("test_t.py", [passed, failed, passed])
    assert finding.text.startswith("t::a is flaky: 1 of 3 runs failed, between 0.008")


def test_every_test_file_is_in_one_shard() -> None:
    paths = [f"tests/test_{number}.py" for number in range(100)]
    shards = [{path for path in paths if is_in_shard(path, f"{n}/4")} for n in range(1, 5)]
    assert sum(map(len, shards)) == 100
    assert set().union(*shards) == set(paths)
    assert all(shards)


def test_names_of_test_files() -> None:
    assert is_test("a/test_b.py")
    assert is_test("b_test.py")
    assert not is_test("tests/conftest.py")


def test_the_report_has_all_tests(tmp_path: Path) -> None:
    plan = Plan("g", "pytest", "sub", ("test_a.py",))
    write_junit(tmp_path / "j.xml", plan, {"test_a.py": [["m::x", "passed"], ["m::y", "failed"]]})
    (suite,) = ElementTree.parse(tmp_path / "j.xml").getroot()
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == (
        "sub/test_a.py",
        "2",
        "1",
    )
    assert [case.find("failure") is not None for case in suite] == [False, True]


def test_evidence_lists_the_tests_with_the_messages_of_failures() -> None:
    plan = Plan("g", "pytest", "sub", ("test_a.py",))
    cases = {"test_a.py": [["m::x", "passed"], ["m::y", "failed"], ["m::z", "failed"]]}
    failed = {"test_a.py": [Finding("test_a.py", 3, 0, "y: assert 1 == 2")]}
    assert list_tests(plan, cases, failed) == [
        ["sub/test_a.py", "m", "x", "passed"],
        ["sub/test_a.py", "m", "y", "failed", "assert 1 == 2"],
        ["sub/test_a.py", "m", "z", "failed", "z failed"],
    ]


@pytest.mark.parametrize("length", [10, 2000])
def test_evidence_with_many_tests_is_small_enough_to_be_read(tmp_path: Path, length: int) -> None:
    names = (f"m::{number:0{length}}é" for number in range(25_000))
    cases = {"test_a.py": [[name, "passed"] for name in names]}
    tests = list_tests(Plan("g", "pytest", "", ("test_a.py",)), cases, {})
    conclude("g", [Check("files", "passed", "pytest", "here")], tmp_path / "e.json", tests=tests)
    size = (tmp_path / "e.json").stat().st_size
    assert 1 << 20 < size < 4 << 20  # the engine reads up to 4 MiB
    assert json.loads((tmp_path / "e.json").read_bytes())["tests"] == tests


def test_a_pass_after_a_failure_with_the_same_inputs_is_not_kept(tmp_path: Path) -> None:
    records, tally = Records(failed={"a": "key", "b": "old"}), Tally()
    update_records(records, ["a", "b"], {"a": "key", "b": "new"}, ["a", "b"], tally)
    assert tally.failed_before == ["a"]
    assert records.passed == {"b": "new"}
    assert records.failed == {"a": "key"}
