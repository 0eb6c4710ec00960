"""Node tools of the report page: check its sources, build its bundle, open it in Chromium.

    python -m tests.support.page_tools check
    python -m tests.support.page_tools build
    python -m tests.support.page_tools pictures REPORT FOLDER

BUILDGRAPH_PAGE_TOOLS is the folder that `.ci/page-tools` printed. Commands run in a copy of the
sources, so nothing is written beside them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from buildgraph.report.html import BUNDLE
from tests.support.requirements import absent, need

PAGE = Path(__file__).parents[2] / "buildgraph/report/page"
CHECKS = {
    "types": ("node_modules/typescript/bin/tsc",),
    "style": ("node_modules/eslint/bin/eslint.js", "--max-warnings=0", "."),
    "logic": ("node_modules/jest/bin/jest.js",),
}


def run_node(
    words: Sequence[str], folder: Path, *, browser: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run node in a copy of the sources in `folder`; skip the calling test without its tools."""
    tools = os.environ.get("BUILDGRAPH_PAGE_TOOLS", "")
    if not tools:
        absent("the tools of the page: BUILDGRAPH_PAGE_TOOLS=$(.ci/page-tools FOLDER)")
    newer = Path(tools, "newer/node_modules/node/bin/node")
    node = str(newer) if newer.exists() else need("node")
    lock = "package-lock.json"
    assert Path(tools, lock).read_bytes() == (PAGE / lock).read_bytes(), "run .ci/page-tools again"
    shutil.copytree(PAGE, folder, dirs_exist_ok=True)
    if not (folder / "node_modules").exists():
        (folder / "node_modules").symlink_to(Path(tools, "node_modules"))
    return subprocess.run(
        [node, *words],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "CHROMIUM": find_browser()} if browser else None,
    )


def find_browser() -> str:
    """Return the path of Chromium or Chrome; skip the calling test without one."""
    return shutil.which("google-chrome") or need("chromium")


def main(words: Sequence[str]) -> int:
    """Run one command; return the exit code of the last program."""
    commands: dict[str, list[tuple[str, ...]]] = {
        "check": list(CHECKS.values()),
        "build": [("build.mjs", str(BUNDLE))],
        "pictures": [("browser/pictures.mjs", *(os.path.abspath(word) for word in words[1:]))],
    }
    code = 0
    with tempfile.TemporaryDirectory() as folder:
        for command in commands[words[0]]:
            browser = words[0] == "pictures"
            done = run_node(command, Path(folder), browser=browser)
            print(done.stdout + done.stderr, end="")
            code = code or done.returncode
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
