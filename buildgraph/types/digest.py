"""Digests: SHA-256 and size of a blob (REAPI v2 `Digest`). Nothing else names bytes."""

from __future__ import annotations

from ..lite.record import Record
from ..lite.sha256 import sha256

_HEX = frozenset("0123456789abcdef")


class Digest(Record, order=True):
    """Content address of a blob: lower-case hex SHA-256 and its size in bytes."""

    hash: str
    size: int

    @classmethod
    def of(cls, data: bytes) -> Digest:
        """The digest of bytes in memory."""
        return cls(sha256(data).hexdigest(), len(data))

    @classmethod
    def parse(cls, text: str) -> Digest:
        """Parse `<64 hex digits>/<size>`; ValueError for any other text."""
        sha, _, size = text.partition("/")
        if len(sha) != 64 or not _HEX.issuperset(sha) or not (size.isascii() and size.isdigit()):
            raise ValueError(f"not a digest: {text!r}")
        return cls(sha, int(size))

    def __str__(self) -> str:
        return f"{self.hash}/{self.size}"

    @property
    def oci(self) -> str:
        """The form of OCI descriptors: `sha256:<hex>`."""
        return f"sha256:{self.hash}"


EMPTY = Digest.of(b"")
