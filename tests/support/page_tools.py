"""Node tools of the report page: `npm ci` in its folder installs them from the lock."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.requirements import absent, need

PAGE = Path(__file__).parents[2] / "buildgraph/report/page"


def run_node(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run node in the folder of the page; skip the calling test if it or its tools are missing."""
    node = need("node")
    if not (PAGE / "node_modules").is_dir():
        absent(f"the tools of the page are not installed: npm ci --prefix {PAGE}")
    return subprocess.run(
        [node, *words], cwd=PAGE, check=check, capture_output=True, text=True, timeout=600
    )
