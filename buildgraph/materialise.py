"""Requested outputs in the workspace, below `out/`: files themselves, and folders as links to `.buildgraph/built/`.

    out/exports/jetson/agent
    out/exports/jetson/image  ->  ../../../.buildgraph/built/<sha256 of the tree>-image

A build writes anew and turns file or link by one rename, so that what stands under `out/` is always whole; where there is
no `out/` yet, as in a clone, all of it is made beside and gets its name by one rename at the end. Folders that no link leads
to any more are removed by the next build that starts from BUILD.toml and writes.
"""
from __future__ import annotations

import fcntl
import os
import stat
import time

from .errors import BuildError
from .events import Built, Listener
from .execute.staging import stage
from .model import Artifact, File, Node, Tree
from .pair import Pair
from .reapi import decode_directory
from .regular import make_folder
from .removal import remove
from .source import Sources
from .stamp import Stamp, trusted, written
from .steps import Wanted
from .store.protocol import Store
from .noun import noun

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import TypeAlias

Other: TypeAlias = "tuple[str, str, Node]"   # an output: path below the workspace, name of its file or folder, what it holds
BUILT = ".buildgraph/built"
_LARGE = 1 << 18   # bytes of a file that is worth a thread


@noun
class Shown:
    """What stands in the workspace after a build: the events, and the stamp of every file, as the links lead to it.

    The stamps are taken while no other build can turn a link: what one puts there later must not pass for ours. A file that
    somebody else changed meanwhile has the stamp NEVER.
    """

    root: str
    events: tuple[Built, ...]
    files: dict[str, Stamp]

    def copy_to(self, folder: str) -> None:
        """Copy the outputs to a folder of the user's, each under its label's path when there are several labels."""
        labels = {event.label for event in self.events}
        for event in self.events:
            _, *parts = event.path.split("/")
            target = os.path.join(folder, *(parts if len(labels) > 1 else parts[-1:]))
            _replace(os.path.realpath(os.path.join(self.root, event.path)), target)


