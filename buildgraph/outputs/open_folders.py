"""Folders below `out/`, opened without following links, and old outputs in the place of new ones.

A path is removed only if it has the content that buildgraph wrote there (`written_paths.py`). Files
of users stay.
"""

from __future__ import annotations

import errno
import os
import stat

from ..files.remove_tree import remove
from ..files.state_folder import obstacle_error
from ..lite import TYPE_CHECKING
from ..lite.contextmanagers import suppress
from ..lite.record import Record
from ..lite.sha256 import hash_open_file
from ..types.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .written_paths import Contents

BUILT = ".buildgraph/built"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class OwnedPaths(Record, eq=False):
    """The old outputs that a request may remove.

    `declared` are the paths below the workspace of all requested outputs, built or not. `covers` is
    true for a label of which all outputs are requested, `declares` for a path at which the
    workspace still declares an output (it analyses the workspace, which is slow). `warn` shows a
    text to the user.
    """

    declared: frozenset[str] = frozenset()
    covers: Callable[[str], bool] = lambda label: False
    declares: Callable[[str, str], bool] = lambda label, path: True
    warn: Callable[[str], object] = lambda text: None


def link_target(path: str, folder: str) -> str:
    """The target of the link at a path below the workspace to a folder of `built`."""
    return "../" * path.count("/") + f"{BUILT}/{folder}"


def label_of(path: str) -> str:
    """The label whose output has a path below the workspace."""
    _, *package, name, _ = path.split("/")
    return f"//{'/'.join(package)}:{name}"


def is_output(path: str) -> bool:
    """True if a path may be that of an output."""
    first, *parts = path.split("/")
    return (
        first == "out" and len(parts) >= 2 and not {"", ".", ".."} & {*parts} and "\0" not in path
    )


