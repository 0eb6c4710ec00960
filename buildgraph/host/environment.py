"""Environment of a build: store, source files, host tools, scratch folder and sandbox level.

A build opens it before it decides where to start, so no module of analysis is imported here.
"""

from __future__ import annotations

import os

from ..files.regular_file import read_regular, replace_file
from ..files.stamp import Stamp, file_system_time, fingerprint
from ..lite import TYPE_CHECKING
from ..lite.contextmanagers import defer_signals, suppress
from ..sandbox.job import LEVELS, Level
from ..store.cache_dir import ScratchFolder, default_root
from ..store.disk import DiskStore
from ..types.errors import BuildError
from .host_tools import HostTools
from .source_files import SourceFiles

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..store.index import StatIndex

# The package knows its place: an installation has the rules elsewhere than the repository.
RULES_FOLDER = os.path.realpath(__import__("buildgraph.rules", fromlist=("rules",)).__path__[0])


INDEX_THRESHOLD = 32 << 20  # bytes; hashing them takes as long as opening the index
BWRAP_PATHS = ("/usr/local/bin/bwrap", "/usr/bin/bwrap", "/bin/bwrap")


class BuildEnvironment:
    """Everything a build needs from its environment.

    `began` is the time (ns) of the clock of the workspace's file system before any file was read.
    `engine` has the stamps of buildgraph's own files; it is empty in a build without analysis.
    """

    def __init__(
        self, store: DiskStore, sources: SourceFiles, tools: HostTools, scratch: str, began: int
    ) -> None:
        self.store = store
        self.sources = sources
        self.tools = tools
        self.scratch = scratch
        self.began = began
        self.engine: dict[str, Stamp] = {}


class _LazyIndex:
    """Stat index of a cache that is opened on first use; an incremental build does not use it."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._index: StatIndex | None = None

    def get(self, key: bytes) -> bytes | None:
        """Return the row of a path; None without one."""
        return self._open().get(key)

    def put_many(self, rows: dict[bytes, bytes]) -> None:
        """Store rows."""
        self._open().put_many(rows)

    def close(self) -> None:
        """Close the index if it was opened."""
        if self._index is not None:
            self._index.close()

    def _open(self) -> StatIndex:
        if self._index is None:
            from ..store.index import StatIndex

            self._index = StatIndex(self._folder)
        return self._index


class open_environment:
    """Context manager that opens the environment of a build in a workspace.

    With `kept`, the folders of actions are created in `.buildgraph/sandbox` and are not removed.
    `warn` is called with the text of each warning of the store.
    """

    def __init__(self, root: str, kept: bool, warn: Callable[[str], None]) -> None:
        self._root = root
        self._kept = os.path.join(root, ".buildgraph", "sandbox") if kept else ""
        self._store = DiskStore(default_root(os.environ), warn)
        self._scratch: ScratchFolder | None = None

    def __enter__(self) -> BuildEnvironment:
        cache = self._store.root
        self._index = _LazyIndex(os.path.join(cache, "index"))
        began = file_system_time(self._root)
        sources = SourceFiles(self._root, self._index, lambda: began, INDEX_THRESHOLD)
        tools = HostTools(sources)
        try:
            with defer_signals():
                self._scratch = ScratchFolder(os.path.join(cache, "work"), self._kept)
            return BuildEnvironment(self._store, sources, tools, self._scratch.path, began)
        except KeyboardInterrupt:
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        with defer_signals():  # a second signal must not interrupt the removal of private folders
            if self._scratch is not None:
                self._scratch.close()
            self._index.close()
            self._store.close()


def machine_identity() -> list[str]:
    """Return the facts that a found sandbox level depends on: boot, user, and namespaces.

    The list is empty where /proc is not readable.
    """
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            boot = file.read().strip()
        spaces = (str(os.stat(f"/proc/self/ns/{kind}").st_ino) for kind in ("mnt", "user"))
        return [boot, str(os.geteuid()), *spaces]
    except OSError:
        return []


def _best_level(cache: str) -> Level:
    """Return the strongest level that works here, found once for each boot, user and bubblewrap.

    The level and the facts that it depends on are saved in the file `sandbox` of the cache.
    """
    machine, path = machine_identity(), os.path.join(cache, "sandbox")
    bwrap = [
        str(os.stat(program).st_mtime_ns) for program in BWRAP_PATHS if os.path.exists(program)
    ]
    environ = (os.environ.get(name, "") for name in ("BUILDGRAPH_SANDBOX", "PATH"))
    facts = "\n".join((*machine, *environ, *bwrap)).encode()
    with suppress(OSError):
        level, _, saved_facts = read_regular(path).partition(b"\n")
        if machine and saved_facts == facts and level.decode() in LEVELS:
            return LEVELS[LEVELS.index(level.decode())]
    from ..sandbox.sandbox import (
        best_level,  # imports subprocess and tempfile, which cost 25 ms
    )

    best = best_level(os.environ)
    replace_file(path, (best.encode() + b"\n" + facts,))
    return best


def choose_level(requested: str, cache: str) -> Level:
    """Return the requested sandbox level, or the strongest that works here when it is empty.

    BuildError (reason "environment") when the requested level does not work on this machine.
    """
    best = _best_level(cache)
    if not requested:
        return best
    level = next(level for level in LEVELS if level == requested)
    if LEVELS.index(level) < LEVELS.index(best):
        raise BuildError(
            f"the sandbox {requested!r} does not work on this machine",
            None,
            f"`buildgraph doctor` shows the reason; --sandbox {best} is the strongest that works",
            "environment",
        )
    return level


def engine_stamps() -> dict[str, Stamp]:
    """Return the stamps of buildgraph's own Python files, which an upgrade changes."""
    folders = [os.path.dirname(os.path.dirname(__file__)), RULES_FOLDER]
    return {
        path: fingerprint(path)
        for path in sorted(
            os.path.join(folder, name)
            for top in folders
            for folder, _, names in os.walk(top)
            for name in names
            if name.endswith(".py")
        )
    }
