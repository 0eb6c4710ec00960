"""Environment of a build: store, source files, host tools, scratch folder and sandbox level.

A build opens it before it decides where to start, so no module of analysis is imported here.
"""

from __future__ import annotations

import os
import sys

from .. import __version__
from ..files.regular_file import read_regular, replace_file
from ..files.stamp import Stamp, file_system_time, fingerprint
from ..lite import TYPE_CHECKING
from ..lite.contextmanagers import defer_signals, suppress
from ..lite.sha256 import sha256
from ..sandbox.job import LEVELS, Level
from ..store.cache_dir import ScratchFolder, default_root
from ..store.disk import DiskStore
from ..types.errors import BuildError
from ..workspace.root import BUILD
from .host_tools import HostTools
from .source_files import SourceFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..signing.policy import TrustPolicy
    from ..store.index import StatIndex

# The package knows its place: an installation has the rules elsewhere than the repository.
RULES_FOLDER = os.path.realpath(__import__("buildgraph.rules", fromlist=("__path__",)).__path__[0])


NOT_IN_BUILDS = frozenset(
    "__pycache__ checks ci docker docs explain registry release report tools verbs".split()
)
"""Folders of buildgraph with modules of other verbs. No build without options imports them.

Builds do not import shipped programs (`tools`) either: these are inputs of actions, by content.
"""
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
        self._store.trust = trust_of(root, warn)
        self._scratch: ScratchFolder | None = None

    def __enter__(self) -> BuildEnvironment:
        cache = self._store.root
        self._index = _LazyIndex(os.path.join(own_folder(self._root, self._store), "index"))
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


def trust_of(root: str, warn: Callable[[str], None]) -> TrustPolicy | None:
    """The policy of the table [workspace.trust]; None without one. BuildError if it is not valid.

    The file is parsed only if it can have the table: its name, or an escape in a key.
    """
    try:
        data = read_regular(os.path.realpath(os.path.join(root, BUILD)))
    except OSError:
        return None  # the build reports it
    if b"trust" not in data and not any(escape in data for escape in (b"\\u", b"\\U", b"\\x")):
        return None
    from ..signing.policy import load_policy

    return load_policy(root, data, os.environ, warn)


def own_folder(root: str, store: DiskStore) -> str:
    """The folder for what no other user of a shared cache may change: digests of sources by stamps,
    and the sandbox level of this machine.

    Without trusted keys it is the cache. With them it is in the workspace.
    """
    return store.root if store.trust is None else os.path.join(root, ".buildgraph", "machine")


def machine_identity() -> list[str]:
    """Return the facts that a found sandbox level depends on: boot, user, and namespaces.

    The list is empty where /proc is not readable.
    """
    try:
        with open("/proc/sys/kernel/random/boot_id", "rb") as file:
            boot = file.read().decode().strip()
        spaces = (str(os.stat(f"/proc/self/ns/{kind}").st_ino) for kind in ("mnt", "user"))
        return [boot, str(os.geteuid()), *spaces]
    except OSError:
        return []


def _best_level(folder: str) -> Level:
    """Return the strongest level that works here, found once for each boot, user and bubblewrap.

    The level and the facts that it depends on are saved in the file `sandbox` of the folder.
    """
    machine, path = machine_identity(), os.path.join(folder, "sandbox")
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


def choose_level(requested: str, folder: str) -> Level:
    """Return the requested sandbox level, or the strongest that works here when it is empty.

    BuildError (reason "environment") when the requested level does not work on this machine.
    """
    best = _best_level(folder)
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


def engine_identity(paths: Iterable[str]) -> tuple[str, str, str]:
    """Version, Python, and the SHA-256 of the files of buildgraph at these paths."""
    above = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    sha = sha256()
    for path in paths:
        is_rule = path.startswith(RULES_FOLDER + os.sep)
        name = os.path.relpath(path, RULES_FOLDER if is_rule else above)
        with open(path, "rb") as file:
            content = sha256(file.read()).hexdigest()
        sha.update(f"{'rules' * is_rule}/{name}\0{content}\n".encode("utf-8", "surrogateescape"))
    return __version__, sys.version, sha.hexdigest()


def engine_stamps() -> dict[str, Stamp]:
    """Return the stamps of buildgraph's Python files for builds, which an upgrade changes."""
    engine = os.path.dirname(os.path.dirname(__file__))
    paths = {*_python_files(engine, NOT_IN_BUILDS), *_python_files(RULES_FOLDER, NOT_IN_BUILDS)}
    paths |= {f"{RULES_FOLDER}/tools/{name}.py" for name in ("__init__", "closures")}
    return {path: fingerprint(path) for path in sorted(paths)}


def _python_files(folder: str, excluded: frozenset[str]) -> list[str]:
    """List the Python files below a folder, without folders of an excluded name.

    `os.walk` takes three times as long: it lists `__pycache__` and calls lstat for each folder.
    """
    paths = []
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if name.endswith(".py"):
                paths.append(entry.path)
            elif name not in excluded and entry.is_dir(follow_symlinks=False):
                paths += _python_files(entry.path, excluded)
    return paths
