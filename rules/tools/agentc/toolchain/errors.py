"""Error of the toolchain package."""

from __future__ import annotations


class ToolchainError(Exception):
    """The compiler or linker failed; the message is for users."""
