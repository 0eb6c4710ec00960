"""What a result stands on: every blob that its outputs name, those inside trees included."""
from __future__ import annotations


from ..types.digest import Digest
from ..types.result import File, Result
from ..keys.reapi import decode_directory
from ..lite import TYPE_CHECKING

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
    yield from _beneath(trees, seen, read)


def _beneath(trees: list[Digest], seen: set[Digest], read: Callable[[Digest], bytes]) -> Iterator[Digest]:
    opened: set[Digest] = set()
    while trees:
        tree = trees.pop()
        if tree in opened:
            continue
        opened.add(tree)
        folder = decode_directory(read(tree))
        trees += [digest for _, digest in folder.directories]
        fresh = {digest for _, digest, _ in folder.files} | {tree}
        yield from sorted(fresh - seen)
        seen |= fresh