class OpenFolders:
    """The folders below `out/`, and the contents that buildgraph wrote there before."""

    def __init__(self, root: str, scope: OwnedPaths | None, written: Contents) -> None:
        self._root, self._scope, self._written = root, scope, written

    def opened(self, path: str, make: bool = True) -> int:
        """Open a folder by its path below the workspace, and make it if it is missing.

        BuildError for a file of the user's in its place; OSError if `make` is false and the folder
        is missing.
        """
        fd, at = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), ""
        try:
            for part in path.split("/"):
                at = f"{at}/{part}" if at else part
                inner = (
                    self._open_or_make(fd, part, at) if make else os.open(part, _FOLDER, dir_fd=fd)
                )
                os.close(fd)
                fd = inner
            return fd
        except BaseException:
            os.close(fd)
            raise

    def _open_or_make(self, above: int, name: str, path: str) -> int:
        try:
            return os.open(name, _FOLDER, dir_fd=above)
        except FileNotFoundError:
            pass
        except OSError as error:
            if error.errno not in (errno.ENOTDIR, errno.ELOOP):
                raise unwritable_error(path, error) from None
            self._make_way(above, name, path)
        try:
            os.mkdir(name, dir_fd=above)
        except OSError as error:
            raise unwritable_error(path, error) from None
        return os.open(name, _FOLDER, dir_fd=above)

    def _make_way(self, above: int, name: str, path: str) -> None:
        """Remove an old output in the place of a folder.

        BuildError if it is still declared or not buildgraph's.
        """
        if self._is_removable(path) and self._is_ours(above, name, path):
            os.unlink(name, dir_fd=above)
        elif stat.S_ISLNK(os.stat(name, dir_fd=above, follow_symlinks=False).st_mode):
            raise self._still_declared(path) or BuildError(
                f"{path} is a link",
                None,
                "remove the link: outputs are put into folders of the workspace",
                "environment",
            )
        else:
            raise self._still_declared(path) or obstacle_error(path)

    def _still_declared(self, path: str) -> BuildError | None:
        if path not in self._written:
            return None
        return obstacle_error(
            path,
            f"an output of {label_of(path)}",
            "rename one of the two targets: the outputs of one lie inside an output of the other",
        )

    def clear(self, path: str) -> None:
        """Remove a folder of old outputs in the place of a new one.

        BuildError if anything else is in it.
        """
        folders, files = [path], list[str]()
        for folder in folders:
            with os.scandir(f"{self._root}/{folder}") as entries:
                for entry in entries:
                    (folders if entry.is_dir(follow_symlinks=False) else files).append(
                        f"{folder}/{entry.name}"
                    )
        for folder in folders[1:]:
            if not any(known.startswith(f"{folder}/") for known in self._written):
                raise obstacle_error(path, folder)
        for file in files:
            if not self._is_removable(file) or not self._has_old_content(file):
                raise self._still_declared(file) or obstacle_error(path, file)
        for file in files:
            self.remove(file, prune=False)
        for folder in reversed(folders):
            above, _, name = folder.rpartition("/")
            with suppress(OSError), _Closing(self.opened(above, make=False)) as fd:
                os.rmdir(name, dir_fd=fd)

    def put(self, link: str, fresh: str, make: Callable[[str], object]) -> None:
        """Make a file or a link at the path `fresh`, and rename it to its place."""
        folder, _, name = link.rpartition("/")
        above = self.opened(folder)
        try:
            make(fresh)
            try:
                self._rename(fresh, above, name, link)
            except OSError as error:
                remove(fresh)
                if error.errno != errno.EXDEV:
                    raise
                # `out` is on a disk of its own.
                beside = f"{self._root}/{folder}/.fresh.{os.getpid()}"
                try:
                    make(beside)
                    self._rename(beside, above, name, link)
                except BaseException:
                    remove(beside)
                    raise
        finally:
            os.close(above)

    def _rename(self, fresh: str, above: int, name: str, link: str) -> None:
        for attempt in range(2):
            try:
                os.rename(fresh, name, dst_dir_fd=above)
                return
            except IsADirectoryError:
                if attempt:
                    raise obstacle_error(link) from None
                self.clear(link)
            except PermissionError as error:
                raise unwritable_error(link, error) from None

    def remove_stale(self) -> set[str]:
        """Remove outputs that the request covers and no longer declares; their paths."""
        assert self._scope is not None, "without a scope nothing is stale"
        gone = {path for path in self._written if not is_output(path)}
        for path in sorted(self._written.keys() - self._scope.declared - gone):
            if self._scope.covers(label_of(path)):
                gone.add(path)
                if not self.remove(path):
                    self._scope.warn(
                        f"{path} is no output any more; it was changed by hand, so it is kept"
                    )
        for path in gone:
            del self._written[path]
        return gone

    def remove(self, path: str, prune: bool = True) -> bool:
        """Remove an old output and folders that become empty; False if it has another content."""
        above, _, name = path.rpartition("/")
        try:
            with _Closing(self.opened(above, make=False)) as fd:
                os.stat(name, dir_fd=fd, follow_symlinks=False)
                if not self._is_ours(fd, name, path):
                    return False
                os.unlink(name, dir_fd=fd)
        except OSError as error:
            return error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
        while prune and above.count("/"):
            above, _, name = above.rpartition("/")
            try:
                with _Closing(self.opened(above, make=False)) as fd:
                    os.rmdir(name, dir_fd=fd)
            except OSError:
                break
        return True

    def _is_removable(self, path: str) -> bool:
        """True for an old output that is not declared any more."""
        scope = self._scope
        if (
            scope is None
            or path not in self._written
            or path in scope.declared
            or not is_output(path)
        ):
            return False
        label = label_of(path)
        return scope.covers(label) or not scope.declares(label, path)

    def _has_old_content(self, path: str) -> bool:
        above, _, name = path.rpartition("/")
        try:
            with _Closing(self.opened(above, make=False)) as fd:
                return self._is_ours(fd, name, path)
        except OSError:
            return False

    def _is_ours(self, above: int, name: str, path: str) -> bool:
        """True if a path has a content that buildgraph wrote there."""
        contents = self._written.get(path, ())
        mode = os.stat(name, dir_fd=above, follow_symlinks=False).st_mode
        if stat.S_ISLNK(mode):
            target = os.readlink(name, dir_fd=above)
            return any(
                content[0] == "t" and target == link_target(path, f"{content[1:]}-{name}")
                for content in contents
            )
        if not stat.S_ISREG(mode):
            return False
        with _Closing(os.open(name, _FILE, dir_fd=above)) as fd:
            return f"f{hash_open_file(fd)[0]}" in contents


def find_links(folder: str) -> Iterator[str]:
    """The links below a folder."""
    waiting = [folder]
    while waiting:
        with suppress(FileNotFoundError, PermissionError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_symlink():
                    yield entry.path
                elif entry.is_dir():
                    waiting.append(entry.path)


def unwritable_error(path: str, error: OSError) -> OSError | BuildError:
    """The error of a path that cannot be written, with help if permissions are missing."""
    if error.errno in (errno.EACCES, errno.EPERM):
        return BuildError(
            f"{path} cannot be written: {os.strerror(error.errno).lower()}",
            None,
            "give yourself the right to write there",
            "environment",
        )
    return error


class _Closing:
    def __init__(self, fd: int) -> None:
        self._fd = fd

    def __enter__(self) -> int:
        return self._fd

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)
