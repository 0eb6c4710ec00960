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
_MOST = 4 << 20  # characters of a file in which a line is looked for
# How threads, imports and the interpreter itself say it.
NO_MEMORY = (
    "can't start new thread",
    "failed to map segment",
    "error return without exception set",
)
_ROOM = "make room, or set BUILDGRAPH_CACHE to a folder on a disk that can be written"
_ACCESS = "check its owner and permissions, or name a file or folder of yours"
LIMIT_HELP = "allow more (ulimit -a shows the limits), or build with -j1"
_OF_SYSTEM = {  # what the host has not got, and what to do
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
    errno.EIO: "look after the disk, or the terminal",
}


def report_error(fault: BuildError, machine: bool) -> int:
    """Say a fault of the user's on stderr (and as JSON on stdout), and give its exit code."""
    from ..ui.diagnostics import format_error

    faults = fault.errors if isinstance(fault, BuildErrors) else (fault,)
    for stream, say in (
        (sys.stdout, lambda: _print_json(faults) if machine else None),
        (sys.stderr, lambda: sys.stderr.write(format_error(fault, _line_of).rstrip("\n") + "\n")),
    ):
        try:
            say()
        except OSError:
            _mute(stream)
    return fault.code


def _print_json(faults: tuple[BuildError, ...]) -> None:
    from ..ui.json_document import print_document

    for fault in faults:
        at = fault.at and {"path": fault.at.path, "line": fault.at.line, "column": fault.at.column}
        print_document(
            {
                "event": "fault",
                "what": fault.what,
                "at": at,
                "fix": fault.fix,
                "reason": fault.reason,
            }
        )


def _line_of(path: str, line: int) -> str | None:
    """The text of a 1-based line of a file of the workspace; None when it cannot be read."""
    from ..workspace.root import find_root

    try:
        with open(
            os.path.join(find_root(os.getcwd()), path), encoding="utf-8-sig", errors="replace"
        ) as file:
            return file.read(_MOST).split("\n")[line - 1]
    except (OSError, BuildError, IndexError):
        return None


def report_os_error(error: OSError, machine: bool) -> int:
    """The exit code of what the system refused, after it was said: by name when it is the host that must be mended."""
    try:
        sys.stdout.flush()
    except OSError:
        _mute(
            sys.stdout
        )  # its reader is gone, or its disk is full: what it holds would fail again at the end
    if isinstance(error, BrokenPipeError):
        return _BROKEN_PIPE
    if error.errno == errno.ENOENT and not error.filename:
        return report_error(
            BuildError("the current folder is gone", fix="cd to one that is there", reason="usage"),
            machine,
        )
    if error.errno not in _OF_SYSTEM:
        return report_bug()
    where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, (str, bytes)) else ""
    said = f"{where}{os.strerror(error.errno).lower()}"
    return report_error(
        BuildError(said, fix=_OF_SYSTEM[error.errno], reason="environment"), machine
    )


def _mute(stream: TextIO) -> None:
    """Let a stream go nowhere: nothing may be written to it any more, not even when it is flushed at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def report_bug() -> int:
    """Print the traceback of a defect of buildgraph and return its exit code."""
    import traceback

    traceback.print_exc()
    print("this is a fault in buildgraph: please report it with the above", file=sys.stderr)
    return BUG
