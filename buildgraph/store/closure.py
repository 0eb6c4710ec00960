"""Closure of a result: every blob that its outputs name, those inside trees included."""

from __future__ import annotations

from ..keys.merkle_walk import walk_tree
from ..lite import TYPE_CHECKING
from ..types.digest import Digest
from ..types.result import File, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def blobs_of(result: Result, read: Callable[[Digest], bytes]) -> Iterator[Digest]:
    """Yield each blob of a result once; `read` returns the bytes of a tree's Directory.

    Raises ValueError for bytes that are no Directory; what `read` raises passes through.
    """
    seen = {result.log}
    yield result.log
    trees: list[Digest] = []
    for _, node in result.outputs:
        if not isinstance(node, File):
            trees.append(node.digest)
        elif node.digest not in seen:
            seen.add(node.digest)
            yield node.digest
    walked: set[Digest] = set()
    for tree in trees:
        for _, folder_digest, folder in walk_tree(tree, read, walked):
            unseen = {digest for _, digest, _ in folder.files} | {folder_digest}
            yield from sorted(unseen - seen)
            seen |= unseen