class Materialiser:
    """Puts outputs into a workspace, verifying what is there already.

    Files are dated to just before `began`, the time (ns) at which the build began. Whoever writes to one dates it later, even
    within the same tick of the clock, so a stamp shows that a file is still the one that was put in place.
    """

    def __init__(self, root: str, store: Store, sources: Sources, began: int) -> None:
        self._root, self._store, self._sources, self._began = root, store, sources, began
        self._dated = (began or time.time_ns()) - 1
        self._out, self._built = f"{root}/out", os.path.join(root, BUILT)
        self._fresh = f"{self._built}/fresh.{os.getpid()}"
        self._apart = ""   # where `out` is made that is not there yet
        self._large: list[tuple[File, str]] = []   # files that are to be made there, and where
        self._wrote = False
        self._folders: set[str] = set()
        self._shown: set[str] = set()   # folders of `built` that links lead to since this build

    def show(self, wanted: Iterable[Wanted], node: Callable[[Artifact], Node], listen: Listener, sweep: bool = True,
             stood: Iterable[Other] = ()) -> Shown:
        """Make the wanted outputs stand under `out/`, and `sweep` away what no link leads to any more.

        Those that `stood` elsewhere stand here, too, and nothing more is told of them. OSError when the workspace cannot
        be written.
        """
        with _alone(self._root):
            try:
                shown = self._show(wanted, node, listen, stood)
            except BaseException:
                for left in filter(None, (self._apart, self._wrote and self._fresh)):
                    remove(left)
                raise
            if self._wrote and sweep:
                self._sweep()
            return shown

    def _show(self, wanted: Iterable[Wanted], node: Callable[[Artifact], Node], listen: Listener,
              stood: Iterable[Other]) -> Shown:
        events: list[Built] = []
        files: dict[str, Stamp | int] = {}
        for link, file, content in stood:
            self._put(link, file, content, files)
        for want in wanted:
            content = node(want.artifact)
            link = "/".join(filter(None, ("out", want.label.package, want.label.name, want.file)))
            size, image = self._put(link, want.file, content, files)
            made = Built(str(want.label), want.name, link, content.digest, size, image)
            events.append(made)
            listen(made)
        self._land()
        return Shown(self._root, tuple(events), {
            path: written(path, seen, self._dated) if isinstance(seen, int) else seen for path, seen in files.items()})

    def _put(self, link: str, name: str, node: Node, files: dict[str, Stamp | int]) -> tuple[int, str]:
        """Make an output stand; its size, and the digest of the image that it is.

        Its files are added: each with the stamp by which it was verified, or its size when it was written.
        """
        path = f"{self._root}/{link}"
        if isinstance(node, File):
            files[path] = self._file(path, node)
            return node.digest.size, ""
        inside = list(self._inside(node, ""))
        held = f"{node.digest.hash}-{name}"
        files.update((f"{path}{below}", seen) for below, seen in self._stand(node, held, inside).items())
        self._link(path, held)
        self._shown.add(held)
        return sum(file.digest.size for _, file in inside), _image(os.path.join(self._built, held))

    def _inside(self, node: Node, path: str) -> Iterator[tuple[str, File]]:
        """The files of a node as (path below it with its `/`, file); a file is its own only one."""
        if isinstance(node, File):
            yield path, node
            return
        found = decode_directory(self._store.read(node.digest))
        for name, digest, executable in found.files:
            yield f"{path}/{name}", File(digest, executable)
        for name, digest in found.directories:
            yield from self._inside(Tree(digest), f"{path}/{name}")

    def _seen(self, path: str) -> Stamp:
        """The stamp by which a file was verified."""
        return trusted(self._sources.seen[path], self._began)

    def _stand(self, node: Node, name: str, inside: list[tuple[str, File]]) -> dict[str, Stamp | int]:
        held = os.path.join(self._built, name)
        if all(self._holds(held + path, file) for path, file in inside) and (inside or os.path.isdir(held)):
            return {path: self._seen(held + path) for path, _ in inside}
        self._claim()
        os.mkdir(self._fresh)
        stage(self._fresh, [(name, node)], self._store)
        for path, _ in inside:
            self._date(os.path.join(self._fresh, name) + path)
        remove(held)
        os.rename(os.path.join(self._fresh, name), held)
        os.rmdir(self._fresh)
        for path, _ in inside:
            self._sources.forget(held + path)
        return {path: file.digest.size for path, file in inside}

    def _file(self, path: str, file: File) -> Stamp | int:
        if not self._apart and self._holds(path, file):
            return self._seen(path)
        self._claim()
        fresh = self._way(path)
        if fresh and file.digest.size > _LARGE:
            self._large.append((file, fresh))
        else:
            self._place((file, fresh or self._fresh))
        if not fresh:
            self._turn(self._fresh, path)
        self._sources.forget(path)
        return file.digest.size

    def _place(self, made: tuple[File, str]) -> None:
        file, path = made
        self._store.place(file.digest, path, file.executable)
        self._date(path)

    def _date(self, path: str) -> None:
        os.utime(path, ns=(self._dated, self._dated))

    def _way(self, path: str) -> str:
        """Make the folders of an output; where it is to be made apart, when it is."""
        place = f"{self._apart}{path.removeprefix(self._out)}" if self._apart else path
        folder = place.rpartition("/")[0]
        if folder not in self._folders:
            self._folders.add(folder)
            try:
                os.mkdir(folder)
            except FileNotFoundError:
                self._make(folder)
            except (FileExistsError, NotADirectoryError):
                if not os.path.isdir(folder):
                    raise self._in_the_way(path) from None
        return place if self._apart else ""

    def _turn(self, fresh: str, path: str) -> None:
        """Give what was made anew its place."""
        try:
            os.rename(fresh, path)
        except OSError:
            remove(fresh)
            raise self._in_the_way(path) from None

    def _in_the_way(self, path: str) -> BuildError:
        return BuildError(f"{os.path.relpath(path, self._root)} cannot be made: something is in the way", None,
                          "move it: out/ is for outputs alone", "environment")

    def _holds(self, path: str, file: File) -> bool:
        try:
            return (stat.S_ISREG(os.lstat(path).st_mode)
                    and self._sources.digest(path) == (file.digest, file.executable))
        except OSError:
            return False

    def _link(self, link: str, held: str) -> None:
        target = "../" * (link.count("/") - self._root.count("/") - 1) + f"{BUILT}/{held}"
        try:
            if os.readlink(link) == target:
                return
        except OSError:
            pass
        self._claim()
        fresh = self._way(link)
        os.symlink(target, fresh or self._fresh)
        if not fresh:
            self._turn(self._fresh, link)

    def _claim(self) -> None:
        """Before the first write: make the folders, and tell git that they are not the user's."""
        if self._wrote:
            return
        self._wrote = True
        if os.path.islink(self._out):   # the links in it are relative to the workspace
            raise BuildError("out is a link", None, "remove it: out/ is a folder of the workspace", "environment")
        ours = f"{self._root}/.buildgraph"
        self._make(ours)
        make_folder(self._built)
        remove(self._fresh)   # of an earlier process that had this number
        if not os.path.exists(self._out):
            self._apart = f"{self._built}/out.{os.getpid()}"
            remove(self._apart)
        self._make(self._apart or self._out)
        for folder in (ours, self._apart or self._out):
            ignore = os.path.join(folder, ".gitignore")
            if not os.path.exists(ignore):
                with open(ignore, "w", encoding="utf-8") as file:
                    file.write("*\n")

    def _make(self, folder: str) -> None:
        try:
            os.makedirs(folder, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise self._in_the_way(folder) from None

    def _land(self) -> None:
        """Give all that was made apart its name."""
        if self._apart:
            if self._large:
                Pair(self._place, self._large).run()
            self._turn(self._apart, self._out)

    def _sweep(self) -> None:
        doubtful = {*os.listdir(self._built)} - self._shown
        if doubtful:   # to look for links means to walk through all of out/
            used = {os.path.basename(os.readlink(link)) for link in _links(os.path.join(self._root, "out"))}
            for name in doubtful - used:
                remove(os.path.join(self._built, name))


class _alone:
    """One build at a time turns the links of a workspace and sweeps behind them; the lock goes with the process."""

    def __init__(self, root: str) -> None:
        try:
            self._fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise BuildError(f"the workspace {root} is gone", None, "build it where it is now", "environment") from None

    def __enter__(self) -> None:
        fcntl.flock(self._fd, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)


def _links(folder: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_symlink():
                yield entry.path
            elif entry.is_dir():
                yield from _links(entry.path)


def _image(path: str) -> str:
    """The manifest digest of an OCI layout; empty for anything else."""
    if not os.path.isfile(os.path.join(path, "oci-layout")):
        return ""
    import json
    with open(os.path.join(path, "index.json"), "rb") as file:
        return str(json.load(file)["manifests"][0]["digest"])


def _replace(source: str, target: str) -> None:
    os.makedirs(os.path.dirname(target) or ".", exist_ok=True)
    fresh = f"{target}.{os.getpid()}"
    import shutil
    if os.path.isdir(source):
        shutil.copytree(source, fresh)
    else:
        shutil.copyfile(source, fresh)
        shutil.copymode(source, fresh)
    for folder, _, names in os.walk(fresh) if os.path.isdir(fresh) else [(os.path.dirname(fresh), [], [fresh])]:
        for name in names:
            path = os.path.join(folder, name)
            os.chmod(path, os.stat(path).st_mode | stat.S_IWUSR)
    remove(target)
    os.rename(fresh, target)
