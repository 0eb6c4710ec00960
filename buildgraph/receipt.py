"""What the last successful build of a request saw: when all of it still stands, there is nothing to do.

This is the path of a build in which nothing changed, so it imports nothing that a bare interpreter has not loaded but
`array` and `zlib`. A receipt is flat: a header, one array of stat fields, the paths, and what to say. A wrong magic,
version, length or checksum, or any stamp that moved, is "no receipt": the full build then finds out what happened.

    buildgraph receipt 3\n<crc32 of the rest, 8 hex>\n
    <files> <environment bytes> <text bytes> <mark>\n<environment> <5 int64 for each path> <path\0 ...> <text>
"""
from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAGIC = b"buildgraph receipt 3\n"
FOLDER = ".buildgraph/receipts"
_NAMED = ("BUILDGRAPH_CACHE", "BUILDGRAPH_SANDBOX", "XDG_CACHE_HOME", "HOME")

# What the last look of this process found, so that a build that must go on need not look again:
# (root, request), stamps, paths, numbers of the paths that moved, mark of the snapshot that belongs to the receipt.
found: tuple[tuple[str, str], Sequence[int], list[bytes], list[int], int] | None = None


def unchanged(words: list[str], cwd: str) -> int | None:
    """Answer `build WORDS` from its receipt: print what it built and return 0, or None when the build must look.

    Only plain patterns are answered; every option takes the full path.
    """
    if not words or any(word.startswith("-") and not word.startswith("-//") for word in words):
        return None
    root = _root(cwd)
    if root is None:
        return None
    package = cwd[len(root) + 1:]
    text = _standing(root, name_of(words, package), environment(words, package))
    if text is None:
        return None
    sys.stdout.write(text)
    sys.stdout.flush()
    return 0


def look(root: str, words: Sequence[str], package: str) -> None:
    """Look at what the last build of a request saw, for one that goes on from there (`found`)."""
    _standing(root, name_of(words, package), environment(words, package))


def _root(cwd: str) -> str | None:
    folder = cwd
    while not os.path.isdir(f"{folder}/{FOLDER}"):
        parent = os.path.dirname(folder)
        if parent == folder or os.path.exists(f"{folder}/BUILD.toml") and _marked(folder):
            return None
        folder = parent
    return folder


def _marked(folder: str) -> bool:
    with open(f"{folder}/BUILD.toml", "rb") as file:
        return b"[workspace]" in file.read(1 << 22)


def name_of(words: Sequence[str], package: str) -> str:
    """The file name of a request's receipt and snapshot."""
    import zlib
    data = "\0".join([package, *words]).encode("utf-8", "surrogateescape")
    return f"{zlib.crc32(data):08x}{zlib.adler32(data):08x}"


def environment(words: Sequence[str], package: str) -> bytes:
    """What besides files decides whether a receipt holds: the request, the interpreter, the version, the cache."""
    from . import __version__
    parts = [__version__, sys.executable, sys.version, package, *words]
    parts += [f"{name}={os.environ.get(name, '')}" for name in _NAMED]
    return "\n".join(parts).replace("\0", "").encode("utf-8", "surrogateescape")


def _standing(root: str, name: str, said: bytes) -> str | None:
    global found
    found = None
    import zlib
    from array import array
    try:
        with open(f"{root}/{FOLDER}/{name}", "rb") as file:
            data = file.read()
    except OSError:
        return None
    start = len(MAGIC) + 9
    if not data.startswith(MAGIC) or b"%08x\n" % zlib.crc32(data[start:]) != data[len(MAGIC):start]:
        return None
    head, _, body = data[start:].partition(b"\n")
    files, held, words, mark = map(int, head.split())
    fields, stamps = array("q"), 40 * files
    if body[:held] != said:
        return None
    fields.frombytes(body[held:held + stamps])
    paths = body[held + stamps:len(body) - words].split(b"\0")[:-1]
    moved = _moved(fields, paths)
    found = (root, name), fields, paths, moved, mark
    return None if moved else body[len(body) - words:].decode()


def _moved(fields: Sequence[int], paths: list[bytes]) -> list[int]:
    look, at, moved = os.stat, 0, []
    for path in paths:
        try:
            found = look(path)
            if (found.st_mtime_ns != fields[at + 1] or found.st_ctime_ns != fields[at + 2]
                    or found.st_size != fields[at] or found.st_ino != fields[at + 3] or found.st_dev != fields[at + 4]):
                moved.append(at // 5)
        except OSError:
            moved.append(at // 5)
        at += 5
    return moved


def write(root: str, name: tuple[Sequence[str], str], files: Mapping[str, tuple[int, ...]], text: str,
          mark: int) -> None:
    """Leave a receipt for a request (its words, its package): stamps of files by path, what to say, the snapshot's mark.

    A workspace that cannot be written keeps none.
    """
    import zlib
    from array import array
    fields, paths = array("q"), bytearray()
    for path, stamp in sorted(files.items()):
        if max(stamp) >> 63:
            return   # a stamp after the year 2262, or an inode beyond 63 bits
        fields.extend(stamp)
        paths += os.fsencode(path) + b"\0"
    said, told = environment(*name), text.encode()
    head = b"%d %d %d %d\n" % (len(files), len(said), len(told), mark)
    rest = head + said + fields.tobytes() + bytes(paths) + told
    target = f"{root}/{FOLDER}/{name_of(*name)}"
    try:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(f"{target}.{os.getpid()}", "wb") as file:
            file.write(MAGIC + b"%08x\n" % zlib.crc32(rest) + rest)
        os.replace(f"{target}.{os.getpid()}", target)
    except OSError:
        return
