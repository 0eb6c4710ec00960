"""What a result stands on: every blob that its outputs name, those inside trees included."""

from __future__ import annotations

from ..keys.merkle_walk import walk_tree
from ..lite import TYPE_CHECKING
from ..types.digest import Digest
from ..types.result import File, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def blobs_of(result: Result, read: Callable[[Digest], bytes]) -> Iterator[Digest]:
    """Each blob of a result, once; `read` gives the bytes of the Directory of a tree.

    Whatever `read` raises passes through; ValueError on a Directory that is none.
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
            fresh = {digest for _, digest, _ in folder.files} | {folder_digest}
            yield from sorted(fresh - seen)
            seen |= fresh
