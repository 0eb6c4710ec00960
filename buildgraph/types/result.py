"""Results of actions (REAPI `ActionResult`) and the nodes of their outputs."""

from __future__ import annotations

from ..lite import TYPE_CHECKING
from ..lite.record import Record
from .digest import Digest

if TYPE_CHECKING:
    from typing import TypeAlias


class File(Record):
    """A file in a store: its digest, and True if it is executable."""

    digest: Digest
    executable: bool = False


class Tree(Record):
    """A folder in a store: the digest of its REAPI `Directory`."""

    digest: Digest


Node: TypeAlias = "File | Tree"


class Result(Record):
    """The result of a successful action (REAPI `ActionResult`).

    `outputs` are (path, node), `log` is the digest of its standard output and error, `sandbox` is
    the level that it ran at, and `milliseconds` is its wall time.
    """

    outputs: tuple[tuple[str, Node], ...]
    log: Digest
    sandbox: str
    milliseconds: int
