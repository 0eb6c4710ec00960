"""The command line; a build in which nothing changed ends here, without importing more."""

from __future__ import annotations

import gc
import os
import sys

from ..lite import TYPE_CHECKING

if TYPE_CHECKING:
    import signal
    from collections.abc import Sequence
    from typing import NoReturn
else:
    # As in `lite.signals`, which would be one module more in a build without changes.
    try:
        import _signal as signal
    except ImportError:
        import signal


def program() -> NoReturn:
    """Run `main` as a process of its own and exit with its code.

    The cycle collector is off: it costs a tenth of a build, and a build makes few cycles. The
    process ends by `_exit`, because the kernel frees memory faster than the interpreter does.
    """
    gc.disable()
    # An ignored SIGCHLD, inherited from some container runtimes, makes wait() fail.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Python's own handler prints a traceback. `SignalHandler` replaces it while a verb runs.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    if None in (sys.stdin, sys.stdout, sys.stderr):
        _open_standard()
    try:
        code = main()
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError as error:
        from .errors import report_os_error

        code = report_os_error(error, False)
    except MemoryError:  # too little memory to import the module that reports it
        os.write(2, b"error: out of memory\n")
        code = 30
    os._exit(code)


def _open_standard() -> None:
    """Open /dev/null as closed standard streams: no other file may get their descriptors."""
    for fd, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            if null != fd:
                os.dup2(null, fd)
                os.close(null)
            setattr(sys, name, open(fd, "w" if fd else "r", encoding="utf-8", closefd=False))


def main(argv: Sequence[str] | None = None) -> int:
    """Run `buildgraph` with these arguments (default: sys.argv) and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words == ["--version"]:
        from .. import __version__

        print(f"buildgraph {__version__}")
        return 0
    # In CI the reports of a build are written also if nothing changed.
    if words[:1] == ["build"] and "GITHUB_ACTIONS" not in os.environ:
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
