"""What every store promises: blobs by digest, results by key; written once, verified on read."""

from __future__ import annotations

from ..lite import TYPE_CHECKING
from ..types.digest import Digest
from ..types.result import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Protocol
else:
    Protocol = object


class Missing(Exception):
    """A blob is not there, or was there damaged (then it has been quarantined): rebuild what makes it."""

    def __init__(self, digest: Digest) -> None:
        super().__init__(f"no blob {digest}")
        self.digest = digest


class Batch(Protocol):
    """Blobs copied in but not yet visible, and the results that name them; published all at once."""

    def add(self, data: bytes) -> Digest:
        """Copy bytes in."""
        ...

    def add_file(self, path: str) -> Digest:
        """Copy a regular file in, hashing the bytes that are copied; never follows a symlink."""
        ...

    def record(self, key: Digest, result: Result, parts: Mapping[str, bytes]) -> None:
        """Remember a result under its key, with the messages that the key is the digest of (by name)."""
        ...


class Store(Protocol):
    """Blobs and results of all builds of a user; safe to share between processes."""

    def batch(self) -> Batch:
        """Start a batch; `add*` may be called from any thread."""
        ...

    def publish(self, batches: Iterable[Batch] = ()) -> None:
        """Make batches, and all that was kept, durable and visible: blobs first, then results; all or none of a result.

        BuildError with reason "environment" (disk full, I/O) leaves the store as it was; a batch is published or
        dropped, never both.
        """
        ...

    def keep(self, batch: Batch) -> None:
        """Let this process read what a batch holds, blobs and results; the next `publish` makes it durable and visible.

        Until then a crash forgets it as if it had never been.
        """
        ...

    def drop(self, batch: Batch) -> None:
        """Forget a batch that will not be published."""
        ...

    def has(self, digest: Digest) -> bool:
        """Whether a blob of that name and size is there (a cheap look, no proof)."""
        ...

    def read(self, digest: Digest) -> bytes:
        """The verified bytes of a blob; Missing when absent or damaged."""
        ...

    def place(
        self,
        digest: Digest,
        path: str,
        executable: bool,
        create: Callable[[str], int] | None = None,
    ) -> None:
        """Copy a blob to a new file, verified while copying, mode 0444 or 0555; Missing leaves no file.

        `create` makes the file and opens it for writing, where the store should not do that itself; bytes that stand
        in it are overwritten and cut off.
        """
        ...

    def remembers(self, key: Digest) -> bool:
        """Whether a record stands for a key (a cheap look, no proof), which is noted as in use."""
        ...

    def recall(self, key: Digest) -> Result | None:
        """The result of a key, when its record is whole and every blob it names is there."""
        ...

    def parts(self, key: Digest) -> Mapping[str, bytes] | None:
        """The messages recorded with a key, for `why`; None when the record is gone."""
        ...
