"""The reports that the options and the environment ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildgraph.ci.annotations import Annotations
from buildgraph.ci.job_summary import JobSummary
from buildgraph.ci.junit import JUnitReport
from buildgraph.ci.reports import Reports
from buildgraph.types.errors import BuildError

GITHUB = {"GITHUB_ACTIONS": "true"}


@pytest.mark.parametrize(
    ("junit", "environ", "types"),
    [
        ("", {}, []),
        ("", {"GITLAB_CI": "true"}, []),
        ("", {"GITHUB_STEP_SUMMARY": "s"}, []),
        ("j", {}, [JUnitReport]),
        ("", GITHUB, [Annotations]),
        ("j", GITHUB | {"GITHUB_STEP_SUMMARY": "s"}, [Annotations, JUnitReport, JobSummary]),
    ],
)
def test_each_report_is_asked_for(junit: str, environ: dict[str, str], types: list[type]) -> None:
    reports = Reports("/w", "t", junit, environ, lambda labels, keys: {})
    assert [type(report) for report in reports.listeners] == types


def test_an_error_is_reported_in_files_and_raised(tmp_path: Path) -> None:
    environ = GITHUB | {"GITHUB_STEP_SUMMARY": str(tmp_path / "s")}
    reports = Reports("/w", "t", str(tmp_path / "j"), environ, lambda labels, keys: {})

    def build() -> int:
        raise BuildError("bad input")

    with pytest.raises(BuildError, match="bad input"):
        reports.run(build)
    assert "bad input" in (tmp_path / "s").read_text()
    assert "bad input" in (tmp_path / "j").read_text()
    assert reports.run(lambda: 7) == 7
