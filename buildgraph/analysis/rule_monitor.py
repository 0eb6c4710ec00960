"""Record the files that rules of a workspace read, and refuse what a rule must not do.

The interpreter's audit hook reports every file that is opened, folder that is listed and process
that is started while a rule runs. Files of the workspace become inputs of analysis. A rule that
writes a file, starts a process, or reads a file from elsewhere is an error, because an edit of what
it depends on could not be detected.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ..files.entries import EVERY, named
from ..types.errors import BuildError, Location
from ..workspace.workspace import Workspace

_STARTS = frozenset(
    {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "socket.connect"}
)
_LISTS = frozenset({"os.listdir", "os.scandir"})
EVENTS = frozenset({"open"}) | _STARTS | _LISTS
"""The audit events that `RuleMonitor.handle` takes."""
_ADVICE = "a rule only declares actions: let an action do this (ctx.run)"
_NOT_SOURCES = ("out", ".buildgraph", ".git")


class RuleMonitor:
    """Monitors the rules of one workspace.

    `error` is the first thing that was refused: a rule may catch the exception, but must fail.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.root, self._real = os.path.abspath(workspace.root), os.path.realpath(workspace.root)
        self.error: BuildError | None = None
        self._is_paused = False

    def path_inside(self, path: str | bytes) -> str | None:
        """Return the workspace-relative path of a file; None if it is elsewhere or an output."""
        text = os.fsdecode(path)
        for full in (os.path.abspath(text), os.path.realpath(text)):
            for root in (self.root, self._real):
                if full == root or full.startswith(root + os.sep):
                    name = full[len(root) + 1 :]
                    return None if name.partition("/")[0] in _NOT_SOURCES else name
        return None

    def read(self, name: str) -> bytes:
        """Read a file of the workspace and make it an input of analysis."""
        with self._paused():
            real = os.path.relpath(os.path.realpath(os.path.join(self.root, name)), self._real)
            self.workspace.fetch(real)
            data = self.workspace.read(name)
        self.workspace.rule_files.add(name)
        return data

    def handle(self, event: str, args: Sequence[object]) -> None:
        """Handle an audit event of a rule; raise BuildError for what a rule must not do."""
        if self._is_paused:
            return
        if event in _STARTS:
            self._refuse(
                "starts a program" if event != "socket.connect" else "opens a connection", _ADVICE
            )
        path = args[0] if args else None
        if not isinstance(path, (str, bytes)):
            return
        with self._paused():
            if event == "open":
                flags = args[2]
                assert isinstance(flags, int)
                self._handle_open(path, flags)
            elif event in _LISTS:
                folder = self.path_inside(path)
                if folder is not None:
                    self.workspace.file_tree.record_lookup(folder, EVERY)

    @contextmanager
    def _paused(self) -> Iterator[None]:
        """Ignore events meanwhile: they come from our own code."""
        before, self._is_paused = self._is_paused, True
        try:
            yield
        finally:
            self._is_paused = before

    def _handle_open(self, path: str | bytes, flags: int) -> None:
        name, full = self.path_inside(path), os.path.realpath(path)
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            self._refuse(f"writes {os.fsdecode(path)!r}", _ADVICE)
        if name is None:
            if not os.fsdecode(full).startswith(_interpreter_files()):
                self._refuse(
                    f"reads {os.fsdecode(path)!r}, which is not a source of this workspace",
                    "an edit of it would not be noticed: move it into the workspace, or let an "
                    "action read it",
                )
        elif os.path.isfile(full):
            self.read(name)
        else:
            folder, _, file = name.rpartition("/")
            self.workspace.file_tree.record_lookup(folder, named(file))

    def _refuse(self, what: str, fix: str) -> None:
        """Raise BuildError at the innermost line of a rule; return if no rule is on the stack."""
        frame, at = sys._getframe(), None
        while frame is not None and at is None:
            name = self.path_inside(frame.f_code.co_filename)
            at = Location(name, frame.f_lineno) if name in self.workspace.rule_files else None
            frame = frame.f_back  # type: ignore[assignment]
        if at is not None:
            self.error = self.error or BuildError(f"{at.path} {what}", at, fix, "rule")
            raise self.error


def _interpreter_files() -> tuple[str, ...]:
    """Return prefixes of the files that Python and buildgraph read on their own."""
    paths = {
        *sysconfig.get_paths().values(),
        sys.prefix,
        sys.base_prefix,
        os.path.dirname(os.path.dirname(__file__)),
    }
    return (
        *sorted(os.path.realpath(path) + os.sep for path in paths if path != "/usr"),
        "/dev/",
        "/proc/self/",
        os.path.join(os.path.realpath(sys.base_prefix), "lib", ""),
    )
