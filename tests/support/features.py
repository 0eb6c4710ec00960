"""The table of pymdp's features, from the code that refuses what a backend does not support."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

_TOOLS = str(Path(__file__).parents[2] / "rules" / "tools")
_MODULES = ("agentc.plan.feature_support", "plan_subset")  # the first that exists


def features_table() -> str:
    """A row for each feature, with what each backend says."""
    if _TOOLS not in sys.path:
        sys.path.append(_TOOLS)
    for name in _MODULES:
        try:
            return str(import_module(name).table())
        except ModuleNotFoundError:
            pass
    raise ModuleNotFoundError(" and ".join(_MODULES))
