"""Requested outputs below `out/`: files, and folders as links to `.buildgraph/built/`.

    out/exports/jetson/agent
    out/exports/jetson/image  ->  ../../../.buildgraph/built/<sha256 of the tree>-image

A build makes each file or link beside its place and renames it, so everything below `out/` is
always complete. If there is no `out/` yet, as in a clone, the whole folder is made beside its place
and renamed at the end. No link is followed on the way. Written paths are listed
(`written_paths.py`): the next build that covers a target and does not go on from the last one
removes outputs that are no longer declared, and folders of `built` without a link.
"""

from __future__ import annotations

import errno
import os
import stat
import time

from ..files.regular_file import make_folder
from ..files.remove_tree import remove
from ..files.stamp import Stamp, reliable_stamp, set_mtime, stamp_if_mtime, stamp_of
from ..files.state_folder import (
    WorkspaceLock,
    check_state_folder,
    obstacle_error,
    write_gitignore,
)
from ..host.source_files import SourceFiles
from ..keys.action_graph import RequestedOutput, find_path_conflict, path_conflict_error
from ..lite import TYPE_CHECKING
from ..lite.two_threads import run_on_two_threads
from ..store.protocol import Store
from ..types.action import Artifact
from ..types.errors import BuildError
from ..types.events import Built, Listener
from ..types.result import File, Node
from .built_folder import BuiltFolder, earlier_folder
from .installed_outputs import InstalledOutputs
from .open_folders import (
    BUILT,
    OpenFolders,
    OwnedPaths,
    find_links,
    link_target,
    unwritable_error,
)
from .stored_tree import TreeContents, has_contents, image_digest, tree_contents
from .written_paths import WrittenPaths, content_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .installed_outputs import PlacedOutput

WRITTEN = ".buildgraph/outputs"
_LARGE = 1 << 18  # bytes from which a second thread speeds up copying


