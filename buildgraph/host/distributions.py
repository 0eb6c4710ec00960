"""The files of an installed distribution, compared with its RECORD: one that was edited where it stands is another one.

A file is as recorded when it has the recorded size and nothing of it changed after the RECORD was written, which installers
write last. Every other file is hashed. The stamps of all of them are noted, so that a build in which nothing changed sees an
edit. What no program reads when it runs (headers, stubs, tests) is not looked at. Of a distribution with very many files (a
compiler, with the headers of every system) only what Python imports and what can be executed is looked at, and its folders.
"""

from __future__ import annotations

import os
import stat

from ..lite import TYPE_CHECKING
from ..types.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .source_files import SourceFiles

FULL_CHECK_LIMIT = 8192  # files
_RECORD = ".dist-info/RECORD"
_IDLE = (".pyi", ".h", ".hpp", ".c", ".cpp", ".pxd", ".pyx", ".a")
_NOTES = (_RECORD, ".dist-info/INSTALLER", ".dist-info/REQUESTED", ".dist-info/direct_url.json")


class InstalledDistribution:
    """The folder of a distribution and the lines of its RECORD."""

    def __init__(self, site: str, lines: list[str]) -> None:
        self.site = site
        self._recorded: dict[str, str] = {}  # the rest of its line, by path
        self._modules: dict[
            str, bool
        ] = {}  # folders with files of its own, and whether one is a module
        self._record = ""
        for line in lines:
            path, rest = _parsed(line) if line[:1] == '"' else line.partition(",")[::2]
            if not path or path.startswith("../") or path.endswith(".pyc"):
                continue
            folder = path.rpartition("/")[0]
            self._modules[folder] = path.endswith(".py") or self._modules.get(folder, False)
            if path.endswith(_RECORD):
                self._record = path
            self._recorded[path] = rest

    def entries(self) -> tuple[tuple[str, str], ...]:
        """(name, path of the host) of the least files and folders that hold all of it and nothing of other distributions.

        A folder of modules without `__init__.py` may be shared (a namespace): what it has there is named one by one.
        """
        own = {
            folder
            for folder, modules in self._modules.items()
            if folder and (not modules or f"{folder}/__init__.py" in self._recorded)
        }
        above = {folder: self._above(folder, own) for folder in self._modules}
        found = set(above.values()) - {""}
        if "" in above.values():  # a few of many
            found |= {path for path in self._recorded if not above[path.rpartition("/")[0]]}
        return tuple(
            (name, os.path.realpath(os.path.join(self.site, name))) for name in sorted(found)
        )

    def _above(self, folder: str, own: set[str]) -> str:
        """The topmost folder of its own that holds this one, or nothing."""
        parts = folder.split("/")
        return next(
            (
                name
                for depth in range(1, len(parts) + 1)
                if (name := "/".join(parts[:depth])) in own
            ),
            "",
        )

    def changes(self, sources: SourceFiles) -> str:
        """A digest of what is not as recorded, empty when all is; stamps of what was looked at are noted in `sources`."""
        many = len(self._recorded) > FULL_CHECK_LIMIT
        try:
            written = os.stat(f"{self.site}/{self._record}").st_ctime_ns
        except OSError:
            written = 0
        words: list[str] = []
        read = {
            path: said
            for path, said in self._recorded.items()
            if not _idle(path)
            and not path.endswith(_NOTES)
            and (not many or path.endswith((".py", ".so")) or "." not in path.rpartition("/")[2])
        }
        if many:
            for folder in {path.rpartition("/")[0] for path in read}:
                _note(sources, f"{self.site}/{folder}")
        else:
            words += [
                f"{path} more {sources.digest(f'{self.site}/{path}')[0]}"
                for path in self._more(sources)
            ]
        for path, said in read.items():
            words += self._changed(path, said, (sources, written))
        return Digest.of("\n".join(sorted(words)).encode()).oci if words else ""

    def _changed(self, path: str, said: str, by: tuple[SourceFiles, int]) -> Sequence[str]:
        sources, written = by
        full = f"{self.site}/{path}"
        found = _note(sources, full)
        if found is None or not stat.S_ISREG(found.st_mode):
            return (f"{path} gone",)
        sha, _, size = said.removeprefix("sha256=").partition(",")
        if (
            size == str(found.st_size)
            and found.st_mtime_ns < written
            and found.st_ctime_ns < written
        ):
            return ()
        digest, _ = sources.digest(full)
        return () if sha and sha == _recorded(digest) else (f"{path} {digest}",)

    def _more(self, sources: SourceFiles) -> Iterator[str]:
        """Files that stand in its folders and that it did not install."""
        for top, _ in self.entries():
            waiting = (
                [top]
                if not top.endswith(".dist-info") and os.path.isdir(f"{self.site}/{top}")
                else []
            )
            while waiting:
                folder = waiting.pop()
                _note(sources, f"{self.site}/{folder}")
                for entry in os.scandir(f"{self.site}/{folder}"):
                    path = f"{folder}/{entry.name}"
                    if path in self._recorded or entry.name.endswith(".pyc") or _idle(f"{path}/"):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        waiting += [path] if entry.name != "__pycache__" else []
                    elif entry.is_file():
                        yield path


def _idle(path: str) -> bool:
    """Whether a file is one that no program reads when it runs: a header, a stub, a licence or a test."""
    return (
        "/tests/" in path
        or "/include/" in path
        or ".dist-info/licenses/" in path
        or path.endswith(_IDLE)
    )


def is_note(line: str) -> bool:
    """Whether a line of a RECORD is of a script, of bytecode, or of an installer's notes: nothing that is imported."""
    return (
        line.startswith("../")
        or ".pyc," in line
        or (".dist-info/" in line and any(note in line for note in _NOTES))
    )


def _parsed(line: str) -> tuple[str, str]:
    """The path of a line that has it in quotes, as CSV has a path with a comma, and the rest."""
    path, _, rest = line[1:].rpartition('",')
    return path.replace('""', '"'), rest


def _recorded(digest: Digest) -> str:
    """A digest as RECORDs write it."""
    from binascii import b2a_base64

    return (
        b2a_base64(bytes.fromhex(digest.hash), newline=False)
        .decode()
        .rstrip("=")
        .replace("+", "-")
        .replace("/", "_")
    )


def _note(sources: SourceFiles, path: str) -> os.stat_result | None:
    """Note the stamp of a file or folder, which decides what a distribution is."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    sources.stamps[path] = (
        found.st_size,
        found.st_mtime_ns,
        found.st_ctime_ns,
        found.st_ino,
        found.st_dev,
    )
    return found
