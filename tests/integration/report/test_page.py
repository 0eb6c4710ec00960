"""The sources of the page: types, style, tests, and the bundle that is shipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildgraph.report.html import BUNDLE
from tests.support.page_tools import PAGE, run_node

CHECKS = {
    "types": ["node_modules/typescript/bin/tsc"],
    "style": ["node_modules/eslint/bin/eslint.js", "--max-warnings=0", "."],
    "logic": ["node_modules/jest/bin/jest.js"],
}


@pytest.mark.slow
def test_the_shipped_bundle_is_a_fresh_build(tmp_path: Path) -> None:
    run_node("build.mjs", str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["page.css", "page.js"]
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (BUNDLE / path.name).read_bytes(), (
            f"{path.name} differs from its sources: run `npm run build` in {PAGE}"
        )


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS)
def test_the_sources_pass(check: str) -> None:
    done = run_node(*CHECKS[check], check=False)
    assert done.returncode == 0, done.stdout + done.stderr
