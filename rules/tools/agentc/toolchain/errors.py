"""The error that the modules of this package raise."""

from __future__ import annotations


class ToolchainFault(Exception):
    """The compiler or the linker refused; the message is for the user."""
