"""Results of actions (REAPI `ActionResult`) and the nodes of their outputs."""

from __future__ import annotations

from ..lite import TYPE_CHECKING
from ..lite.record import record
from .digest import Digest

if TYPE_CHECKING:
    from typing import TypeAlias


@record
class File:
    """A file that exists in a store: its content and whether it is executable."""

    digest: Digest
    executable: bool = False


@record
class Tree:
    """A folder that exists in a store: the digest of its REAPI `Directory`."""

    digest: Digest


Node: TypeAlias = "File | Tree"


@record
class Result:
    """What a successful action gave (REAPI `ActionResult`): outputs by path, log, and how it ran."""

    outputs: tuple[tuple[str, Node], ...]
    log: Digest
    sandbox: str
    milliseconds: int
