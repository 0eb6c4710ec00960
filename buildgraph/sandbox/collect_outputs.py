"""Collect outputs: check the files that a command wrote, and copy them to the store.

All processes of the command must be dead, so that the files no longer change. Folders are opened by
descriptors, and symlinks are never followed.
"""

from __future__ import annotations

import os
import stat

from ..keys.merkle_walk import is_inside
from ..keys.reapi import Directory, encode_directory
from ..lite import TYPE_CHECKING
from ..store.protocol import Batch
from ..types.action import Out
from ..types.digest import EMPTY
from ..types.errors import BuildError
from ..types.result import File, Node, Tree

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

# Limits up to which a tree can be staged and written to a workspace anywhere.
_MAX_DEPTH = 64  # folders
_MAX_PATH = 3500  # bytes
_MAX_LISTED = 10  # errors that are listed in a message


def collect(
    out: str, declared: Sequence[Out], batch: Batch, staged: Collection[str] = ()
) -> tuple[tuple[str, Node], ...]:
    """Add the declared outputs below `out` to `batch`; return (path, node) of each, sorted by path.

    `staged` are paths of inputs below `out`, which are ignored.

    BuildError (reason "failed") lists every output that is missing, undeclared or not storable:
    devices, FIFOs, sockets, setuid files, hard links to files outside, and symlinks, except those
    that stay within a tree.
    """
    walk = _Walk({output.path: output for output in declared}, batch, staged)
    with _folder(out, None) as fd:
        walk.collect(fd, "")
    errors = walk.errors
    for path in sorted(walk.declared.keys() - walk.nodes.keys()):
        errors.append(f"{path} was declared but not created")
    errors += [
        f"{path} is a hard link to a file outside" for path, rest in walk.links.values() if rest
    ]
    if errors:
        more = f" (and {len(errors) - _MAX_LISTED} more)" if len(errors) > _MAX_LISTED else ""
        raise BuildError(
            "the outputs are not as declared: " + "; ".join(errors[:_MAX_LISTED]) + more,
            None,
            "create exactly the declared outputs below out/",
            "failed",
        )
    return tuple(sorted(walk.nodes.items()))


class _Walk:
    """Walk over a folder of outputs: collected nodes by path, errors, and hard links.

    `links` maps (device, inode) to a path and the number of links that were not met yet.
    """

    def __init__(self, declared: dict[str, Out], batch: Batch, staged: Collection[str]) -> None:
        self.declared, self.batch, self.staged = declared, batch, staged
        self.nodes: dict[str, Node] = {}
        self.errors: list[str] = []
        self.links: dict[tuple[int, int], tuple[str, int]] = {}

    def collect(self, fd: int, prefix: str) -> None:
        """Collect the outputs in a folder that is no output itself."""
        for name, info in _entries(fd):
            path = f"{prefix}{name}"
            output = self.declared.get(path)
            if stat.S_ISDIR(info.st_mode) and output is None and self._is_above_output(path):
                with _folder(name, fd) as inner:
                    self.collect(inner, f"{path}/")
            elif output is None and path in self.staged:
                continue
            elif output is None:
                self.errors.append(f"{path!a} was created but not declared")
            elif output.tree != stat.S_ISDIR(info.st_mode):
                self.errors.append(
                    f"{path} was declared as a {'folder' if output.tree else 'file'} but is not one"
                )
            elif output.tree:
                with _folder(name, fd) as inner:
                    self.nodes[path] = self.tree(inner, path, 0)
            elif (node := self.file(fd, name, info, path)) is not None:
                self.nodes[path] = node

    def tree(self, fd: int, path: str, depth: int) -> Tree:
        """Add a folder to the batch; `depth` counts the folders above it in its tree."""
        if depth > _MAX_DEPTH or len(os.fsencode(path)) > _MAX_PATH:
            limit = (
                f"folders that are more than {_MAX_DEPTH} folders deep"
                if depth > _MAX_DEPTH
                else f"paths of more than {_MAX_PATH} bytes"
            )
            top = next(name for name in self.declared if f"{path}/".startswith(f"{name}/"))
            raise BuildError(f"the output {top} has {limit}", None, "", "failed")
        files, folders, symlinks = [], [], []
        for name, info in _entries(fd):
            below = f"{path}/{name}"
            if not name.isprintable():
                self.errors.append(f"{below!a} is no printable UTF-8 name")
            elif stat.S_ISDIR(info.st_mode):
                with _folder(name, fd) as inner:
                    folders.append((name, self.tree(inner, below, depth + 1).digest))
            elif stat.S_ISLNK(info.st_mode):
                target = os.readlink(name, dir_fd=fd)
                symlinks.append((name, target))
                if not is_inside(target, depth) or not target.isprintable():
                    self.errors.append(f"{below} is a symlink that leaves its tree ({target!a})")
            elif (node := self.file(fd, name, info, below)) is not None:
                files.append((name, node.digest, node.executable))
        if self.errors:
            return Tree(EMPTY)
        return Tree(
            self.batch.add(
                encode_directory(Directory(tuple(files), tuple(folders), tuple(symlinks)))
            )
        )

    def file(self, fd: int, name: str, info: os.stat_result, path: str) -> File | None:
        """Add a file to the batch; None when it is not storable."""
        if not stat.S_ISREG(info.st_mode):
            self.errors.append(f"{path} is a {_kind(info.st_mode)}")
            return None
        if info.st_mode & (stat.S_ISUID | stat.S_ISGID):
            self.errors.append(f"{path} is setuid or setgid")
            return None
        if info.st_nlink > 1:
            _, rest = self.links.get((info.st_dev, info.st_ino), (path, info.st_nlink))
            self.links[info.st_dev, info.st_ino] = (path, rest - 1)
        if not info.st_mode & 0o400:
            os.chmod(name, 0o400, dir_fd=fd)
        return File(self.batch.add_file(_beneath(fd, name)), bool(info.st_mode & 0o100))

    def _is_above_output(self, path: str) -> bool:
        return any(below.startswith(f"{path}/") for below in (*self.declared, *self.staged))


def _entries(fd: int) -> Iterator[tuple[str, os.stat_result]]:
    for name in sorted(os.listdir(fd)):
        yield name, os.stat(name, dir_fd=fd, follow_symlinks=False)


class _folder:
    """Context manager of a folder's descriptor, opened by its path or beneath another folder."""

    def __init__(self, name: str, beneath: int | None) -> None:
        if beneath is not None:
            os.chmod(name, 0o700, dir_fd=beneath)
        self._fd = os.open(
            name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=beneath
        )

    def __enter__(self) -> int:
        return self._fd

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)


def _beneath(fd: int, name: str) -> str:
    """Return a path of a file in an open folder; /dev/fd would not work for folders."""
    return f"/proc/self/fd/{fd}/{name}"


def _kind(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "symlink"
    if stat.S_ISFIFO(mode):
        return "FIFO"
    return (
        "socket"
        if stat.S_ISSOCK(mode)
        else "device"
        if stat.S_ISCHR(mode) or stat.S_ISBLK(mode)
        else "folder"
    )
