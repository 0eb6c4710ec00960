"""`python -m buildgraph`, the same as the installed command."""
from __future__ import annotations

import sys

from .cli import program

sys.exit(program())
