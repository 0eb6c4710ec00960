"""The command line. A build in which nothing changed is answered here, before anything dear is imported."""

from __future__ import annotations

import gc
import os
import sys

from ..lite import TYPE_CHECKING
from ..lite.signals import signal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn


def program() -> NoReturn:
    """Run `main` as a whole process and end it.

    Such a process makes hardly any cycles: to look for them costs a tenth of a build. Nor does it pay to take apart at the
    end, object by object, what the kernel frees at once.
    """
    gc.disable()
    signal.signal(
        signal.SIGCHLD, signal.SIG_DFL
    )  # who ignores it, as some that start containers do, cannot wait for a child
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(
            signal.SIGINT, signal.SIG_DFL
        )  # a traceback is no answer to Ctrl-C; `Interrupt` has one, while it can
    if None in (sys.stdin, sys.stdout, sys.stderr):
        _open_standard()
    try:
        code = main()
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError as error:
        from .errors import report_os_error

        code = report_os_error(error, False)
    except MemoryError:  # there was none even for saying so
        os.write(2, b"error: out of memory\n")
        code = 30
    os._exit(code)


def _open_standard() -> None:
    """Put /dev/null where a standard stream was closed, or the next file to be opened would be taken for it."""
    for fd, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != fd:
                os.dup2(opened, fd)
                os.close(opened)
            setattr(sys, name, open(fd, "w" if fd else "r", encoding="utf-8", closefd=False))


def main(argv: Sequence[str] | None = None) -> int:
    """Run `buildgraph` with these words (default: those of the process) and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words == ["--version"]:
        from .. import __version__

        print(f"buildgraph {__version__}")
        return 0
    if words[:1] == ["build"]:
        code = _unchanged(words[1:])
        if code is not None:
            return code
    from .dispatch import dispatch

    return dispatch(words)


def _unchanged(words: list[str]) -> int | None:
    from ..fastpath import manifest

    try:
        code = manifest.unchanged(words, os.getcwd())
    except OSError as error:
        from .errors import report_os_error

        return report_os_error(error, False)
    if code is None and manifest.last_check is not None:
        from .dispatch import continue_build

        return continue_build(words)
    return code
