"""The outside of a build: the user's store, files, tools, scratch folder and sandbox; no analysis is imported."""

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

# Asked of the package, for the rules' place in the repository differs from where they are installed.
RULES_FOLDER = os.path.realpath(__import__("buildgraph.rules", fromlist=("rules",)).__path__[0])


INDEX_THRESHOLD = 32 << 20  # bytes that are hashed in the time that opening the index takes
BWRAP = ("/usr/local/bin/bwrap", "/usr/bin/bwrap", "/bin/bwrap")


class BuildEnvironment:
    """The outside of a session: store, files of the user, tools, and a folder for scratch.

    `began` is the time (ns) by the clock of the workspace's file system, from before anything was read.
    """

    def __init__(
        self, store: DiskStore, sources: SourceFiles, tools: HostTools, scratch: str, began: int
    ) -> None:
        self.store, self.sources, self.tools, self.scratch, self.began = (
            store,
            sources,
            tools,
            scratch,
            began,
        )
        self.engine: dict[
            str, Stamp
        ] = {}  # of buildgraph's own files, where a build analyses or evaluates


class _Index:
    """The stat index of a cache, opened when it is asked: going on from the last build asks nothing of it."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._memo: StatIndex | None = None

    def get(self, key: bytes) -> bytes | None:
        """The row of a path, if there is one."""
        return self._opened().get(key)

    def put_many(self, rows: dict[bytes, bytes]) -> None:
        """Keep rows."""
        self._opened().put_many(rows)

    def close(self) -> None:
        """Close it, if it was opened."""
        if self._memo is not None:
            self._memo.close()

    def _opened(self) -> StatIndex:
        if self._memo is None:
            from ..store.index import StatIndex

            self._memo = StatIndex(self._folder)
        return self._memo


class open_environment:
    """The host of a build in a workspace; `kept` scratch folders stay in the workspace for a look."""

    def __init__(self, root: str, kept: bool, warn: Callable[[str], None]) -> None:
        self._root, self._kept = root, os.path.join(root, ".buildgraph", "sandbox") if kept else ""
        self._store = DiskStore(default_root(os.environ), warn)
        self._scratch: ScratchFolder | None = None

    def __enter__(self) -> BuildEnvironment:
        cache = self._store.root
        self._index = _Index(os.path.join(cache, "index"))
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
        with (
            defer_signals()
        ):  # a second signal ends the build at once: a moment later, when nothing of it is left
            if self._scratch is not None:
                self._scratch.close()
            self._index.close()
            self._store.close()


def machine_identity() -> list[str]:
    """What decides which sandbox works: this boot of this machine, this user, these namespaces."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            boot = file.read().strip()
        spaces = (str(os.stat(f"/proc/self/ns/{kind}").st_ino) for kind in ("mnt", "user"))
        return [boot, str(os.geteuid()), *spaces]
    except OSError:
        return []


def _best(cache: str) -> Level:
    """The best sandbox that works here, found out once for each boot, user, and bubblewrap."""
    known, path = machine_identity(), os.path.join(cache, "sandbox")
    bwrap = [str(os.stat(found).st_mtime_ns) for found in BWRAP if os.path.exists(found)]
    said = "\n".join(
        (*known, os.environ.get("BUILDGRAPH_SANDBOX", ""), os.environ.get("PATH", ""), *bwrap)
    ).encode()
    with suppress(OSError):
        level, _, rest = read_regular(path).partition(b"\n")
        if known and rest == said and level.decode() in LEVELS:
            return LEVELS[LEVELS.index(level.decode())]
    from ..sandbox.sandbox import best_level  # it knows every rung, and is dear

    best = best_level(os.environ)
    replace_file(path, (best.encode() + b"\n" + said,))
    return best


def choose_level(wanted: str, cache: str) -> Level:
    """The sandbox to run in: the one asked for, which must work here, or else the best that does."""
    best = _best(cache)
    if not wanted:
        return best
    level = next(level for level in LEVELS if level == wanted)
    if LEVELS.index(level) < LEVELS.index(best):
        raise BuildError(
            f"the sandbox {wanted!r} does not work on this machine",
            None,
            f"`buildgraph doctor` tells why; --sandbox {best} is the best that works",
            "environment",
        )
    return level


def engine_stamps() -> dict[str, Stamp]:
    """The files of buildgraph itself that decide what a build does, with their stamps."""
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
