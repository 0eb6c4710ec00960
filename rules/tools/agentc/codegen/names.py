"""Names of agents, and their C symbols."""

from __future__ import annotations

import re

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,62}")


def symbol(name: str) -> str:
    """Return the C symbol of the agent `name`; distinct names have distinct symbols."""
    return "agent_" + "".join(
        c if c.isalnum() else "__" if c == "_" else f"_{ord(c):02x}" for c in name
    )
