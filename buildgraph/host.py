"""The outside of a build: the user's store, files, tools, scratch folder and sandbox; no analysis is imported."""
from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib import import_module

from .errors import BuildError
from .execute.job import LEVELS, Level
from .execute.sandbox import probe
from .source import Sources
from .store.disk import DiskStore
from .store.memo import Memo
from .store.place import default_root, scratch_folder
from .toolchain import Toolchain

# Found by name, for the rules' place in the repository differs from where they are installed.
SHIPPED = os.path.realpath(import_module("buildgraph.rules").__path__[0])


@dataclass(slots=True)
class Host:
    """The outside of a session: store, files of the user, tools, and a folder for scratch."""

    store: DiskStore
    sources: Sources
    tools: Toolchain
    scratch: str


@contextmanager
def opened(root: str, kept: bool, warn: Callable[[str], None]) -> Iterator[Host]:
    """The host of a build in a workspace; `kept` scratch folders stay in the workspace for a look."""
    cache = default_root(os.environ)
    folder = os.path.join(root, ".buildgraph", "sandbox") if kept else ""
    with closing(DiskStore(cache, warn)) as store, scratch_folder(os.path.join(cache, "work"), folder) as scratch:
        sources = Sources(root, Memo(os.path.join(cache, "index")))
        yield Host(store, sources, Toolchain(sources), scratch)


def level_of(wanted: str) -> Level:
    """The sandbox to run in: the one asked for, which must work here, or else the best that does."""
    best = probe(os.environ)
    if not wanted:
        return best
    level = next(level for level in LEVELS if level == wanted)
    if LEVELS.index(level) < LEVELS.index(best):
        raise BuildError(f"the sandbox {wanted!r} does not work on this machine", None,
                         f"`buildgraph doctor` tells why; --sandbox {best} is the best that works", "environment")
    return level


def own_files() -> list[str]:
    """The files of buildgraph itself that decide what a build does."""
    folders = [os.path.dirname(__file__), SHIPPED]
    return sorted(os.path.join(folder, name) for top in folders for folder, _, names in os.walk(top)
                  for name in names if name.endswith(".py"))
