"""The cost of an action that runs a small numpy tool: in a fork, and in a new interpreter."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from buildgraph.sandbox.job import Level
from buildgraph.sandbox.sandbox import is_available
from tests.bench.tools import GOAL, TOOL, tools
from tests.integration.sandbox.forkserver.test_client import servable, tool
from tests.support.requirements import absent, need_module

BAR = 6  # holds on a machine that has other work, too


@pytest.mark.slow
@pytest.mark.parametrize("level", ["namespaces", "landlock"])
def test_a_fork_costs_a_fraction(
    level: Level, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """CPU of all processes of 200 actions, with the start of the server and the first action."""
    need_module("numpy")
    if not is_available(level):
        absent(f"the rung {level} cannot be reached here")
    row = tools(tmp_path, level, 200, 20, 1)
    if 1 / row.ratios["a fresh interpreter each"]["cpu"] < BAR:  # other work disturbed it
        row = tools(tmp_path, level, 200, 20, 3)
    with capsys.disabled():
        print("\n" + json.dumps(row.data() | {"goal": GOAL}))
    less = 1 / row.ratios["a fresh interpreter each"]["cpu"]
    assert less >= BAR or not servable(tool(tmp_path / "look", TOOL, numpy=True), level)
