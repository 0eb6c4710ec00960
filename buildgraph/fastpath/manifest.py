"""What the last successful build of a request saw: when all of it still stands, there is nothing to do.

This is the path of a build in which nothing changed, so it imports nothing that a bare interpreter has not loaded but
`zlib`. A receipt is flat: a header, one array of stat fields, the paths, and what to say. A wrong magic,
version, length or checksum, or any stamp that moved, is "no receipt": the full build then finds out what happened.

    buildgraph receipt 4\n<crc32 of the rest, 8 hex>\n
    <files> <environment bytes> <text bytes> <mark>\n<environment> <5 int64 for each path> <path\0 ...> <text>
"""

from __future__ import annotations

import os
import sys
import zlib

from ..lite import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAGIC = b"buildgraph receipt 4\n"
FOLDER = ".buildgraph/receipts"
_NAMED = (
    "BUILDGRAPH_CACHE",
    "BUILDGRAPH_SANDBOX",
    "XDG_CACHE_HOME",
    "HOME",
    "PYTHONPATH",
    "PYTHONNOUSERSITE",
    "PYTHONUSERBASE",
)


class ManifestCheck:
    """What the last look of this process found: for a build that must go on, so that it need not look again.

    `fields` hold five int64 for each of `paths`, which `names` are as they stand in the receipt; `moved` are the numbers of
    those that moved, `mark` is that of the snapshot that belongs to the receipt. Paths in the workspace are relative to its
    `root`.
    """

    def __init__(self, root: str, request: tuple[Sequence[str], str]) -> None:
        self.root, self.request, self.name = root, request, request_name(*request)
        self.fields = self.names = b""
        self.paths: list[bytes] = []
        self.moved: list[int] = []
        self.mark = 0


last_check: ManifestCheck | None = None


def unchanged(words: list[str], cwd: str) -> int | None:
    """Answer `build WORDS` from its receipt: print what it built and return 0, or None when the build must look.

    Only plain patterns are answered; every option takes the full path.
    """
    global last_check
    last_check = None
    if not is_plain(words):
        return None
    root = _root(cwd)
    if root is None:
        return None
    text = _standing(ManifestCheck(root, (words, cwd[len(root) + 1 :])), cwd)
    if text is None:
        return None
    sys.stdout.write(text)
    sys.stdout.flush()
    return 0


def is_plain(words: Sequence[str]) -> bool:
    """Whether words are patterns and no option is among them."""
    return bool(words) and not any(
        word.startswith("-") and not word.startswith("-//") for word in words
    )


def check_manifest(root: str, words: Sequence[str], package: str) -> None:
    """Look at what the last build of a request saw, for one that goes on from there (`found`)."""
    _standing(ManifestCheck(root, (words, package)), os.getcwd())


def _root(cwd: str) -> str | None:
    folder = cwd
    while not os.path.isdir(f"{folder}/{FOLDER}"):
        parent = os.path.dirname(folder)
        if parent == folder or (os.path.isfile(f"{folder}/BUILD.toml") and _marked(folder)):
            return None
        folder = parent
    return folder


def _marked(folder: str) -> bool:
    try:
        with open(f"{folder}/BUILD.toml", "rb") as file:
            return b"[workspace]" in file.read(1 << 22)
    except OSError:
        return False


def request_name(words: Sequence[str], package: str) -> str:
    """The file name of a request's receipt and snapshot."""
    data = "\0".join([package, *words]).encode("utf-8", "surrogateescape")
    return f"{zlib.crc32(data):08x}{zlib.adler32(data):08x}"


def environment(words: Sequence[str], package: str) -> bytes:
    """What besides files decides whether a receipt holds: the request, the interpreter, the version, the cache, mounts."""
    from .. import __version__

    parts = [__version__, sys.executable, sys.version, package, *words]
    parts += [f"{name}={os.environ.get(name, '')}" for name in _NAMED]
    return "\n".join(parts).replace("\0", "").encode("utf-8", "surrogateescape") + _mounts()


def _mounts() -> bytes:
    """What is mounted over single programs: that brings one or hides one, and no folder's stamp moves."""
    try:
        with open("/proc/self/mountinfo", "rb", buffering=0) as file:
            data = file.readall()
    except OSError:
        return b""
    if b"bin/" not in data:
        return b""
    mounts = (line.split(b" ", 5)[2:5] for line in data.splitlines())  # device, what of it, where
    return b"\n".join(b" ".join(mount) for mount in mounts if b"bin/" in mount[2])


