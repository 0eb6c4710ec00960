"""Checks of a release that need no build."""

from __future__ import annotations

import pytest

from buildgraph.release.run_release import check_gates
from buildgraph.types.errors import BuildError
from buildgraph.types.events import Judged
from buildgraph.workspace.release_settings import ReleaseSettings

PASSED = Judged("//x:y", "fitness", "passed")
UNCHECKED = Judged("//x:y", "step_p99", "not checked", "it needs a board")


def test_gates_must_pass_or_be_allowed() -> None:
    check_gates([PASSED], ReleaseSettings())
    check_gates([PASSED, UNCHECKED], ReleaseSettings(unchecked=("step_p99",)))
    with pytest.raises(
        BuildError, match="step_p99 of //x:y is 'not checked': it needs a"
    ) as raised:
        check_gates([PASSED, UNCHECKED], ReleaseSettings())
    assert raised.value.code == 1 and 'unchecked = ["step_p99"]' in raised.value.fix


def test_a_failed_gate_is_never_allowed() -> None:
    failed = Judged("//x:y", "step_p99", "failed")
    with pytest.raises(BuildError, match="'failed'"):
        check_gates([failed], ReleaseSettings(unchecked=("step_p99",)))