class OutputTree:
    """Writes outputs into a workspace and verifies those already there.

    `began` is the start of the build in ns.
    """

    def __init__(self, root: str, store: Store, sources: SourceFiles, began: int) -> None:
        self._root, self._store, self._sources, self._began = root, store, sources, began
        self._dated = (began or time.time_ns()) - 1
        self._out, self._built = f"{root}/out", f"{root}/{BUILT}"
        self._fresh = f"{self._built}/fresh.{os.getpid()}"
        self._written = WrittenPaths(f"{root}/{WRITTEN}")
        self._staging = ""  # the folder that becomes `out`, if there is none yet
        self._large: list[tuple[File, str]] = []  # files to copy there, and their paths
        self._wrote = False
        self._folders: set[str] = set()
        self._linked: set[str] = set()  # folders of `built` to which this build made links
        self._stamps: dict[str, Stamp] = {}

    def write(
        self,
        wanted: Iterable[RequestedOutput],
        node: Callable[[Artifact], Node],
        listen: Listener,
        scope: OwnedPaths | None = OwnedPaths(),
        others: Iterable[PlacedOutput] = (),
    ) -> InstalledOutputs:
        """Write outputs below `out/`, and remove old ones of `scope` that are not declared.

        Without a scope nothing is removed. `others` are written as well, and without an event.
        OSError if the workspace cannot be written.
        """
        wants = [(want, (want.path, want.file, node(want.artifact))) for want in wanted]
        outputs = [*others, *(output for _, output in wants)]
        with WorkspaceLock(self._root):
            try:
                self._begin(outputs, scope)
                installed = self._install(outputs[: len(outputs) - len(wants)], wants, listen)
            except BaseException:
                for path in (self._staging, self._fresh) if self._wrote else ():
                    remove(path or self._fresh)
                raise
            if self._wrote and scope is not None:
                self._sweep()
            return installed

    def _begin(self, outputs: Sequence[PlacedOutput], scope: OwnedPaths | None) -> None:
        """Remove stale outputs, and add the new ones to the list of written paths."""
        check_state_folder(self._root)
        self._check_out()
        self._entries = [(link, content_of(content)) for link, _, content in outputs]
        clash = find_path_conflict(path for path, _ in self._entries)
        if clash is not None:
            raise path_conflict_error(*clash)
        known = self._written.read() if scope is not None else {}
        self._open_folders = OpenFolders(self._root, scope, known)
        self._listed = scope is not None
        if scope is None:
            return  # `_before_first_write` lists them if anything changes
        gone = self._open_folders.remove_stale()
        new = [
            (path, content) for path, content in self._entries if content not in known.get(path, ())
        ]
        if gone:
            self._before_first_write()
            self._written.write(
                {
                    **known,
                    **{path: known.get(path, set()) | {content} for path, content in self._entries},
                }
            )
        elif new:
            self._before_first_write()
            self._written.add(new)

    def _check_out(self) -> None:
        try:
            mode = os.lstat(self._out).st_mode
        except FileNotFoundError:
            return
        if stat.S_ISLNK(mode):  # the links in it are relative to the workspace
            raise BuildError(
                "out is a link", None, "remove it: out/ is a folder of the workspace", "environment"
            )
        if not stat.S_ISDIR(mode):
            raise obstacle_error("out")

    def _install(
        self,
        others: Iterable[PlacedOutput],
        wants: Sequence[tuple[RequestedOutput, PlacedOutput]],
        listen: Listener,
    ) -> InstalledOutputs:
        events: list[Built] = []
        for link, file, content in others:
            self._put(link, file, content)
        for want, (link, file, content) in wants:
            size, image = self._put(link, file, content)
            event = Built(str(want.label), want.name, link, content.digest, size, image)
            events.append(event)
            listen(event)
        self._commit()
        return InstalledOutputs(tuple(events), tuple(output for _, output in wants), self._stamps)

    def _put(self, link: str, name: str, node: Node) -> tuple[int, str]:
        """Write an output and note its stamps; its size, and its digest if it is an image."""
        if isinstance(node, File):
            self._file(link, node)
            return node.digest.size, ""
        inside = tree_contents(node, self._store.read)
        folder = f"{node.digest.hash}-{name}"
        new = self._install_tree(node, folder, inside, link)
        self._link(link, folder)
        self._linked.add(folder)
        for path, stamp in new.stamps() if new is not None else ():
            self._stamps[f"{self._root}/{link}{path}"] = stamp
            self._sources.forget(f"{self._built}/{folder}{path}")
        return inside.size, image_digest(f"{self._built}/{folder}")

    def _install_tree(
        self, node: Node, name: str, inside: TreeContents, link: str
    ) -> BuiltFolder | None:
        """Write a tree to a folder of `built`; None if it is there, with its stamps noted."""
        folder, top = f"{self._built}/{name}", f"{self._root}/{link}"
        folders: dict[str, os.stat_result] = {}
        if has_contents(folder, inside, self._holds, folders):
            for path, _ in inside.files:
                self._stamps[top + path] = reliable_stamp(
                    self._sources.stamps[folder + path], self._began
                )
            for path, status in folders.items():  # another link changes the stamp of its folder
                self._stamps[top + path] = reliable_stamp(stamp_of(status), self._began)
            return None
        self._before_first_write()
        earlier = "" if self._staging else earlier_folder(self._root, link)
        new = BuiltFolder(folder, self._fresh, earlier, self._began)
        new.write(node, inside, self._store, self._dated)
        return new

    def _file(self, link: str, file: File) -> None:
        path = f"{self._root}/{link}"
        if not self._staging and self._reaches(link) and self._holds(path, file):
            self._stamps[path] = reliable_stamp(self._sources.stamps[path], self._began)
            return
        self._before_first_write()
        self._sources.forget(path)
        if not self._staging:
            self._stamps[path] = self._rename_into_place(
                link, lambda fresh: self._place((file, fresh))
            )
            return
        place = self._staged_path(link)
        if file.digest.size > _LARGE:
            self._large.append((file, place))
        else:
            self._place((file, place))
            self._stamps[path] = stamp_if_mtime(place, self._dated)

    def _place(self, placed: tuple[File, str]) -> None:
        file, path = placed
        self._store.place(file.digest, path, file.executable)
        set_mtime(path, self._dated)

    def _staged_path(self, link: str) -> str:
        """The path of an output in the staging folder. Its folders are made."""
        place = f"{self._staging}{link[3:]}"
        folder = place.rpartition("/")[0]
        if folder not in self._folders:
            self._folders.add(folder)
            try:
                os.mkdir(folder)
            except FileNotFoundError:
                os.makedirs(folder, exist_ok=True)
            except FileExistsError:
                pass
        return place

    def _reaches(self, link: str) -> bool:
        """True if the folder of an output exists and no link leads to it."""
        folder = link.rpartition("/")[0]
        if folder not in self._folders:
            try:
                os.close(self._open_folders.opened(folder, make=False))
            except OSError:
                return False
            self._folders.add(folder)
        return True

    def _rename_into_place(self, link: str, make: Callable[[str], object]) -> Stamp:
        """Make a file or a link and rename it to its place; its stamp."""
        self._open_folders.put(link, self._fresh, make)
        return stamp_if_mtime(f"{self._root}/{link}", self._dated)

    def _holds(self, path: str, file: File) -> bool:
        try:
            return os.lstat(path).st_mode == stat.S_IFREG | (
                0o555 if file.executable else 0o444
            ) and self._sources.digest(path) == (file.digest, file.executable)
        except (OSError, BuildError):
            return False

    def _link(self, link: str, folder: str) -> None:
        target = link_target(link, folder)
        if not self._staging and self._reaches(link):
            try:
                if os.readlink(f"{self._root}/{link}") == target:
                    return
            except OSError:
                pass
        self._before_first_write()
        if self._staging:
            os.symlink(target, self._staged_path(link))
        else:
            self._rename_into_place(link, lambda fresh: os.symlink(target, fresh))

    def _before_first_write(self) -> None:
        """Make buildgraph's folders, and hide them from git."""
        if self._wrote:
            return
        self._wrote = True
        ours = f"{self._root}/.buildgraph"
        try:
            os.makedirs(ours, exist_ok=True)
            make_folder(self._built)
        except PermissionError as error:
            raise unwritable_error(".buildgraph", error) from None
        remove(self._fresh)  # of an earlier process with the same number
        write_gitignore(ours)
        if not os.path.lexists(self._out):
            self._staging = f"{self._built}/out.{os.getpid()}"
            remove(self._staging)
            os.mkdir(self._staging)
            write_gitignore(self._staging)
        if not self._listed:
            self._written.add(self._entries)

    def _commit(self) -> None:
        """Rename the staging folder to `out`."""
        if not self._staging:
            return
        if self._large:
            run_on_two_threads(self._place, self._large)
            for _, place in self._large:
                self._stamps[self._out + place.removeprefix(self._staging)] = stamp_if_mtime(
                    place, self._dated
                )
        try:
            os.rename(self._staging, self._out)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise unwritable_error("out", error) from None
            remove(self._staging)
            raise obstacle_error("out") from None

    def _sweep(self) -> None:
        unlinked = {*os.listdir(self._built)} - self._linked
        if unlinked:  # finding other links takes a walk through all of out/
            used = {os.path.basename(os.readlink(link)) for link in find_links(self._out)}
            for name in unlinked - used:
                remove(f"{self._built}/{name}")
