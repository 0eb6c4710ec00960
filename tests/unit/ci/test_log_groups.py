"""Groups in the logs of CI services."""

from __future__ import annotations

import io
from typing import Literal

from buildgraph.ci.log_groups import GroupedProgress
from tests.golden.script import AFTER, BEFORE
from tests.support.runner_commands import runner_commands


def lines(service: Literal["github", "gitlab"]) -> list[str]:
    """The lines of a build with a warning, a failure and gates."""
    out = io.StringIO()
    progress = GroupedProgress(out, service, lambda: 17.9)
    for event in BEFORE + AFTER:
        progress(event)
    progress.close()
    return out.getvalue().split("\n")[:-1]


def test_github_folds_actions_and_gates_and_shows_failures() -> None:
    written = lines("github")
    marks = [line for line in written if line.startswith(("::", "error:"))]
    assert marks == [
        "::group::Run 7 actions",
        "::endgroup::",
        "error: //exports:jetson: compile scout [bold] for cortex-a78ae: exit code 1",
        "::group::Gates",
        "::endgroup::",
        "::group::Gates",
        "::endgroup::",
    ]
    assert len(runner_commands("\n".join(written))) == 6
    failed = written.index(
        "gate failed: //exports:jetson: image: 9.1 MiB is over the budget of 8.0 MiB"
    )
    assert written[failed - 1] == "::endgroup::" and written[failed + 1] == "::group::Gates"


def test_gitlab_has_sections_with_unique_names() -> None:
    written = lines("gitlab")
    sections = [line for line in written if line.startswith("section_")]
    assert sections[:2] == [
        "section_start:17:buildgraph_1[collapsed=true]\r\x1b[0KRun 7 actions",
        "section_end:17:buildgraph_1\r\x1b[0K",
    ]
    starts = [line.split(":")[2].split("[")[0] for line in sections if "start" in line]
    ends = [line.split(":")[2].split("\r")[0] for line in sections if "end" in line]
    assert starts == ends and len(set(starts)) == len(starts)
