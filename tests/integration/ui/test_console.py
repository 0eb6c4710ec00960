"""Imports of the console, in a new interpreter."""

from __future__ import annotations

import subprocess
import sys


def test_rich_is_imported_only_when_an_action_runs() -> None:
    program = (
        "import io, sys; from buildgraph.ui.console import Console; "
        "from buildgraph.types.events import *; listen = Console(io.StringIO()); "
        "listen(Planned((), 1, 0, 'none')); listen(Done(0, '//a:b', 't', 'hit', '', 0)); "
        "listen(Finished(0, 0, 1, 0, 0, 0, 1)); assert 'rich' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
