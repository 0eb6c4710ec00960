"""`--out DIR`: copy outputs to a folder of the user's.

It adds files, replaces its own copies, and deletes nothing else.

Everything is first copied into a folder inside DIR, verified, and then renamed to its place. An
error, a full disk or a signal leaves DIR as it was. `.buildgraph/exports` lists the copies; one
that was changed since is not replaced.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat

from ..files.remove_tree import remove
from ..files.state_folder import NAME
from ..host.source_files import hash_file
from ..lite import TYPE_CHECKING
from ..lite.contextmanagers import check_cancelled, defer_signals, suppress
from ..lite.record import Record
from ..types.errors import BuildError
from ..types.result import File
from .folder_content import content_at, content_name
from .stored_tree import FOLDER_MODE, TreeContents, tree_contents
from .written_paths import WrittenPaths

if TYPE_CHECKING:
    from ..store.protocol import Store
    from ..types.result import Node
    from .installed_outputs import InstalledOutputs

_TEMP = (
    ".buildgraph-out."  # then the number of the process, which keeps a flock on it while it runs
)
_FIX = "move it away, or name another folder"


def check_folder(root: str, folder: str, cache: str) -> None:
    """Refuse a DIR that cannot take copies, before anything is built; BuildError."""
    real = os.path.realpath(folder)
    _check_not_own(root, real)
    if f"{real}/".startswith(f"{os.path.realpath(cache)}/"):
        raise BuildError(
            f"--out: {folder} is in the cache", None, "name a folder of yours", "usage"
        )
    if os.path.lexists(folder) and not os.path.isdir(folder):
        what = (
            "is a link that leads nowhere"
            if os.path.islink(folder) and not os.path.exists(folder)
            else "is no folder"
        )
        raise BuildError(
            f"--out: {folder} {what}",
            None,
            "name a folder of yours, or one that is not there yet",
            "environment",
        )


def _check_not_own(root: str, path: str) -> None:
    top = os.path.realpath(root)
    for name in ("out", NAME):
        if f"{path}/".startswith(f"{top}/{name}/"):
            raise BuildError(
                f"--out: {path} is in {name}/, where buildgraph keeps what it makes",
                None,
                "name a folder outside of it",
                "usage",
            )


def copy_out(root: str, folder: str, installed: InstalledOutputs, store: Store) -> None:
    """Copy all outputs to a folder, each below the path of its label if there are several labels.

    BuildError if that cannot be done, Cancelled after a signal.
    """
    labels = {event.label for event in installed.events}
    several = len(labels) > 1
    copies = []
    for number, (link, name, node) in enumerate(installed.outputs):
        below = link.removeprefix("out/") if several else name
        _check_not_own(root, os.path.join(os.path.realpath(folder), below))
        copies.append(
            _Copy(
                number,
                os.path.join(folder, below),
                node,
                None if isinstance(node, File) else tree_contents(node, store.read),
            )
        )
    try:
        _Copying(folder, store, WrittenPaths(f"{root}/{NAME}/exports")).run(copies)
    except OSError as error:
        where = (
            error.filename
            if isinstance(error.filename, str) and _TEMP not in error.filename
            else folder
        )
        raise BuildError(
            f"--out: {where} cannot be written: {os.strerror(error.errno or 0).lower()}",
            None,
            "name a folder of yours on a disk with room",
            "environment",
        ) from None


class _Copy(Record, eq=False):
    number: int
    path: str
    node: Node
    inside: TreeContents | None  # of a tree


class _Copying:
    def __init__(self, folder: str, store: Store, written: WrittenPaths) -> None:
        self._folder, self._store, self._written = folder, store, written
        self._temp = os.path.join(folder, f"{_TEMP}{os.getpid()}")
        self._created: list[str] = []  # folders that were not there before
        self._replaced: list[tuple[str, str]] = []  # (path, path of the old copy)

    def run(self, copies: list[_Copy]) -> None:
        known = self._written.read()
        due = [copy for copy in copies if self._due(copy, known.get(copy.path, set()))]
        try:
            self._make(self._folder)
            _sweep(self._folder)
            os.mkdir(self._temp, 0o700)
            fd = os.open(self._temp, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX)
                for copy in due:
                    self._copy(copy, f"{self._temp}/{copy.number}")
                self._written.add([(copy.path, _content(copy)) for copy in due])
                with defer_signals():
                    self._rename_into_place(due)
            finally:
                with defer_signals():
                    remove(self._temp)
                os.close(fd)
        except BaseException:
            for folder in reversed(self._created):
                with suppress(OSError):
                    os.rmdir(folder)
            raise

    def _due(self, copy: _Copy, contents: set[str]) -> bool:
        """True if a copy has to be made; BuildError if anything but an old copy is in its place."""
        self._check_way(copy.path)
        if not os.path.lexists(copy.path) or self._is_ours(copy.path, contents):
            return True
        if _same(copy):
            return False
        raise BuildError(
            f"--out: {copy.path} is there already, and it is not an unchanged copy by buildgraph",
            None,
            _FIX,
            "usage",
        )

    def _check_way(self, path: str) -> None:
        """Require that each folder between DIR and a copy is missing or no link."""
        way = os.path.dirname(path)
        while len(way) > len(self._folder):
            with suppress(FileNotFoundError, NotADirectoryError):
                mode = os.lstat(way).st_mode
                if not stat.S_ISDIR(mode):
                    what = "is a link" if stat.S_ISLNK(mode) else "is no folder"
                    raise BuildError(f"--out: {way} {what}", None, _FIX, "usage")
            way = os.path.dirname(way)

    def _is_ours(self, path: str, contents: set[str]) -> bool:
        return bool(contents) and content_at(path) in contents

    def _make(self, folder: str) -> None:
        missing = []
        while not os.path.isdir(folder):
            missing.append(folder)
            folder = os.path.dirname(folder)
        for path in reversed(missing):
            os.mkdir(path)
            self._created.append(path)

    def _copy(self, copy: _Copy, to: str) -> None:
        if isinstance(copy.node, File):
            self._file(copy.node, to)
            return
        assert copy.inside is not None, "a folder has contents"
        for path in copy.inside.names:
            os.mkdir(to + path)
            os.chmod(to + path, FOLDER_MODE)
        for path, target in copy.inside.links:
            os.symlink(target, to + path)
        for path, file in copy.inside.files:
            self._file(file, to + path)

    def _file(self, file: File, to: str) -> None:
        check_cancelled()
        self._store.place(file.digest, to, file.executable)
        os.chmod(to, 0o755 if file.executable else 0o644)

    def _rename_into_place(self, due: list[_Copy]) -> None:
        """Rename each copy to its place; after an error all is as it was."""
        try:
            for copy in due:
                self._make(os.path.dirname(copy.path))
                fresh, old = f"{self._temp}/{copy.number}", f"{self._temp}/old.{copy.number}"
                if os.path.lexists(copy.path):
                    os.rename(copy.path, old)
                self._replaced.append((copy.path, old))
                _place(fresh, copy.path)
        except BaseException:
            for number, (path, old) in reversed([*enumerate(self._replaced)]):
                with suppress(OSError):
                    os.rename(path, f"{self._temp}/undone.{number}")
                with suppress(OSError):
                    os.rename(old, path)
            raise


def _place(fresh: str, path: str) -> None:
    """Rename to a path that is free; OSError if it was taken meanwhile."""
    if not os.path.isdir(fresh):
        try:
            os.link(fresh, path)  # a rename would replace a file
            return
        except FileExistsError:
            raise
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS):
                raise
            if os.path.lexists(path):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path) from None
    os.rename(fresh, path)


def _sweep(folder: str) -> None:
    """Remove the folders of copying processes that were killed."""
    for name in os.listdir(folder):
        if not name.startswith(_TEMP) or not name.removeprefix(_TEMP).isdigit():
            continue
        with suppress(OSError):
            fd = os.open(
                os.path.join(folder, name),
                os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC,
            )
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove(os.path.join(folder, name))
            finally:
                os.close(fd)


def _same(copy: _Copy) -> bool:
    """True if the path has the content already."""
    if isinstance(copy.node, File):
        return _is_file(copy.path, copy.node)
    assert copy.inside is not None, "a folder has contents"
    try:
        for path, names in copy.inside.names.items():
            if (
                not stat.S_ISDIR(os.lstat(copy.path + path).st_mode)
                or {*os.listdir(copy.path + path)} != names
            ):
                return False
        return all(
            os.readlink(copy.path + path) == target for path, target in copy.inside.links
        ) and all(_is_file(copy.path + path, file) for path, file in copy.inside.files)
    except OSError:
        return False


def _is_file(path: str, file: File) -> bool:
    check_cancelled()
    try:
        status = os.lstat(path)
        return (
            stat.S_ISREG(status.st_mode)
            and status.st_size == file.digest.size
            and bool(status.st_mode & 0o100) == file.executable
            and hash_file(path) == file.digest
        )
    except OSError:
        return False


def _content(copy: _Copy) -> str:
    """The name of the content of a copy. Modes do not count: not every disk keeps them."""
    if isinstance(copy.node, File):
        return f"f{copy.node.digest.hash}"
    assert copy.inside is not None, "a folder has contents"
    rows = [("d", path, "") for path in copy.inside.names] + [
        ("l", path, target) for path, target in copy.inside.links
    ]
    return content_name(rows + [("f", path, file.digest.hash) for path, file in copy.inside.files])
