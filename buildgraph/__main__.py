"""`python -m buildgraph`, the same as the installed command."""

from __future__ import annotations

from .cli import program

program()
