"""The C text of boardinit, process 1 of a board."""

from __future__ import annotations

from agentc.codegen.native_files import native

HEADERS = (
    "agent.h",
    "syscalls.h",
    "process.h",
    "board_calls.h",
    "board_sha256.h",
    "board_files.h",
    "board_record.h",
    "board_bundle.h",
    "board_update.h",
    "board_http.h",
    "board_service.h",
    "board_init.h",
)


def emit() -> str:
    """Return the C text of the program."""
    return native(HEADERS)
