"""Contract of stores: blobs by digest and results by key, written once, verified on read."""

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
    """A blob is absent, or damaged and in quarantine: run the action that produces it."""

    def __init__(self, digest: Digest) -> None:
        super().__init__(f"no blob {digest}")
        self.digest = digest


class Batch(Protocol):
    """Copies of blobs and the results that name them, not visible before they are published."""

    def add(self, data: bytes) -> Digest:
        """Add a blob."""
        ...

    def add_file(self, path: str) -> Digest:
        """Add a regular file, hashing the bytes that are copied; symlinks are not followed."""
        ...

    def reuse(self, digest: Digest) -> bool:
        """True when this batch or the store has a blob, which then needs no copy.

        Its content is not verified: a damaged one is found when it is read, as that of a hit.
        """
        ...

    def record(self, key: Digest, result: Result, parts: Mapping[str, bytes]) -> None:
        """Add a result under its key, with the messages by name that the key is the digest of."""
        ...


class Trust(Protocol):
    """Signatures of what a store shares: the content (a SHA-256) that a name has.

    `kind` is "result" or "graph".
    """

    def sign(self, kind: str, name: str, content: str) -> bytes:
        """Return a signature; empty without a key to sign with."""
        ...

    def accepts(self, kind: str, name: str, content: str, signature: bytes) -> bool:
        """True if a trusted key signed exactly this."""
        ...


class Store(Protocol):
    """Blobs and results of all builds of a user; processes can share one."""

    def batch(self) -> Batch:
        """Start a batch; `add` and `add_file` may be called from any thread."""
        ...

    def publish(self, batches: Iterable[Batch] = ()) -> None:
        """Make batches, and all batches kept before, durable and visible.

        Blobs are published before the results that name them. A BuildError (reason "environment":
        the disk is full or fails) leaves the store unchanged. A batch is either published or
        dropped.
        """
        ...

    def keep(self, batch: Batch) -> None:
        """Let this process read a batch; the next `publish` makes it durable and visible to others.

        A crash before that loses the batch without a trace.
        """
        ...

    def drop(self, batch: Batch) -> None:
        """Discard a batch that will not be published."""
        ...

    def has(self, digest: Digest) -> bool:
        """True when a blob of that name and size exists; its content is not verified."""
        ...

    def read(self, digest: Digest) -> bytes:
        """Read the verified bytes of a blob; Missing when absent or damaged."""
        ...

    def place(
        self,
        digest: Digest,
        path: str,
        executable: bool,
        create: Callable[[str], int] | None = None,
    ) -> None:
        """Copy a blob to a new file with mode 0444 or 0555, verified while copying.

        Missing leaves no file. `create`, where it is set, creates the file and returns its
        descriptor; bytes that the file already has are overwritten and cut off.
        """
        ...

    def remembers(self, key: Digest) -> bool:
        """True when a key has a record, which is marked as in use; its content is not verified."""
        ...

    def recall(self, key: Digest) -> Result | None:
        """Return the result of a key; None unless its record and every blob that it names exist."""
        ...

    def parts(self, key: Digest) -> Mapping[str, bytes] | None:
        """Return the messages recorded with a key, for `why`; None without a record."""
        ...
