"""The Merkle tree of a folder: REAPI `Directory` messages, identified by their digests."""

from __future__ import annotations

from ..lite import TYPE_CHECKING
from .reapi import Directory, decode_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..types.digest import Digest


def walk_tree(
    top: Digest, read: Callable[[Digest], bytes], seen: set[Digest] | None = None
) -> Iterator[tuple[str, Digest, Directory]]:
    """Yield the path, digest and message of each folder of a tree, parents first.

    Paths are relative to the tree: "" for the tree itself, "/a/b" for a folder in it. `read`
    returns the bytes of a Directory. A folder whose digest is in `seen` is skipped, and each walked
    one is added. Raises ValueError for bytes that are not a Directory, and the exceptions of
    `read`.
    """
    waiting = [("", top)]
    while waiting:
        path, digest = waiting.pop()
        if seen is not None:
            if digest in seen:
                continue
            seen.add(digest)
        folder = decode_directory(read(digest))
        yield path, digest, folder
        waiting += [(f"{path}/{name}", inner) for name, inner in folder.directories]


def is_inside(target: str, depth: int) -> bool:
    """True when a symlink `depth` folders below the top of its tree cannot lead out of the tree.

    Its target must be relative and contain ".." only at its start, so that no other symlink on the
    way can change its meaning.
    """
    parts = target.split("/")
    climbs = next((n for n, part in enumerate(parts) if part != ".."), len(parts))
    return (
        0 < len(target) <= 4096
        and climbs <= depth
        and all(p not in ("", ".", "..") for p in parts[climbs:])
    )
