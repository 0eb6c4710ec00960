"""Show a long text with the user's pager, as git does: `PAGER`, else `less`."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping

# The defaults of git: end on a short page, show colours, keep the screen.
_LESS = {"LESS": "FRX", "LV": "-c"}


def pager_command(environ: Mapping[str, str]) -> str:
    """The shell command of the pager; empty when there is none, or when it is `cat`."""
    command = environ.get("PAGER")
    if command is None:
        command = "less" if shutil.which("less", path=environ.get("PATH")) else ""
    return "" if command.strip() == "cat" else command.strip()


def page_text(text: str, environ: Mapping[str, str]) -> None:
    """Print a text to the terminal, through the pager when it has more lines than the screen."""
    command = pager_command(environ)
    if not command or text.count("\n") < shutil.get_terminal_size().lines:
        sys.stdout.write(text)
        return
    sys.stdout.flush()
    process = subprocess.Popen(
        ["sh", "-c", command], stdin=subprocess.PIPE, env=_LESS | dict(environ)
    )
    # Ctrl-C is a key of the pager, which still owns the terminal.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process.communicate(text.encode())
    except BrokenPipeError:
        pass  # the pager ended before it read everything
    finally:
        process.wait()
        signal.signal(signal.SIGINT, before)
