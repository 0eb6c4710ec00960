"""Tests of the programs that run inside actions: import them as siblings, as their own `sys.path[0]` does."""
from __future__ import annotations

import sys
from pathlib import Path

TOOLS = str(Path(__file__).parents[3] / "rules/tools")
if TOOLS not in sys.path:
    sys.path.insert(0, TOOLS)
