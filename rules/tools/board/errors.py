"""Errors of the programs for boards."""

from __future__ import annotations


class BoardError(Exception):
    """A board cannot be built or emulated as it was asked; the message says why."""
