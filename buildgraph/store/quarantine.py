"""Quarantine of a store: a folder for damaged files, and a file that grows with each removal."""

from __future__ import annotations

import os

from ..files.regular_file import make_folder, open_own
from ..lite import TYPE_CHECKING
from ..lite.contextmanagers import suppress

if TYPE_CHECKING:
    from collections.abc import Callable


class Quarantine:
    """The folder `quarantine/` and the file `generation` of a store.

    The generation grows by a byte before and after each removal of files from the store: while its
    size stays the same, nothing was removed. `warn` is called once for each damaged file.
    """

    def __init__(self, root: str, warn: Callable[[str], None]) -> None:
        self.folder = os.path.join(root, "quarantine")
        self.generation = os.path.join(root, "generation")
        self._warn, self._warned = warn, set[str]()

    def make_folder(self, path: str, make: Callable[[str], object]) -> bool:
        """Create a folder of the store by `make`, and move anything else there to quarantine.

        True when the folder was created; OSError when it cannot be.
        """
        return make_folder(path, "" if path == self.folder else self.folder, make)

    def create_generation(self) -> None:
        """Create the file `generation` unless it exists; OSError when the disk refuses."""
        os.close(open_own(self.generation, os.O_WRONLY, self.folder))

    def add(self, path: str, problem: str) -> None:
        """Move a damaged file to quarantine; `problem` begins the warning."""
        self.bump_generation()
        with suppress(OSError):
            name = f"{os.path.basename(path)}-{os.urandom(4).hex()}"
            os.rename(path, os.path.join(self.folder, name))
        self.bump_generation()
        if path not in self._warned:
            self._warned.add(path)
            self._warn(f"{problem} in the cache: moved to {self.folder}, it will be built again")

    def bump_generation(self) -> None:
        """Append a byte to the file `generation`; a disk that refuses is ignored."""
        with suppress(OSError):
            fd = open_own(self.generation, os.O_WRONLY | os.O_APPEND, self.folder)
            with open(fd, "ab") as file:
                file.write(b".")
