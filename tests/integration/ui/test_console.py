"""Imports of the console, in an interpreter of its own."""

from __future__ import annotations

import subprocess
import sys


def test_rich_is_imported_only_when_something_runs() -> None:
    program = (
        "import io, sys; from buildgraph.ui.console import Console; from buildgraph.types.events import *;"
        "say = Console(io.StringIO()); say(Planned((), 1, 0, 'none')); say(Done(0, '//a:b', 't', 'hit', '', 0));"
        "say(Finished(0, 0, 1, 0, 0, 0, 1)); assert 'rich' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
