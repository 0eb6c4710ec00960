"""The files of an installed distribution, compared with its RECORD: one that was edited where it stands is another one.

A file is as recorded when it has the recorded size and nothing of it changed after the RECORD was written, which installers
write last. Every other file is hashed. The stamps of all of them are noted, so that a build in which nothing changed sees an
edit. Of a distribution with very many files (a compiler, with the headers of every system) only what Python imports and what
can be executed is looked at file by file; of the rest the folders are.
"""
from __future__ import annotations

import os
import stat

from .digest import Digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .source import Sources

MANY = 8192   # files
_RECORD = ".dist-info/RECORD"
_NOTES = (_RECORD, ".dist-info/INSTALLER", ".dist-info/REQUESTED", ".dist-info/direct_url.json")


class Installed:
    """The folder of a distribution and the lines of its RECORD."""

    def __init__(self, site: str, lines: list[str]) -> None:
        self.site = site
        self.files = dict(_parsed(line) for line in lines if line and not is_note(line))
        self._record = next((path for path in (line.partition(",")[0] for line in lines) if path.endswith(_RECORD)), "")

    def entries(self) -> tuple[tuple[str, str], ...]:
        """(name, path of the host) of the least files and folders that hold all of it and nothing of other distributions.

        A folder of modules without `__init__.py` may be shared (a namespace): what it has there is named one by one.
        """
        held: dict[str, bool] = {}   # folders with files of its own, and whether one is a module
        for path in (*self.files, self._record):
            folder = path.rpartition("/")[0]
            held[folder] = held.get(folder, False) or path.endswith(".py")
        folders = {folder for folder, modules in held.items() if not modules or f"{folder}/__init__.py" in self.files}
        found = set()
        for path in (*self.files, self._record):
            parts = path.split("/")
            depth = next((depth for depth in range(1, len(parts)) if "/".join(parts[:depth]) in folders), len(parts))
            found.add("/".join(parts[:depth]))
        return tuple((name, os.path.realpath(os.path.join(self.site, name))) for name in sorted(found))

    def changes(self, sources: Sources) -> str:
        """A digest of what is not as recorded, empty when all is; stamps of what was looked at are noted in `sources`."""
        many = len(self.files) > MANY
        try:
            written = os.stat(os.path.join(self.site, self._record)).st_ctime_ns
        except OSError:
            written = 0
        more = () if many else self._more(sources)
        words = [f"{path} more {sources.digest(os.path.join(self.site, path))[0]}" for path in more]
        folders = {path.rpartition("/")[0] for path in self.files} - {""} if many else set()
        for folder in sorted(folders):
            _note(sources, os.path.join(self.site, folder))
        for path, (sha, size) in self.files.items():
            if many and not path.endswith((".py", ".so")) and "." in path.rpartition("/")[2]:
                continue
            words += self._changed(path, sha, size, (sources, written))
        return Digest.of("\n".join(sorted(words)).encode()).oci if words else ""

    def _changed(self, path: str, sha: str, size: str, by: tuple[Sources, int]) -> Iterator[str]:
        sources, written = by
        full = os.path.join(self.site, path)
        found = _note(sources, full)
        if found is None or not stat.S_ISREG(found.st_mode):
            yield f"{path} gone"
        elif not size or found.st_size != int(size) or max(found.st_mtime_ns, found.st_ctime_ns) >= written:
            digest, _ = sources.digest(full)
            if not sha or _recorded(digest) != sha:
                yield f"{path} {digest}"

    def _more(self, sources: Sources) -> Iterator[str]:
        """Files that stand in its folders and that it did not install."""
        for top, _ in self.entries():
            waiting = [top] if not top.endswith(".dist-info") and os.path.isdir(os.path.join(self.site, top)) else []
            while waiting:
                folder = waiting.pop()
                _note(sources, os.path.join(self.site, folder))
                for entry in sorted(os.scandir(os.path.join(self.site, folder)), key=lambda entry: entry.name):
                    path = f"{folder}/{entry.name}"
                    if entry.is_dir() and entry.name != "__pycache__" and not entry.is_symlink():
                        waiting.append(path)
                    elif path not in self.files and entry.is_file() and not entry.name.endswith(".pyc"):
                        yield path


def is_note(line: str) -> bool:
    """Whether a line of a RECORD is of a script, of bytecode, or of an installer's notes: nothing that is imported."""
    return line.startswith("../") or ".pyc," in line or any(note in line for note in _NOTES)


def _parsed(line: str) -> tuple[str, tuple[str, str]]:
    """The path, SHA-256 and size of a line, as CSV has it: a path with a comma stands in quotes."""
    path, sha, size = (["", "", "", *line.rsplit(",", 2)])[-3:]
    if path.startswith('"'):
        path = path[1:-1].replace('""', '"')
    return path, (sha.removeprefix("sha256="), size.strip())


def _recorded(digest: Digest) -> str:
    """A digest as RECORDs write it."""
    from binascii import b2a_base64
    return b2a_base64(bytes.fromhex(digest.hash), newline=False).decode().rstrip("=").replace("+", "-").replace("/", "_")


def _note(sources: Sources, path: str) -> os.stat_result | None:
    """Note the stamp of a file or folder, which decides what a distribution is."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    sources.seen[path] = (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev)
    return found
