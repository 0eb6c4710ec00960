"""The sources of the page: types, style, tests, and the bundle that is shipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildgraph.report.html import BUNDLE
from tests.support.page_tools import CHECKS, run_node


@pytest.mark.slow
def test_the_shipped_bundle_is_a_fresh_build(tmp_path: Path) -> None:
    fresh = tmp_path / "bundle"
    done = run_node(("build.mjs", str(fresh)), tmp_path / "page")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in fresh.iterdir()) == ["page.css", "page.js"]
    for path in fresh.iterdir():
        assert path.read_bytes() == (BUNDLE / path.name).read_bytes(), (
            f"{path.name} differs from its sources: python -m tests.support.page_tools build"
        )


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS)
def test_the_sources_pass(check: str, tmp_path: Path) -> None:
    done = run_node(CHECKS[check], tmp_path / "page")
    assert done.returncode == 0, done.stdout + done.stderr
