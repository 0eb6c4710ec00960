"""Folders of the workspace as listed: the files a target names, by path or by glob, and what was looked at for it."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence

from ..files.stamp import ALWAYS_STALE, Stamp, fingerprint
from ..types.errors import BuildError, Location, did_you_mean
from .globs import ANY_FOLDERS, compile_glob, is_glob, split_pattern

SKIPPED = frozenset({"out", "node_modules", "__pycache__"})
NO_SOURCES = SKIPPED | {".buildgraph"}  # no wildcard means them
OUTSIDE = ".."
LONGEST = 4096  # bytes of a path, as Linux has it
LINKED = 10_000  # folders that one glob may look at behind links


def is_skipped(name: str) -> bool:
    """Whether a folder of that name never belongs to a workspace's sources."""
    return name.startswith(".") or name in SKIPPED


class FileTree:
    """The folders of one workspace, each listed once; `folders` are those whose content decided something.

    `cache` is the path of the cache of builds when it is within the workspace: it is never a source. `stamps` has the stamp
    of each folder that exists, taken before it was listed.
    """

    def __init__(self, root: str, cache: str = "") -> None:
        self.root, self.cache = root, cache
        self.folders: set[str] = set()
        self.stamps: dict[str, Stamp] = {}
        self._passed: dict[str, str] = {}  # what the last glob did not go through, and why
        self._known: dict[str, dict[str, os.DirEntry[str]]] = {}
        self._reals: dict[str, str] = {"": ""}
        self._closed: dict[str, str] = {}  # folders that cannot be listed, and why

    def entries(self, folder: str) -> dict[str, os.DirEntry[str]]:
        """The entries of a folder by name, sorted; none when there is no such folder."""
        known = self._known.get(folder)
        if known is None:
            known = self._known[folder] = self._list(folder)
        return known

    def _list(self, folder: str) -> dict[str, os.DirEntry[str]]:
        path, stamp = os.path.join(self.root, folder), ALWAYS_STALE
        try:
            stamp = fingerprint(path)
            with os.scandir(path) as found:
                known = {entry.name: entry for entry in sorted(found, key=lambda entry: entry.name)}
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as fault:
            known = {}  # it exists
            if fault.errno in (errno.EACCES, errno.EPERM, errno.EIO):
                self._closed[folder] = os.strerror(fault.errno)
        self.stamps[folder] = stamp
        return known

    def exists(self, folder: str) -> bool:
        """Whether there is such a folder, which may be empty."""
        self.entries(folder)
        return folder in self.stamps

    def record_lookup(self, folder: str) -> None:
        """Remember that what stands in a folder, or that it is absent, decided something."""
        while folder and not self.exists(folder):
            folder = folder.rpartition("/")[0]
        self.folders.add(folder)

    def subfolders(self, folder: str) -> list[str]:
        """The paths of the real folders in a folder, without those that hold no sources."""
        self.record_lookup(folder)
        return [
            join(folder, name)
            for name, entry in self.entries(folder).items()
            if not self.skips(join(folder, name))
            and entry.is_dir(follow_symlinks=False)
            and not self._is_venv(join(folder, name))
        ]

    def _is_venv(self, folder: str) -> bool:
        """Whether a folder is a virtual environment of Python; it is watched, because it may cease to be one."""
        if "pyvenv.cfg" not in self.entries(folder):
            return False
        self.record_lookup(folder)
        return True

    def skips(self, path: str) -> bool:
        """Whether a folder, by its path in the workspace, never has sources or packages."""
        return is_skipped(path.rpartition("/")[2]) or self._is_cache(path)

    def _is_cache(self, path: str) -> bool:
        return bool(self.cache) and _within(path, self.cache)

    def source(self, folder: str, path: str, at: Location | None) -> str:
        """The workspace-relative name of an existing file or folder, case exact; BuildError with a near name."""
        parts = path.rstrip("/").split("/")
        if (
            path.startswith("/")
            or "\\" in path
            or "\0" in path
            or any(part in ("", ".", "..") for part in parts)
        ):
            raise BuildError(
                f"{path!r} is no path of a file of this folder",
                at,
                f"write it relative to {folder or 'the root of the workspace'}, without . and ..; "
                "a file elsewhere is named by a target there",
                "path",
            )
        here = folder
        for number, part in enumerate(parts):
            entry = self.entries(here).get(part)
            self._check_open(here, at)
            if entry is None:
                raise self._absent(path, here, part, at)
            last = number == len(parts) - 1
            self.check_regular(entry, join(here, part), last, at)
            here = join(here, part)
        return here

    def _absent(self, path: str, here: str, part: str, at: Location | None) -> BuildError:
        self.record_lookup(here)
        return BuildError(f"no file {path!r}", at, self._no_entry(here, part), "source")

    def _check_open(self, folder: str, at: Location | None) -> None:
        if folder in self._closed:
            raise BuildError(
                f"the folder {folder or '.'!r} cannot be listed: {self._closed[folder]}",
                at,
                "check its permissions",
                "environment",
            )

    def _no_entry(self, here: str, part: str) -> str:
        absent = f"there is no {part!r} in {here or 'the root of the workspace'}"
        return did_you_mean(part, self.entries(here)) or absent

    def explain_no_match(self, folder: str) -> str:
        """What to say of the last glob, which found nothing: the first thing that it did not go through."""
        path, why = next(iter(self._passed.items()), ("", ""))
        return (
            f"{path!r} {why}"
            if path
            else why or f"globs are relative to {folder or 'the root of the workspace'}"
        )

    def check_regular(
        self, entry: os.DirEntry[str], name: str, last: bool, at: Location | None
    ) -> None:
        """BuildError unless an entry is a folder, or, as the last of a path, a file; links may not leave the workspace."""
        if (
            not name.isprintable()
        ):  # as for outputs; bytes that are no UTF-8 are not printable either
            raise BuildError(f"{name!r} is no printable UTF-8 name", at, "rename it", "source")
        real = name
        if entry.is_symlink():
            real = self._real(name)
            if real == OUTSIDE:
                raise BuildError(
                    f"{name!r} is a link out of the workspace", at, "copy what it names", "source"
                )
        if self._is_cache(real):
            raise BuildError(
                f"{name!r} is part of the cache of builds",
                at,
                "name another file, or set BUILDGRAPH_CACHE to a folder outside of the workspace",
                "source",
            )
        try:
            mode = os.stat(entry.path).st_mode
        except OSError as fault:
            circle = fault.errno == errno.ELOOP
            raise BuildError(
                f"{name!r} is a link {'that leads in a circle' if circle else 'to nothing'}",
                at,
                "mend or remove it",
                "source",
            ) from None
        if not stat.S_ISDIR(mode) and not (last and stat.S_ISREG(mode)):
            raise BuildError(
                f"{name!r} is {'neither a file nor' if last else 'not'} a folder",
                at,
                reason="source",
            )

    def glob(self, folder: str, pattern: str, at: Location | None) -> list[str]:
        """Workspace-relative names of the files that a glob finds; links to folders of the workspace are followed."""
        if not is_glob(pattern):
            split_pattern(pattern, at)
            name = self.source(folder, pattern, at)
            if os.path.isdir(os.path.join(self.root, name)):
                raise BuildError(
                    f"{pattern!r} is a folder",
                    at,
                    f'write "{pattern}/**" for all its files',
                    "path",
                )
            return [name]
        self._passed = {}
        found = self._match(folder, split_pattern(pattern, at), at)
        for name in found:
            self.check_regular(
                self.entries(name.rpartition("/")[0])[name.rpartition("/")[2]], name, True, at
            )
        return sorted(found)

    def _match(self, folder: str, parts: tuple[str, ...], at: Location | None) -> set[str]:
        """The files beneath a folder that match; `**` is tried as no folder and as each folder below.

        No folder is tried twice with the same rest of the glob. `jumps` are the real folders that hold the links on the
        way: a link to one of them, or above it, would lead in a circle.
        """
        found: set[str] = set()
        waiting: list[tuple[str, int, tuple[str, ...]]] = [(folder, 0, ())]
        tried: set[tuple[str, int]] = set()
        linked = 0
        while waiting:
            here, part, jumps = waiting.pop()
            if (here, part) in tried:
                continue
            tried.add((here, part))
            self.entries(here)
            self._check_open(here, at)
            linked += bool(jumps)
            if len(os.fsencode(os.path.join(self.root, here))) >= LONGEST:
                raise BuildError(
                    f"the path {here[:60]!r}... is longer than the system allows",
                    at,
                    "move what is in it, or choose a glob that does not reach it",
                    "source",
                )
            if linked > LINKED:
                raise BuildError(
                    f"{'/'.join(parts)!r} finds more than {LINKED:,} folders behind links",
                    at,
                    f"name fewer folders; one of them is {here!r}",
                    "path",
                )
            if parts[part] == ANY_FOLDERS:
                waiting.append((here, part + 1, jumps))
                waiting += [
                    (below, part, more)
                    for below, more in self._folders(here, ANY_FOLDERS, jumps, at)
                ]
            elif part + 1 < len(parts):
                waiting += [
                    (below, part + 1, more)
                    for below, more in self._folders(here, parts[part], jumps, at)
                ]
            else:
                found |= self._files(here, parts[part])
        return found

    def _files(self, folder: str, glob: str) -> set[str]:
        """The entries of a folder that match the last part of a glob and are no folders."""
        self.record_lookup(folder)
        # entry.is_dir() raises where links go in a circle
        return {
            join(folder, name)
            for name, entry in self.entries(folder).items()
            if _matches(name, glob) and not os.path.isdir(entry.path)
        }

    def _folders(
        self, folder: str, glob: str, jumps: tuple[str, ...], at: Location | None
    ) -> Iterator[tuple[str, tuple[str, ...]]]:
        """The folders in a folder that match one part of a glob, each with the links that lead to it."""
        self.record_lookup(folder)
        if not is_glob(glob):
            entry = self.entries(folder).get(glob)
            if entry is None:
                self._passed.setdefault("", self._no_entry(folder, glob))
            else:
                self.check_regular(entry, join(folder, glob), False, at)
                yield join(folder, glob), jumps
            return
        for name, entry in self.entries(folder).items():
            path = join(folder, name)
            if (
                name in NO_SOURCES
                or self._is_cache(path)
                or not _matches(name, "*" if glob == ANY_FOLDERS else glob)
            ):
                continue
            if entry.is_symlink():
                held = self._folder_of(path)
                if self._leads_on(path, (*jumps, held)):
                    yield path, (*jumps, held)
            elif entry.is_dir(follow_symlinks=False) and not self._is_venv(path):
                yield path, jumps

    def _real(self, path: str) -> str:
        """The path in the workspace of what a path of it leads to, or `OUTSIDE`; `..` in a link counts behind links."""
        folder, _, name = path.rpartition("/")
        known = join(self._reals[folder], name) if folder in self._reals else path
        if known not in self._reals:
            real, root = (
                os.path.realpath(os.path.join(self.root, known)),
                os.path.realpath(self.root),
            )
            inside = real == root or real.startswith(root.rstrip(os.sep) + os.sep)
            self._reals[known] = real[len(root.rstrip(os.sep)) + 1 :] if inside else OUTSIDE
        self._reals[path] = self._reals[known]
        return self._reals[known]

    def _folder_of(self, path: str) -> str:
        folder = path.rpartition("/")[0]
        return self._real(folder) if folder else ""

    def _leads_on(self, path: str, above: Sequence[str]) -> bool:
        """Whether a glob goes through a link: to a folder of sources, and not in a circle; else why not is kept."""
        real = self._real(path)
        there = os.path.join(self.root, real)
        if real == OUTSIDE:
            why = "is a link out of the workspace, and globs do not follow it"
        elif not os.path.exists(there):
            why = "is a link to nothing"
            self.record_lookup(real)  # what it leads to may come
        elif not os.path.isdir(there):
            return False
        elif any(name in NO_SOURCES for name in real.split("/")) or self._is_cache(real):
            why = "is a link to a folder that has no sources, and globs do not follow it"
        elif any(_within(one, real) for one in above):
            why = "is a link to a folder that it is in, and globs do not follow it"
        else:
            return True
        self._passed.setdefault(path, why)
        return False


def _matches(name: str, glob: str) -> bool:
    """Whether a name matches one part of a glob; hidden names do only where the part begins with a dot."""
    return compile_glob(glob).fullmatch(name) is not None and (
        not name.startswith(".") or glob.startswith(".")
    )


def _within(path: str, folder: str) -> bool:
    """Whether a path is a folder or beneath it; both relative to the workspace, or both absolute."""
    return path == folder or path.startswith(folder.rstrip("/") + "/") or not folder


def join(folder: str, name: str) -> str:
    """A path beneath a folder; the empty folder is the root."""
    return f"{folder}/{name}" if folder else name
