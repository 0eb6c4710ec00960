"""The entries of a folder on which an analysis depends, and their comparison with those of today.

An analysis looks for some entries of a folder: a name, the files that match a glob, or folders. A
new entry of another name or kind changes nothing, so only the entries that were looked for are kept
and compared. A lookup is a text:

    =NAME            the entry of a name
    fFIRST/LAST      the files whose names begin with FIRST and end with LAST
    dFIRST/LAST      the folders and links, in the same way
    *                every entry

FIRST and LAST are the parts of a glob before its first and after its last wildcard, so a lookup may
find more than the glob matches, and never less. A name that begins with a dot is found if FIRST
does.
"""

from __future__ import annotations

import os

from ..lite import TYPE_CHECKING
from ..lite.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

EVERY = "*"
"""The lookup of every entry."""
SUBFOLDERS = "d/"
"""The lookup of all folders that may contain sources."""
NO_SOURCES = frozenset({"out", "node_modules", "__pycache__"})
"""Names of folders that never contain sources. No glob finds them."""
_BUILT = frozenset({"out", ".buildgraph"})  # by builds, in the root of a workspace
_WILDCARDS = "*?["


def named(name: str) -> str:
    """The lookup of the entry of a name."""
    return f"={name}"


def matching(glob: str, folders: bool) -> str:
    """The lookup of the files, or of the folders and links, whose names match a part of a glob."""
    first = min((at for at in map(glob.find, _WILDCARDS) if at >= 0), default=-1)
    if first < 0:
        return named(glob)
    # A bracket ends at a `]`, and no wildcard does.
    last = max(map(glob.rfind, "*?[]"))
    return f"{'d' if folders else 'f'}{glob[:first]}/{glob[last + 1 :]}"


class Listing(Record):
    """The lookups in a folder, and the entries that they found.

    An entry is its name. That of a folder ends in a slash, and the target of a link follows `@`.
    """

    lookups: frozenset[str]
    entries: frozenset[str]

    def is_current(self, root: str, folder: str) -> bool:
        """True if the lookups find the same entries now; OSError if the folder cannot be listed."""
        return find_now(root, folder, self.lookups) == self.entries


def find_now(root: str, folder: str, lookups: Iterable[str]) -> frozenset[str]:
    """The entries of a folder that lookups find now; OSError if it cannot be listed."""
    with os.scandir(folder) as entries:
        return find(folder == root, entries, lookups)


def find(
    is_root: bool, entries: Iterable[os.DirEntry[str]], lookups: Iterable[str]
) -> frozenset[str]:
    """The entries that lookups find, without those that builds make in the root of a workspace."""
    names = {lookup[1:] for lookup in lookups if lookup[0] == "="}
    globs = [(lookup[0], *lookup[1:].split("/")) for lookup in lookups if lookup[0] in "df"]
    is_every = EVERY in lookups
    return frozenset(
        _text(entry)
        for entry in entries
        if (is_every or entry.name in names or (globs and _is_matched(entry, globs)))
        and not (is_root and entry.name in _BUILT)
    )


def _is_matched(entry: os.DirEntry[str], globs: Sequence[Sequence[str]]) -> bool:
    """True if an entry matches one of (kind of lookup, first part, last part) of names."""
    name = entry.name
    for kind, first, last in globs:
        if not name.startswith(first) or not name.endswith(last):
            continue
        if name[0] == "." and first[:1] != ".":
            continue
        if kind == "d":
            is_found = name not in NO_SOURCES and (entry.is_symlink() or _is_folder(entry))
        else:
            is_found = not _is_folder(entry)
        if is_found:
            return True
    return False


def _text(entry: os.DirEntry[str]) -> str:
    name = f"{entry.name}/" if _is_folder(entry) else entry.name
    if not entry.is_symlink():
        return name
    try:
        return f"{name}@{os.readlink(entry.path)}"
    except OSError:  # it was removed meanwhile
        return f"{name}@"


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a circle of links
        return False


def listing_strings(listings: Mapping[str, Listing]) -> list[str]:
    """Listings by folder as strings: folder, number of lookups, lookups, number found, entries."""
    return [
        string
        for folder, listing in listings.items()
        for string in (
            folder,
            str(len(listing.lookups)),
            *sorted(listing.lookups),
            str(len(listing.entries)),
            *sorted(listing.entries),
        )
    ]


def listings_of(strings: Sequence[str]) -> dict[str, Listing]:
    """The listings by folder of `listing_strings`."""
    listings, at = dict[str, Listing](), 0
    while at < len(strings):
        middle = at + 2 + int(strings[at + 1])
        end = middle + 1 + int(strings[middle])
        lookups = frozenset(strings[at + 2 : middle])
        entries = frozenset(strings[middle + 1 : end])
        listings[strings[at]], at = Listing(lookups, entries), end
    return listings
