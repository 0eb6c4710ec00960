"""Files of an installed distribution, compared with its RECORD.

A file that was edited in place changes the identity of its distribution. A file is unchanged when
it has the recorded size and was not modified after the RECORD, which installers write last. Every
other file is hashed. The stamps of all these files are noted in SourceFiles, so a build in which
nothing else changed notices an edit. Files that no program reads at run time (headers, stubs,
tests) are skipped. Of a distribution with more than FULL_CHECK_LIMIT files, such as a compiler with
the headers of every system, only Python modules, shared libraries and files without a suffix are
checked.
"""

from __future__ import annotations

import os
import stat

from ..files.stamp import stamp_of
from ..lite import TYPE_CHECKING
from ..types.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .source_files import SourceFiles

FULL_CHECK_LIMIT = 8192  # files
RECORD = ".dist-info/RECORD"
_UNUSED = (".pyi", ".h", ".hpp", ".c", ".cpp", ".pxd", ".pyx", ".a")
_NOTES = (RECORD, ".dist-info/INSTALLER", ".dist-info/REQUESTED", ".dist-info/direct_url.json")


class InstalledDistribution:
    """Folder of a distribution (`site`) and the lines of its RECORD."""

    def __init__(self, site: str, lines: list[str]) -> None:
        self.site = site
        self._recorded: dict[str, str] = {}  # digest and size as recorded, by path
        self._has_modules: dict[str, bool] = {}  # by folder: True when a file in it is a module
        self._record = ""
        for line in lines:
            path, rest = _parse_quoted(line) if line[:1] == '"' else line.partition(",")[::2]
            if not path or path.startswith("../") or path.endswith(".pyc"):
                continue
            folder = path.rpartition("/")[0]
            self._has_modules[folder] = path.endswith(".py") or self._has_modules.get(folder, False)
            if path.endswith(RECORD):
                self._record = path
            self._recorded[path] = rest

    def entries(self) -> tuple[tuple[str, str], ...]:
        """Return (name, path on the host) of the fewest files and folders that contain all files.

        None of them contains files of another distribution. A folder of modules without
        `__init__.py` may be shared (a namespace package), so its entries are listed one by one.
        """
        own = {
            folder
            for folder, has_modules in self._has_modules.items()
            if folder and (not has_modules or f"{folder}/__init__.py" in self._recorded)
        }
        topmost = {folder: self._topmost(folder, own) for folder in self._has_modules}
        names = set(topmost.values()) - {""}
        if "" in topmost.values():  # the loop over all files is rarely needed
            names |= {path for path in self._recorded if not topmost[path.rpartition("/")[0]]}
        return tuple(
            (name, os.path.realpath(os.path.join(self.site, name))) for name in sorted(names)
        )

    def _topmost(self, folder: str, own: set[str]) -> str:
        """Return the topmost folder in `own` that contains `folder`; empty without one."""
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
        """Return a digest of all differences from the RECORD; empty when there are none.

        The stamps of all checked files and folders are added to `sources`.
        """
        is_large = len(self._recorded) > FULL_CHECK_LIMIT
        try:
            recorded_ns = os.stat(f"{self.site}/{self._record}").st_ctime_ns
        except OSError:
            recorded_ns = 0
        differences: list[str] = []
        checked = {
            path: recorded
            for path, recorded in self._recorded.items()
            if not _is_unused(path)
            and not path.endswith(_NOTES)
            and (
                not is_large or path.endswith((".py", ".so")) or "." not in path.rpartition("/")[2]
            )
        }
        if is_large:
            for folder in {path.rpartition("/")[0] for path in checked}:
                _add_stamp(sources, f"{self.site}/{folder}")
        else:
            differences += [
                f"{path} more {sources.digest(f'{self.site}/{path}')[0]}"
                for path in self._unrecorded(sources)
            ]
        for path, recorded in checked.items():
            differences += self._difference(path, recorded, sources, recorded_ns=recorded_ns)
        return Digest.of("\n".join(sorted(differences)).encode()).oci if differences else ""

    def _difference(
        self, path: str, recorded: str, sources: SourceFiles, *, recorded_ns: int
    ) -> Sequence[str]:
        """Return a line when a file is gone or differs from its line in the RECORD."""
        full_path = f"{self.site}/{path}"
        info = _add_stamp(sources, full_path)
        if info is None or not stat.S_ISREG(info.st_mode):
            return (f"{path} gone",)
        sha, _, size = recorded.removeprefix("sha256=").partition(",")
        if size == str(info.st_size) and max(info.st_mtime_ns, info.st_ctime_ns) < recorded_ns:
            return ()
        digest, _ = sources.digest(full_path)
        return () if sha and sha == _encode_as_recorded(digest) else (f"{path} {digest}",)

    def _unrecorded(self, sources: SourceFiles) -> Iterator[str]:
        """Yield the files in its folders that are not in the RECORD."""
        for top, _ in self.entries():
            waiting = (
                [top]
                if not top.endswith(".dist-info") and os.path.isdir(f"{self.site}/{top}")
                else []
            )
            while waiting:
                folder = waiting.pop()
                _add_stamp(sources, f"{self.site}/{folder}")
                for entry in os.scandir(f"{self.site}/{folder}"):
                    path = f"{folder}/{entry.name}"
                    if (
                        path in self._recorded
                        or entry.name.endswith(".pyc")
                        or _is_unused(f"{path}/")
                    ):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        waiting += [path] if entry.name != "__pycache__" else []
                    elif entry.is_file():
                        yield path


def _is_unused(path: str) -> bool:
    """True for a file that no program reads at run time: a header, a stub, a licence or a test."""
    return (
        "/tests/" in path
        or "/include/" in path
        or ".dist-info/licenses/" in path
        or path.endswith(_UNUSED)
    )


def is_note(line: str) -> bool:
    """True for a RECORD line of a script, of bytecode or of an installer's note."""
    return (
        line.startswith("../")
        or ".pyc," in line
        or (".dist-info/" in line and any(note in line for note in _NOTES))
    )


def _parse_quoted(line: str) -> tuple[str, str]:
    """Return path and rest of a line with a quoted path, as CSV writes a path with a comma."""
    path, _, rest = line[1:].rpartition('",')
    return path.replace('""', '"'), rest


def _encode_as_recorded(digest: Digest) -> str:
    """Encode a digest as RECORD does: URL-safe base64 without padding."""
    from binascii import b2a_base64

    text = b2a_base64(bytes.fromhex(digest.hash), newline=False).decode()
    return text.rstrip("=").replace("+", "-").replace("/", "_")


def _add_stamp(sources: SourceFiles, path: str) -> os.stat_result | None:
    """Add the stamp of a file or folder to `sources`, and return its `stat`; None if missing."""
    try:
        info = os.stat(path)
    except OSError:
        return None
    sources.stamps[path] = stamp_of(info)
    return info
