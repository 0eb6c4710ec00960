"""Folders of the workspace as listed: the files a target names, by path or by glob, and what was looked at for it."""
from __future__ import annotations

import os
import re
import stat
from functools import lru_cache

from .errors import BuildError, Where, did_you_mean
from .stamp import NEVER, Stamp, fingerprint

SKIPPED = frozenset({"out", "node_modules", "__pycache__"})
_LONGEST = 4096   # bytes of a path, as Linux has it
_MAGIC = re.compile(r"[*?\[]")


def skipped(name: str) -> bool:
    """Whether a folder of that name never belongs to a workspace's sources."""
    return name.startswith(".") or name in SKIPPED


class Listing:
    """The folders of one workspace, each listed once; `folders` are those whose content decided something.

    `stamps` has the stamp of each folder that exists, taken before it was listed.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self.folders: set[str] = set()
        self.stamps: dict[str, Stamp] = {}
        self._known: dict[str, dict[str, os.DirEntry[str]]] = {}

    def entries(self, folder: str) -> dict[str, os.DirEntry[str]]:
        """The entries of a folder by name, sorted; none when there is no such folder."""
        known = self._known.get(folder)
        if known is None:
            known = self._known[folder] = self._list(folder)
        return known

    def _list(self, folder: str) -> dict[str, os.DirEntry[str]]:
        path, stamp = os.path.join(self.root, folder), NEVER
        try:
            stamp = fingerprint(path)
            with os.scandir(path) as found:
                known = {entry.name: entry for entry in sorted(found, key=lambda entry: entry.name)}
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError:
            known = {}   # it cannot be read, but it exists
        self.stamps[folder] = stamp
        return known

    def exists(self, folder: str) -> bool:
        """Whether there is such a folder, which may be empty."""
        self.entries(folder)
        return folder in self.stamps

    def watch(self, folder: str) -> None:
        """Remember that what stands in a folder, or that it is absent, decided something."""
        while folder and not self.exists(folder):
            folder = folder.rpartition("/")[0]
        self.folders.add(folder)

    def subfolders(self, folder: str) -> list[str]:
        """The paths of the real folders in a folder, without those that hold no sources."""
        self.watch(folder)
        return [join(folder, name) for name, entry in self.entries(folder).items()
                if not skipped(name) and entry.is_dir(follow_symlinks=False) and not self._is_venv(join(folder, name))]

    def _is_venv(self, folder: str) -> bool:
        """Whether a folder is a virtual environment of Python; it is watched, because it may cease to be one."""
        if "pyvenv.cfg" not in self.entries(folder):
            return False
        self.watch(folder)
        return True

    def source(self, folder: str, path: str, at: Where | None) -> str:
        """The workspace-relative name of an existing file or folder, case exact; BuildError with a near name."""
        parts = path.rstrip("/").split("/")
        if path.startswith("/") or "\\" in path or "\0" in path or any(part in ("", ".", "..") for part in parts):
            raise BuildError(f"{path!r} is no path of a file of this folder", at,
                             f"write it relative to {folder or 'the root of the workspace'}, without . and ..; "
                             "a file elsewhere is named by a target there", "path")
        here = folder
        for number, part in enumerate(parts):
            entry = self.entries(here).get(part)
            if entry is None:
                raise self._absent(path, here, part, at)
            last = number == len(parts) - 1
            self.regular(entry, join(here, part), last, at)
            here = join(here, part)
        return here

    def _absent(self, path: str, here: str, part: str, at: Where | None) -> BuildError:
        near = {name.lower(): name for name in self.entries(here)}
        same = near.get(part.lower())
        hint = f"did you mean {same!r}?" if same else did_you_mean(part, self.entries(here))
        self.watch(here)
        hint = hint or f"there is no {part!r} in {here or 'the root of the workspace'}"
        return BuildError(f"no file {path!r}", at, hint, "source")

    def regular(self, entry: os.DirEntry[str], name: str, last: bool, at: Where | None) -> None:
        """BuildError unless an entry is a folder, or, as the last of a path, a file; links may not leave the workspace."""
        if not name.isprintable():   # as for outputs; bytes that are no UTF-8 are not printable either
            raise BuildError(f"{name!r} is no printable UTF-8 name", at, "rename it", "source")
        if entry.is_symlink():
            real, root = os.path.realpath(entry.path), os.path.realpath(self.root)
            if real != root and not real.startswith(root + os.sep):
                raise BuildError(f"{name!r} is a link out of the workspace", at, "copy what it names", "source")
        try:
            mode = os.stat(entry.path).st_mode
        except OSError:
            raise BuildError(f"{name!r} is a link to nothing", at, "mend or remove it", "source") from None
        if not stat.S_ISDIR(mode) and not (last and stat.S_ISREG(mode)):
            raise BuildError(f"{name!r} is {'neither a file nor' if last else 'not'} a folder", at, reason="source")

    def glob(self, folder: str, pattern: str, at: Where | None) -> list[str]:
        """Workspace-relative names of the files that a glob finds: `*` and `?` within a name, `**` for any folders."""
        parts = pattern.split("/")
        if any(part in ("", ".", "..") for part in parts) or "\\" in pattern:
            raise BuildError(f"{pattern!r} is no glob of files of this folder", at, 'such as "src/**/*.py"', "path")
        if not _MAGIC.search(pattern):
            name = self.source(folder, pattern, at)
            if os.path.isdir(os.path.join(self.root, name)):
                raise BuildError(f"{pattern!r} is a folder", at, f'write "{pattern}/**" for all its files', "path")
            return [name]
        found: set[str] = set()
        self._match(folder, tuple(parts), found)
        for name in found:
            self.regular(self.entries(name.rpartition("/")[0])[name.rpartition("/")[2]], name, True, at)
        return sorted(found)

    def _match(self, folder: str, parts: tuple[str, ...], found: set[str]) -> None:
        """Add the files beneath a folder that match; `**` is tried as no folder and as each subfolder.

        What was `tried` (a folder with what is left of the glob) is not tried again, so that `**/**/**` ends. There is no
        recursion, for folders may lie deep.
        """
        waiting, tried = [(folder, parts)], set[tuple[str, int]]()
        while waiting:
            folder, parts = waiting.pop()
            if (folder, len(parts)) in tried:
                continue
            tried.add((folder, len(parts)))
            head, rest = parts[0], parts[1:]
            if len(os.fsencode(os.path.join(self.root, folder))) >= _LONGEST:
                raise BuildError(f"the path {folder[:60]!r}... is longer than the system allows", None,
                                 "move what is in it, or choose a glob that does not reach it", "source")
            if head == "**":
                waiting.append((folder, rest or ("*",)))
                waiting += [(below, parts) for below in self.subfolders(folder)]
                continue
            self.watch(folder)
            for name in self._fitting(folder, head, not rest):
                if rest:
                    waiting.append((join(folder, name), rest))
                else:
                    found.add(join(folder, name))

    def _fitting(self, folder: str, glob: str, files: bool) -> list[str]:
        """The names in a folder that one part of a glob finds: those of files, or of real folders."""
        fits, found = _fits(glob), []
        for name, entry in self.entries(folder).items():
            if (name.startswith(".") and not glob.startswith(".")) or not fits.fullmatch(name):
                continue
            # entry.is_dir() raises where links go in a circle
            if not os.path.isdir(entry.path) if files else entry.is_dir(follow_symlinks=False):
                found.append(name)
        return found


@lru_cache(maxsize=1024)
def _fits(glob: str) -> re.Pattern[str]:
    """The regular expression of one part of a glob: what stands after a star is sought once, so that it stays fast."""
    first, *rest = [[_word(word) for word in re.findall(r"\?|\[!?\]?[^\]]*\]|.", piece, re.S)]
                    for piece in _between_stars(glob)]
    middle = "".join(f"(?>[^/]*?{''.join(words)})" for words in rest[:-1])
    last = f"[^/]*{''.join(rest[-1])}" if rest else ""
    try:
        return re.compile("".join(first) + middle + last, re.S)
    except re.error as fault:
        raise BuildError(f"{glob!r} is no glob: {fault.msg}", fix="such as [a-z]*.txt", reason="path") from None


def _between_stars(glob: str) -> list[str]:
    """The pieces of a glob between its runs of stars; a star in brackets is a letter."""
    pieces = [""]
    for word in re.findall(r"\*+|\[!?\]?[^\]]*\]|.", glob, re.S):
        if word[0] == "*":
            pieces.append("")
        else:
            pieces[-1] += word
    return pieces


def _word(word: str) -> str:
    if word == "?":
        return "[^/]"
    if word[0] == "[" and len(word) > 2:
        inner = re.sub(r"([\\\[&~|])", r"\\\1", word[1:-1]).replace("--", r"-\-")
        return f"[^{inner[1:]}]" if inner.startswith("!") else f"[{'' if inner[0] != '^' else chr(92)}{inner}]"
    return re.escape(word)


def join(folder: str, name: str) -> str:
    """A path beneath a folder; the empty folder is the root."""
    return f"{folder}/{name}" if folder else name
