"""`buildgraph docs` on a terminal: the user's pager, colours, and plain terminals."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios


def on_terminal(words: list[str], **environ: str) -> str:
    """The output of a run in a terminal of 24 lines and 80 columns."""
    terminal, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "buildgraph", *words],
        stdin=end,
        stdout=end,
        stderr=end,
        env={**os.environ, "TERM": "xterm", **environ},
    )
    os.close(end)
    shown = b""
    try:
        while piece := os.read(terminal, 1 << 16):
            shown += piece
    except OSError:  # Linux says EIO where the other end is closed
        pass
    os.close(terminal)
    assert process.wait(60) == 0
    return shown.decode().replace("\r\n", "\n")


def test_a_long_page_goes_through_the_pager_with_colours() -> None:
    shown = on_terminal(["docs", "changelog"], PAGER="sed 's/^/pager: /'")
    assert shown.count("pager: ") > 24 and "\x1b[" in shown
    assert "\x1b[" in on_terminal(["docs", "changelog"], PAGER="cat")
    assert "pager" not in on_terminal(["docs"], PAGER="sed 's/^/pager: /'")


def test_a_pager_that_ends_early_is_no_error() -> None:
    assert on_terminal(["docs", "changelog"], PAGER="head -n 1").count("\n") == 1


def test_a_plain_terminal_gets_the_markdown() -> None:
    assert on_terminal(["docs", "changelog"], TERM="dumb", PAGER="false").startswith(
        "# Changelog\n"
    )
