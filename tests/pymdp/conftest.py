"""Tests against pymdp itself: the tools import as siblings, jax stays on the processor."""

from __future__ import annotations

import os
import sys
from pathlib import Path

TOOLS = str(Path(__file__).parents[2] / "rules/tools")
if TOOLS not in sys.path:
    sys.path.insert(0, TOOLS)
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("MPLBACKEND", "Agg")
