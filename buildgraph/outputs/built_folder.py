"""A new folder of `built`: files that its output had before are linked, the others copied.

A link costs a tenth of a copy. A file is linked only if it was at rest when the build began, and if
the linked content has the digest of the new file. The folder of before is removed once the output
links to the new one, so no two folders share a file for longer than that. A folder to which another
output links is left alone.
"""

from __future__ import annotations

import os
import stat

from ..files.remove_tree import remove
from ..files.stamp import Stamp, is_settled, set_mtime, stamp_if_mtime, stamp_of
from ..host.source_files import hash_file
from ..lite import TYPE_CHECKING
from ..lite.contextmanagers import suppress
from ..sandbox.staging import stage
from .open_folders import BUILT, find_links, link_target
from .stored_tree import FOLDER_MODE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..store.protocol import Store
    from ..types.result import File, Node
    from .stored_tree import TreeContents


class BuiltFolder:
    """A folder of `built` that a build writes. `began` is the start of the build in ns.

    `earlier` is the folder that its output had before, or empty.
    """

    def __init__(self, folder: str, fresh: str, earlier: str, began: int) -> None:
        self._folder, self._fresh, self._began = folder, fresh, began
        self._earlier = earlier if earlier != folder else ""
        self._name = os.path.basename(folder)
        self._mtimes: dict[str, int] = {}

    def write(self, node: Node, inside: TreeContents, store: Store, dated: int) -> None:
        """Make the folder beside its place and rename it; `dated` is the mtime of new entries."""
        fresh = f"{self._fresh}/{self._name}"
        remove(self._fresh)
        os.mkdir(self._fresh)
        stage(self._fresh, [(self._name, node)], store, take=self._take)
        for path in inside.names:
            os.chmod(fresh + path, FOLDER_MODE)
        for path in (*(path for path, _ in inside.files), *inside.names):
            if path not in self._mtimes:
                set_mtime(fresh + path, dated)
                self._mtimes[path] = dated
        remove(self._folder)
        os.rename(fresh, self._folder)
        os.rmdir(self._fresh)

    def stamps(self) -> Iterator[tuple[str, Stamp]]:
        """Yield the stamp of each file and folder, after the folder of before is removed.

        The output must link to the new folder. The removal of another link to a file changes its
        ctime, so it comes first.
        """
        if self._earlier:
            remove(self._earlier)
        for path, mtime in self._mtimes.items():
            yield path, stamp_if_mtime(self._folder + path, mtime)

    def _take(self, path: str, file: File) -> bool:
        """Link an equal file of the folder of before; False without one."""
        if not self._earlier:
            return False
        below = path[len(self._name) :]
        old, new = self._earlier + below, f"{self._fresh}/{path}"
        try:
            status = os.lstat(old)
            if not _is_candidate(status, file) or not is_settled(stamp_of(status), self._began):
                return False
            os.link(old, new, follow_symlinks=False)
        except OSError:
            return False
        with suppress(OSError):
            if hash_file(new) == file.digest:
                self._mtimes[below] = status.st_mtime_ns
                return True
        os.unlink(new)
        return False


def earlier_folder(root: str, link: str) -> str:
    """The folder of `built` to which an output links, and no other output; empty if there is none.

    `link` is the path of the output below the workspace.
    """
    try:
        target = os.readlink(f"{root}/{link}")
        name = os.path.basename(target)
        users = [
            other
            for other in find_links(f"{root}/out")
            if os.path.basename(os.readlink(other)) == name
        ]
    except OSError:
        return ""
    is_ours = target == link_target(link, name) and users == [f"{root}/{link}"]
    return f"{root}/{BUILT}/{name}" if is_ours else ""


def _is_candidate(status: os.stat_result, file: File) -> bool:
    """True for a file with the size and the mode of an output, that has no other name."""
    mode = stat.S_IFREG | (0o555 if file.executable else 0o444)
    return status.st_mode == mode and status.st_size == file.digest.size and status.st_nlink == 1
