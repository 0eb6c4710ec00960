"""Requested outputs in the workspace, below `out/`: files themselves, and folders as links to `.buildgraph/built/`.

    out/exports/jetson/agent
    out/exports/jetson/image  ->  ../../../.buildgraph/built/<sha256 of the tree>-image

A build makes each file or link beside its place and gives it its place by one rename, so that what is below `out/` is always
whole; where there is no `out/` yet, as in a clone, all of it is made beside and gets its name by one rename at the end. No
link is followed on the way. What was written is listed (`written.py`): an output that is no longer declared is removed by the
next build that covers its target and starts from BUILD.toml, and so are folders of `built` that no link leads to.
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
from ..lite.record import record
from ..lite.two_threads import run_on_two_threads
from ..sandbox.staging import stage
from ..store.protocol import Store
from ..types.action import Artifact
from ..types.errors import BuildError
from ..types.events import Built, Listener
from ..types.result import File, Node
from .open_folders import (
    BUILT,
    OpenFolders,
    OwnedPaths,
    find_links,
    link_target,
    unwritable_error,
)
from .stored_tree import (
    FOLDER_MODE,
    TreeContents,
    has_contents,
    image_digest,
    tree_contents,
)
from .written_paths import WrittenPaths, content_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import TypeAlias

Other: TypeAlias = "tuple[str, str, Node]"  # an output: path below the workspace, name of its file or folder, what it holds
WRITTEN = ".buildgraph/outputs"
_LARGE = 1 << 18  # bytes of a file that is worth a thread


@record
class InstalledOutputs:
    """What stands in the workspace after a build: the events, and the stamps of all files and of folders that are outputs.

    A stamp is that of what was made or looked at: what another build or a user puts there later must not pass for ours.
    """

    events: tuple[Built, ...]
    outputs: tuple[Other, ...]  # what each event tells of
    files: dict[str, Stamp]


class OutputTree:
    """Puts outputs into a workspace, verifying what is there already; `began` is the time (ns) at which the build began."""

    def __init__(self, root: str, store: Store, sources: SourceFiles, began: int) -> None:
        self._root, self._store, self._sources, self._began = root, store, sources, began
        self._dated = (began or time.time_ns()) - 1
        self._out, self._built = f"{root}/out", f"{root}/{BUILT}"
        self._fresh = f"{self._built}/fresh.{os.getpid()}"
        self._written = WrittenPaths(f"{root}/{WRITTEN}")
        self._apart = ""  # where `out` is made that is not there yet
        self._large: list[tuple[File, str]] = []  # files that are to be made there, and where
        self._wrote = False
        self._folders: set[str] = set()
        self._shown: set[str] = set()  # folders of `built` that links lead to since this build
        self._stamps: dict[str, Stamp] = {}

    def show(
        self,
        wanted: Iterable[RequestedOutput],
        node: Callable[[Artifact], Node],
        listen: Listener,
        scope: OwnedPaths | None = OwnedPaths(),
        stood: Iterable[Other] = (),
    ) -> InstalledOutputs:
        """Make the wanted outputs stand under `out/`, and remove what the `scope` of the request no longer declares.

        Without a scope nothing is removed. Those that `stood` elsewhere stand here, too, and nothing more is told of them.
        OSError when the workspace cannot be written.
        """
        wants = [(want, (want.path, want.file, node(want.artifact))) for want in wanted]
        outputs = [*stood, *(output for _, output in wants)]
        with WorkspaceLock(self._root):
            try:
                self._begin(outputs, scope)
                shown = self._show(outputs[: len(outputs) - len(wants)], wants, listen)
            except BaseException:
                for left in (self._apart, self._fresh) if self._wrote else ():
                    remove(left or self._fresh)
                raise
            if self._wrote and scope is not None:
                self._sweep()
            return shown

    def _begin(self, outputs: Sequence[Other], scope: OwnedPaths | None) -> None:
        """Look at what was written before: remove what is stale, and list what is written now."""
        check_state_folder(self._root)
        self._check_out()
        self._outputs = [(link, content_of(content)) for link, _, content in outputs]
        clash = find_path_conflict(path for path, _ in self._outputs)
        if clash is not None:
            raise path_conflict_error(*clash)
        known = self._written.read() if scope is not None else {}
        self._ways = OpenFolders(self._root, scope, known)
        self._listed = scope is not None
        if scope is None:
            return  # `_claim` lists them when anything changes
        gone = self._ways.remove_stale()
        new = [
            (path, content) for path, content in self._outputs if content not in known.get(path, ())
        ]
        if gone:
            self._claim()
            self._written.write(
                {
                    **known,
                    **{path: known.get(path, set()) | {content} for path, content in self._outputs},
                }
            )
        elif new:
            self._claim()
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

    def _show(
        self,
        stood: Iterable[Other],
        wants: Sequence[tuple[RequestedOutput, Other]],
        listen: Listener,
    ) -> InstalledOutputs:
        events: list[Built] = []
        for link, file, content in stood:
            self._put(link, file, content)
        for want, (link, file, content) in wants:
            size, image = self._put(link, file, content)
            made = Built(str(want.label), want.name, link, content.digest, size, image)
            events.append(made)
            listen(made)
        self._land()
        return InstalledOutputs(tuple(events), tuple(output for _, output in wants), self._stamps)

    def _put(self, link: str, name: str, node: Node) -> tuple[int, str]:
        """Make an output stand and note its stamps; its size, and the digest of the image that it is."""
        if isinstance(node, File):
            self._file(link, node)
            return node.digest.size, ""
        inside = tree_contents(node, self._store.read)
        held = f"{node.digest.hash}-{name}"
        self._stand(node, held, inside, f"{self._root}/{link}")
        self._link(link, held)
        self._shown.add(held)
        return inside.size, image_digest(f"{self._built}/{held}")

    def _stand(self, node: Node, name: str, inside: TreeContents, link: str) -> None:
        """Make a folder of `built` hold a tree; the stamps of what is in it, as the link leads to it."""
        held, fresh = f"{self._built}/{name}", f"{self._fresh}/{name}"
        folders: dict[str, os.stat_result] = {}
        if has_contents(held, inside, self._holds, folders):
            for path, _ in inside.files:
                self._stamps[link + path] = reliable_stamp(
                    self._sources.stamps[held + path], self._began
                )
            for path, found in folders.items():  # a link that is another one shows in its folder
                self._stamps[link + path] = reliable_stamp(stamp_of(found), self._began)
            return
        self._claim()
        remove(self._fresh)
        os.mkdir(self._fresh)
        stage(self._fresh, [(name, node)], self._store)
        for path in inside.names:
            os.chmod(fresh + path, FOLDER_MODE)
        made = (*(path for path, _ in inside.files), *inside.names)
        for path in made:
            set_mtime(fresh + path, self._dated)
        remove(held)
        os.rename(fresh, held)
        os.rmdir(self._fresh)
        for path in made:
            self._stamps[link + path] = stamp_if_mtime(held + path, self._dated)
            self._sources.forget(held + path)

    def _file(self, link: str, file: File) -> None:
        path = f"{self._root}/{link}"
        if not self._apart and self._reaches(link) and self._holds(path, file):
            self._stamps[path] = reliable_stamp(self._sources.stamps[path], self._began)
            return
        self._claim()
        self._sources.forget(path)
        if not self._apart:
            self._stamps[path] = self._turn(link, lambda fresh: self._place((file, fresh)))
            return
        place = self._way(link)
        if file.digest.size > _LARGE:
            self._large.append((file, place))
        else:
            self._place((file, place))
            self._stamps[path] = stamp_if_mtime(place, self._dated)

    def _place(self, made: tuple[File, str]) -> None:
        file, path = made
        self._store.place(file.digest, path, file.executable)
        set_mtime(path, self._dated)

    def _way(self, link: str) -> str:
        """Where an output is made apart; its folders are made."""
        place = f"{self._apart}{link[3:]}"
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
        """Whether the folder of an output is there, without a link on the way."""
        folder = link.rpartition("/")[0]
        if folder not in self._folders:
            try:
                os.close(self._ways.opened(folder, make=False))
            except OSError:
                return False
            self._folders.add(folder)
        return True

    def _turn(self, link: str, make: Callable[[str], object]) -> Stamp:
        """Make something and give it its place by one rename; its stamp."""
        folder, _, name = link.rpartition("/")
        above = self._ways.opened(folder)
        try:
            make(self._fresh)
            try:
                self._rename(self._fresh, (above, name), link)
            except OSError as fault:
                remove(self._fresh)
                if fault.errno != errno.EXDEV:
                    raise
                beside = (
                    f"{self._root}/{folder}/.fresh.{os.getpid()}"  # `out` is on a disk of its own
                )
                try:
                    make(beside)
                    self._rename(beside, (above, name), link)
                except BaseException:
                    remove(beside)
                    raise
        finally:
            os.close(above)
        return stamp_if_mtime(f"{self._root}/{link}", self._dated)

    def _rename(self, fresh: str, to: tuple[int, str], link: str) -> None:
        for attempt in range(2):
            try:
                os.rename(fresh, to[1], dst_dir_fd=to[0])
                return
            except IsADirectoryError:
                if attempt:
                    raise obstacle_error(link) from None
                self._ways.clear(link)
            except PermissionError as fault:
                raise unwritable_error(link, fault) from None

    def _holds(self, path: str, file: File) -> bool:
        try:
            return os.lstat(path).st_mode == stat.S_IFREG | (
                0o555 if file.executable else 0o444
            ) and self._sources.digest(path) == (file.digest, file.executable)
        except (OSError, BuildError):
            return False

    def _link(self, link: str, held: str) -> None:
        target = link_target(link, held)
        if not self._apart and self._reaches(link):
            try:
                if os.readlink(f"{self._root}/{link}") == target:
                    return
            except OSError:
                pass
        self._claim()
        if self._apart:
            os.symlink(target, self._way(link))
        else:
            self._turn(link, lambda fresh: os.symlink(target, fresh))

    def _claim(self) -> None:
        """Before the first write: make the folders, and hide from git those that buildgraph makes."""
        if self._wrote:
            return
        self._wrote = True
        ours = f"{self._root}/.buildgraph"
        try:
            os.makedirs(ours, exist_ok=True)
            make_folder(self._built)
        except PermissionError as fault:
            raise unwritable_error(".buildgraph", fault) from None
        remove(self._fresh)  # of an earlier process that had this number
        write_gitignore(ours)
        if not os.path.lexists(self._out):
            self._apart = f"{self._built}/out.{os.getpid()}"
            remove(self._apart)
            os.mkdir(self._apart)
            write_gitignore(self._apart)
        if not self._listed:
            self._written.add(self._outputs)

    def _land(self) -> None:
        """Give all that was made apart its name."""
        if not self._apart:
            return
        if self._large:
            run_on_two_threads(self._place, self._large)
            for _, place in self._large:
                self._stamps[self._out + place.removeprefix(self._apart)] = stamp_if_mtime(
                    place, self._dated
                )
        try:
            os.rename(self._apart, self._out)
        except OSError as fault:
            if fault.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise unwritable_error("out", fault) from None
            remove(self._apart)
            raise obstacle_error("out") from None

    def _sweep(self) -> None:
        doubtful = {*os.listdir(self._built)} - self._shown
        if doubtful:  # to look for links means to walk through all of out/
            used = {os.path.basename(os.readlink(link)) for link in find_links(self._out)}
            for name in doubtful - used:
                remove(f"{self._built}/{name}")
