"""Rules are held against the tools that their actions run."""
from __future__ import annotations

import tests.unit.tools.conftest  # noqa: F401  (its import makes the tools importable as siblings)