def _standing(looked: ManifestCheck, cwd: str) -> str | None:
    global last_check
    last_check = None
    try:
        with open(f"{looked.root}/{FOLDER}/{looked.name}", "rb", opener=_at_once) as file:
            data = (
                file.read() if os.fstat(file.fileno()).st_mode & 0o170000 == 0o100000 else b""
            )  # a regular file
    except OSError:
        return None
    start = len(MAGIC) + 9
    if (
        not data.startswith(MAGIC)
        or b"%08x\n" % zlib.crc32(memoryview(data)[start:]) != data[len(MAGIC) : start]
    ):
        return None
    end = data.index(b"\n", start)
    files, held, words, looked.mark = map(int, data[start:end].split())
    at = end + 1
    if data[at : at + held] != environment(*looked.request):
        return None
    at += held
    looked.fields, looked.names = (
        data[at : at + 40 * files],
        data[at + 40 * files : len(data) - words],
    )
    looked.paths = looked.names.split(b"\0")[:-1]
    os.chdir(looked.root)  # the paths are relative to it, and so they are short
    looked.moved = _moved(looked.fields, looked.paths)
    os.chdir(cwd)
    last_check = looked
    return None if looked.moved else data[len(data) - words :].decode()


def _at_once(path: str, flags: int) -> int:
    """Open what may be a FIFO or a link, without waiting and without following; `regular.py` is dear here."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW)


def _moved(fields: bytes, paths: list[bytes]) -> list[int]:
    look, number, moved, rest = os.stat, 0, [], iter(memoryview(fields).cast("q"))
    for path, size, mtime, ctime, inode, device in zip(paths, rest, rest, rest, rest, rest):
        try:
            found = look(path)
            if (
                found.st_mtime_ns != mtime
                or found.st_ctime_ns != ctime
                or found.st_size != size
                or found.st_ino != inode
                or found.st_dev != device
            ):
                moved.append(number)
        except OSError:
            moved.append(number)
        number += 1
    return moved


def dedupe_folders(root: str, path: str) -> str:
    """A path as receipts hold it: relative to the workspace's root when it lies in it."""
    return path[len(root) + 1 :] if path.startswith(f"{root}/") else "." if path == root else path


def write(
    root: str,
    request: tuple[Sequence[str], str],
    files: Mapping[str, tuple[int, ...]],
    text: str,
    mark: int,
) -> None:
    """Leave a receipt for a request (its words, its package): stamps of files by path, what to say, the snapshot's mark.

    A workspace that cannot be written keeps none.
    """
    if any(max(stamp) >> 63 for stamp in files.values()):
        return  # a stamp after the year 2262, or an inode beyond 63 bits
    from struct import pack

    fields, names = bytearray(), bytearray()
    for path, stamp in sorted(files.items()):
        fields += pack("5q", *stamp)
        names += os.fsencode(dedupe_folders(root, path)) + b"\0"
    _write(ManifestCheck(root, request), fields, names, text.encode(), mark)


def update(
    looked: ManifestCheck,
    fresh: Mapping[str, tuple[int, ...]],
    trees: Sequence[str],
    text: str,
    mark: int,
) -> None:
    """Write a receipt again with other stamps; what it knows below `trees` and is not in `fresh` is there no more."""
    if any(max(stamp) >> 63 for stamp in fresh.values()):
        return  # as for `write`
    from struct import pack

    new = {os.fsencode(path): pack("5q", *stamp) for path, stamp in fresh.items()}
    fields, names, paths = bytearray(looked.fields), looked.names, looked.paths
    if trees:
        below = tuple(os.fsencode(tree) + b"/" for tree in trees)
        kept = [at for at, path in enumerate(paths) if path in new or not path.startswith(below)]
        fields = bytearray().join(fields[40 * at : 40 * at + 40] for at in kept)
        paths = [paths[at] for at in kept]
    known = {path: at for at, path in enumerate(paths) if path in new}
    for path, at in known.items():
        fields[40 * at : 40 * at + 40] = new[path]
    more = [path for path in new if path not in known]
    if trees or more:
        fields += b"".join(map(new.__getitem__, more))
        names = b"\0".join((*paths, *more, b""))
    _write(looked, fields, names, text.encode(), mark)


def _write(
    looked: ManifestCheck, fields: bytearray, names: bytes | bytearray, told: bytes, mark: int
) -> None:
    said = environment(*looked.request)
    head = b"%d %d %d %d\n" % (len(fields) // 40, len(said), len(told), mark)
    parts = (head, said, fields, names, told)
    check = 0
    for part in parts:
        check = zlib.crc32(part, check)
    from ..files.regular_file import replace_file

    replace_file(f"{looked.root}/{FOLDER}/{looked.name}", (MAGIC, b"%08x\n" % check, *parts))
