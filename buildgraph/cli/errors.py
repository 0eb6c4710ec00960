"""Report errors on stderr (and as JSON on stdout), and return their exit codes."""

from __future__ import annotations

import errno
import os
import sys

from ..lite import TYPE_CHECKING
from ..types.errors import BUG, BuildError, BuildErrors

if TYPE_CHECKING:
    from typing import TextIO

_BROKEN_PIPE = 141
_MAX_CHARACTERS = 4 << 20  # read from a file to show one of its lines
# Messages of threads, imports and the interpreter for a failed allocation.
NO_MEMORY = (
    "can't start new thread",
    "failed to map segment",
    "error return without exception set",
    "returned NULL without setting an exception",
)
_ROOM = "make room, or set BUILDGRAPH_CACHE to a folder on a disk that can be written"
_ACCESS = "check its owner and permissions, or name a file or folder of yours"
LIMIT_HELP = "allow more (ulimit -a shows the limits), or build with -j1"
_HELP_BY_ERRNO = {  # shortages and refusals of the host
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EROFS: _ROOM,
    errno.EMFILE: LIMIT_HELP,
    errno.ENFILE: LIMIT_HELP,
    errno.EACCES: _ACCESS,
    errno.EPERM: _ACCESS,
    errno.ENOMEM: LIMIT_HELP,
    errno.EAGAIN: LIMIT_HELP,
    errno.EFBIG: LIMIT_HELP,
    errno.EIO: "check the disk or the terminal",
}


def report_error(error: BuildError, as_json: bool) -> int:
    """Print an error to stderr, and as JSON to stdout if `as_json`; return its exit code."""
    from ..ui.diagnostics import format_error

    errors = error.errors if isinstance(error, BuildErrors) else (error,)
    for stream, write in (
        (sys.stdout, lambda: _print_json(errors) if as_json else None),
        (sys.stderr, lambda: sys.stderr.write(format_error(error, _line_of).rstrip("\n") + "\n")),
        (sys.stderr, lambda: _annotate(error)),
    ):
        try:
            write()
        except OSError:
            _redirect_to_null(stream)
    return error.code


def _annotate(error: BuildError) -> None:
    """Write annotations in a job of GitHub."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        from ..ci.annotations import Places, annotate_error
        from ..workspace.root import find_root

        try:
            root = find_root(os.getcwd())
        except (OSError, BuildError):
            root = ""
        annotate_error(error, Places(root, os.environ), sys.stderr)


def _print_json(errors: tuple[BuildError, ...]) -> None:
    from ..ui.json_document import print_document

    for error in errors:
        at = error.at and {"path": error.at.path, "line": error.at.line, "column": error.at.column}
        print_document(
            {
                "event": "fault",
                "what": error.what,
                "at": at,
                "fix": error.fix,
                "reason": error.reason,
            }
        )


def _line_of(path: str, line: int) -> str | None:
    """Read line number `line` (from 1) of a file of the workspace; None when it cannot be read."""
    from ..workspace.root import find_root

    try:
        with open(
            os.path.join(find_root(os.getcwd()), path), encoding="utf-8-sig", errors="replace"
        ) as file:
            return file.read(_MAX_CHARACTERS).split("\n")[line - 1]
    except (OSError, BuildError, IndexError):
        return None


def report_os_error(error: OSError, as_json: bool) -> int:
    """Print an error of the operating system and return its exit code.

    An error that the user can remove, such as a full disk, is an error of the environment. Any
    other is a bug.
    """
    try:
        sys.stdout.flush()
    except OSError:
        # The reader has closed the pipe, or the disk is full: the buffer would fail again at exit.
        _redirect_to_null(sys.stdout)
    if isinstance(error, BrokenPipeError):
        return _BROKEN_PIPE
    if error.errno == errno.ENOENT and not error.filename:
        return report_error(
            BuildError(
                "the current folder no longer exists",
                fix="change to a folder that exists",
                reason="usage",
            ),
            as_json,
        )
    if error.errno not in _HELP_BY_ERRNO:
        return report_bug()
    where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, (str, bytes)) else ""
    message = f"{where}{os.strerror(error.errno).lower()}"
    return report_error(
        BuildError(message, fix=_HELP_BY_ERRNO[error.errno], reason="environment"), as_json
    )


def report_out_of_memory(as_json: bool) -> int:
    """Print that memory is short and return the exit code.

    The modules that format errors may not fit into memory either. Then one line is written
    directly.
    """
    error = BuildError("out of memory", fix=LIMIT_HELP, reason="environment")
    try:
        return report_error(error, as_json)
    except (MemoryError, SystemError, ImportError):
        os.write(2, b"error: out of memory\n")
        return error.code


def _redirect_to_null(stream: TextIO) -> None:
    """Send a stream to /dev/null, so that the flush at exit cannot fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def report_bug() -> int:
    """Print the traceback of a bug in buildgraph and return its exit code."""
    import traceback

    traceback.print_exc()
    print("this is a bug in buildgraph: please report it with the lines above", file=sys.stderr)
    return BUG
