"""Measure which packages are light: those that a build imports in which one file changed."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from tests.support.workspace import space

_BUILD = """\
[workspace]

[page]
rule = "command"
argv = ["cp", "{text}", "{page}"]
inputs = { text = "page.txt" }
outputs = { page = "page.html" }
"""
_PROGRAM = """\
import json, sys
from buildgraph.cli import main
code = main(["build", "//:page"])
packages = {name.split(".")[1] for name in sys.modules if name.startswith("buildgraph.")}
print(json.dumps([code, *sorted(packages)]))
"""


@cache
def light_packages() -> frozenset[str]:
    """The packages that a build imports that runs one action, without parsing or analysis."""
    with tempfile.TemporaryDirectory(prefix="light-", ignore_cleanup_errors=True) as folder:
        workspace = space(Path(folder), _BUILD)
        for text in ("one", "two"):  # the first build makes out/, which the second one notices
            workspace.write("page.txt", text)
            workspace.build("//:page")
        workspace.write("page.txt", "three")
        printed = subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            cwd=workspace.root,
            env=workspace.environ(),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    code, *names = json.loads(printed.splitlines()[-1])
    assert code == 0 and "1 ran, 0 hits" in printed, printed
    return frozenset(map(str, names))
