"""From the folder that a command wrote to nodes of the store: checked, copied, with fixed modes.

Call it only when every process of the command is dead: what it copies can then no longer change. The folder is walked
by descriptors of its folders, never through a symlink.
"""

from __future__ import annotations

import os
import stat

from ..keys.reapi import Directory, encode_directory
from ..lite import TYPE_CHECKING
from ..store.protocol import Batch
from ..types.action import Out
from ..types.digest import EMPTY
from ..types.errors import BuildError
from ..types.result import File, Node, Tree

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

_DEPTH, _LONG = (
    64,
    3500,
)  # folders, and bytes of a path, up to which a tree can be staged and shown anywhere
_SHOWN = 10


def collect(
    out: str, declared: Sequence[Out], batch: Batch, staged: Collection[str] = ()
) -> tuple[tuple[str, Node], ...]:
    """The declared outputs below `out`, added to `batch`, sorted by path.

    `staged` are paths of inputs below it, which are passed over.

    BuildError (reason "failed") names every output that is missing, undeclared or of a kind that cannot be kept:
    devices, FIFOs, sockets, setuid files, hard links to outside, and symlinks but for those that stay in a tree.
    """
    walk = _Walk({output.path: output for output in declared}, batch, staged)
    with _folder(out, None) as fd:
        walk.outer(fd, "")
    for path in sorted(walk.wanted.keys() - walk.found.keys()):
        walk.faults.append(f"{path} was declared and not made")
    walk.faults += [
        f"{path} is a hard link to a file outside" for path, left in walk.links.values() if left
    ]
    if walk.faults:
        more = f" (and {len(walk.faults) - _SHOWN} more)" if len(walk.faults) > _SHOWN else ""
        raise BuildError(
            "the outputs are not as declared: " + "; ".join(walk.faults[:_SHOWN]) + more,
            None,
            "make exactly the declared outputs below out/",
            "failed",
        )
    return tuple(sorted(walk.found.items()))


def is_inside(target: str, depth: int) -> bool:
    """Whether a symlink `depth` folders below the top of its tree cannot lead out of the tree.

    Its target must be relative and climb only at its start, so that no other link on the way can change its meaning.
    """
    parts = target.split("/")
    climbs = next((n for n, part in enumerate(parts) if part != ".."), len(parts))
    return (
        0 < len(target) <= 4096
        and climbs <= depth
        and all(p not in ("", ".", "..") for p in parts[climbs:])
    )


class _Walk:
    def __init__(self, wanted: dict[str, Out], batch: Batch, staged: Collection[str]) -> None:
        self.wanted, self.batch, self.staged = wanted, batch, staged
        self.found: dict[str, Node] = {}
        self.faults: list[str] = []
        self.links: dict[tuple[int, int], tuple[str, int]] = {}

    def outer(self, fd: int, prefix: str) -> None:
        for name, info in _entries(fd):
            path = f"{prefix}{name}"
            output = self.wanted.get(path)
            if stat.S_ISDIR(info.st_mode) and output is None and self._leads_to_output(path):
                with _folder(name, fd) as inner:
                    self.outer(inner, f"{path}/")
            elif output is None and path in self.staged:
                continue
            elif output is None:
                self.faults.append(f"{path!a} was made and not declared")
            elif output.tree != stat.S_ISDIR(info.st_mode):
                self.faults.append(
                    f"{path} was declared as a {'folder' if output.tree else 'file'} and is none"
                )
            elif output.tree:
                with _folder(name, fd) as inner:
                    self.found[path] = self.tree(inner, path, 0)
            elif (node := self.file(fd, name, info, path)) is not None:
                self.found[path] = node

    def tree(self, fd: int, path: str, depth: int) -> Tree:
        if depth > _DEPTH or len(os.fsencode(path)) > _LONG:
            limit = (
                f"folders that are more than {_DEPTH} folders deep"
                if depth > _DEPTH
                else f"paths of more than {_LONG} bytes"
            )
            top = next(name for name in self.wanted if f"{path}/".startswith(f"{name}/"))
            raise BuildError(f"the output {top} has {limit}", None, "", "failed")
        files, folders, symlinks = [], [], []
        for name, info in _entries(fd):
            below = f"{path}/{name}"
            if not name.isprintable():
                self.faults.append(f"{below!a} is no printable UTF-8 name")
            elif stat.S_ISDIR(info.st_mode):
                with _folder(name, fd) as inner:
                    folders.append((name, self.tree(inner, below, depth + 1).digest))
            elif stat.S_ISLNK(info.st_mode):
                target = os.readlink(name, dir_fd=fd)
                symlinks.append((name, target))
                if not is_inside(target, depth) or not target.isprintable():
                    self.faults.append(f"{below} is a symlink that leaves its tree ({target!a})")
            elif (node := self.file(fd, name, info, below)) is not None:
                files.append((name, node.digest, node.executable))
        if self.faults:
            return Tree(EMPTY)
        return Tree(
            self.batch.add(
                encode_directory(Directory(tuple(files), tuple(folders), tuple(symlinks)))
            )
        )

    def file(self, fd: int, name: str, info: os.stat_result, path: str) -> File | None:
        if not stat.S_ISREG(info.st_mode):
            self.faults.append(f"{path} is a {_kind(info.st_mode)}")
            return None
        if info.st_mode & (stat.S_ISUID | stat.S_ISGID):
            self.faults.append(f"{path} is setuid or setgid")
            return None
        if info.st_nlink > 1:
            _, left = self.links.get((info.st_dev, info.st_ino), (path, info.st_nlink))
            self.links[info.st_dev, info.st_ino] = (path, left - 1)
        if not info.st_mode & 0o400:
            os.chmod(name, 0o400, dir_fd=fd)
        return File(self.batch.add_file(_beneath(fd, name)), bool(info.st_mode & 0o100))

    def _leads_to_output(self, path: str) -> bool:
        return any(wanted.startswith(f"{path}/") for wanted in (*self.wanted, *self.staged))


def _entries(fd: int) -> Iterator[tuple[str, os.stat_result]]:
    for name in sorted(os.listdir(fd)):
        yield name, os.stat(name, dir_fd=fd, follow_symlinks=False)


class _folder:
    """A folder, opened beneath another one or by its path: its descriptor."""

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
    """A path of a file in an open folder; where /proc names no descriptors, /dev/fd has no folders either."""
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
