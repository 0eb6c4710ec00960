"""The inputs and outputs of the last build. If none has changed, there is nothing to do.

A no-op build runs this module and little else, so it imports only what a bare interpreter has
loaded, and `zlib`. A manifest is flat: a header, an array of stat fields, the paths, and the text
to print. A file of another version or with a wrong checksum is no manifest, and any stamp that
differs makes the build look further.

    buildgraph manifest 6\n<crc32 of the rest, 8 hex>\n
    <files> <bytes of the environment, the folders, the text> <checksum of the snapshot>\n
    <environment> <5 int64 for each path> <path\0 ...> <folders> <text>

The folders are those that analysis listed, with what it looked for (`files/entries.py`): a new
stamp of a folder in which all lookups find the same is no change.
"""

from __future__ import annotations

import os
import sys
import zlib

from ..lite import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

MAGIC = b"buildgraph manifest 6\n"
FOLDER = ".buildgraph/manifests"
_CI = "CI", "GITHUB_ACTIONS", "GITLAB_CI"
_NOT_CHECKED = "\n  not checked  "  # begins a line of gates in the text
_NAMED = (
    "BUILDGRAPH_CACHE",
    "BUILDGRAPH_SANDBOX",
    "BUILDGRAPH_SIGNING_KEY",
    "XDG_CACHE_HOME",
    "HOME",
    "PYTHONPATH",
    "PYTHONNOUSERSITE",
    "PYTHONUSERBASE",
)


class InputManifest:
    """The inputs and outputs of the last build of a request, with their stamps.

    `fields` hold five int64 for each of `paths`, which `names` are as bytes of the file; paths in
    the workspace are relative to `root`. `changed` are the numbers of the paths whose stamps differ
    now. `folders` are packed listings. `text` is what to print if nothing has changed: outputs,
    then after NUL what a quiet build leaves out.
    `snapshot` is the checksum of the snapshot that belongs to the manifest.
    """

    def __init__(self, root: str, words: Sequence[str], package: str) -> None:
        self.root, self.words, self.package = root, words, package
        self.name = request_name(words, package)
        self.fields = self.names = self.folders = self.text = b""
        self.paths: list[bytes] = []
        self.changed: list[int] = []
        self.snapshot = 0

    def check(self, cwd: str) -> str | None:
        """Compare all stamps: what to print if nothing has changed, else None.

        `last_check` is this manifest afterwards, or None if there is none that is whole.
        """
        global last_check
        last_check = None
        data = _read(f"{self.root}/{FOLDER}/{self.name}")
        start = len(MAGIC) + 9
        if (
            not data.startswith(MAGIC)
            or b"%08x\n" % zlib.crc32(memoryview(data)[start:]) != data[len(MAGIC) : start]
        ):
            return None
        end = data.index(b"\n", start)
        files, environment_size, folders_size, text_size, self.snapshot = map(
            int, data[start:end].split()
        )
        at = end + 1 + environment_size
        if data[end + 1 : at] != environment(self.words, self.package):
            return None
        end, last = at + 40 * files, len(data) - text_size
        self.fields, self.names = data[at:end], data[end : last - folders_size]
        self.folders, self.text = data[last - folders_size : last], data[last:]
        self.paths = self.names.split(b"\0")[:-1]
        os.chdir(self.root)  # relative paths are short
        self.changed = _changed(self.fields, self.paths)
        if self.changed and self.folders:
            self._ignore_unread_entries()
        os.chdir(cwd)
        last_check = self
        return None if self.changed else self.text.decode()

    def _ignore_unread_entries(self) -> None:
        """Empty `changed` if only folders changed, by entries that no analysis looked for."""
        from .unread_entries import unread_changes

        changed = {number: self.paths[number] for number in self.changed}
        stamps = unread_changes(self.root, self.folders, changed)
        if stamps is None:
            return
        self.changed = []
        if settled := dict(stamps):
            self.restamp(settled)

    def write(
        self, stamps: Mapping[str, tuple[int, ...]], folders: bytes, text: str, snapshot: int
    ) -> None:
        """Write stamps by path, packed listings, the text to print, and the snapshot's checksum.

        A workspace that cannot be written keeps none.
        """
        if _exceeds_int64(stamps):
            return
        self.folders, self.text, self.snapshot = folders, text.encode(), snapshot
        from struct import pack

        fields, root, prefix = bytearray(), self.root, f"{self.root}/"
        names = []
        for path, stamp in sorted(stamps.items()):
            fields += pack("5q", *stamp)
            names.append(
                path[len(prefix) :] if path.startswith(prefix) else relative_path(root, path)
            )
        names.append("")
        self._write(fields, bytearray(os.fsencode("\0".join(names))))

    def update(
        self,
        stamps: Mapping[str, tuple[int, ...]],
        trees: Sequence[str],
        text: str,
        snapshot: int,
    ) -> None:
        """Write again with some new stamps; paths below `trees` without one are dropped."""
        if _exceeds_int64(stamps):
            return
        from struct import pack

        new = {os.fsencode(path): pack("5q", *stamp) for path, stamp in stamps.items()}
        fields, names, paths = bytearray(self.fields), self.names, self.paths
        if trees:
            below = tuple(os.fsencode(tree) + b"/" for tree in trees)
            kept = [
                at for at, path in enumerate(paths) if path in new or not path.startswith(below)
            ]
            fields = bytearray().join(fields[40 * at : 40 * at + 40] for at in kept)
            paths = [paths[at] for at in kept]
        known = {path: at for at, path in enumerate(paths) if path in new}
        for path, at in known.items():
            fields[40 * at : 40 * at + 40] = new[path]
        more = [path for path in new if path not in known]
        if trees or more:
            fields += b"".join(map(new.__getitem__, more))
            names = b"\0".join((*paths, *more, b""))
        self.text, self.snapshot = text.encode(), snapshot
        self._write(fields, names)

    def restamp(self, stamps: Mapping[int, tuple[int, ...]]) -> None:
        """Write again with new stamps of paths by their numbers."""
        if _exceeds_int64(stamps):
            return
        from struct import pack_into

        fields = bytearray(self.fields)
        for number, stamp in stamps.items():
            pack_into("5q", fields, 40 * number, *stamp)
        self._write(fields, self.names)

    def _write(self, fields: bytearray, names: bytes | bytearray) -> None:
        request = environment(self.words, self.package)
        rest = len(request), len(self.folders), len(self.text), self.snapshot
        first = b"%d %d %d %d %d\n" % (len(fields) // 40, *rest)
        parts = (first, request, fields, names, self.folders, self.text)
        from ..files.regular_file import replace_file
        from ..lite.pack import header

        replace_file(f"{self.root}/{FOLDER}/{self.name}", (header(MAGIC, parts)[0], *parts))


last_check: InputManifest | None = None
"""The manifest that this process checked last; a build that goes on does not check again."""


def unchanged(words: list[str], cwd: str) -> int | None:
    """Answer `build WORDS` if nothing has changed: print the last answer and return 0.

    None if a build must look, or if the words are for the parser of options.
    """
    global last_check
    last_check, is_quiet, strict = None, False, None
    if not is_plain(words):
        from .build_words import parse_build_words

        parsed = parse_build_words(words)
        if parsed is None:
            return None
        words, is_quiet = parsed.request_words(), parsed.quiet
        strict = parsed.strict
    root = _root(cwd)
    if root is None:
        return None
    text = InputManifest(root, words, cwd[len(root) + 1 :]).check(cwd)
    if text is None or (_NOT_CHECKED in text and is_strict(strict)):
        return None
    outputs, _, rest = text.partition("\0")
    sys.stdout.write(outputs if is_quiet else outputs + rest)
    sys.stdout.flush()
    return 0


def is_strict(option: bool | None) -> bool:
    """True if a gate that is "not checked" fails a build.

    As the option says, or without one in a job of a CI service.
    """
    if option is not None:
        return option
    return any(os.environ.get(name) in ("true", "1") for name in _CI)


def is_plain(words: Sequence[str]) -> bool:
    """True if words are patterns and none of them is an option."""
    return bool(words) and not any(
        word.startswith("-") and not word.startswith("-//") for word in words
    )


def check_manifest(root: str, words: Sequence[str], package: str) -> None:
    """Check the manifest of a request, for a build that goes on from it (`last_check`)."""
    InputManifest(root, words, package).check(os.getcwd())


def _root(cwd: str) -> str | None:
    folder = cwd
    while not os.path.isdir(f"{folder}/{FOLDER}"):
        parent = os.path.dirname(folder)
        if parent == folder or (os.path.isfile(f"{folder}/BUILD.toml") and _is_root(folder)):
            return None
        folder = parent
    return folder


def _is_root(folder: str) -> bool:
    try:
        with open(f"{folder}/BUILD.toml", "rb") as file:
            return b"[workspace]" in file.read(1 << 22)
    except OSError:
        return False


def request_name(words: Sequence[str], package: str) -> str:
    """The file name of the manifest and the snapshot of a request."""
    data = "\0".join([package, *words]).encode("utf-8", "surrogateescape")
    return f"{zlib.crc32(data):08x}{zlib.adler32(data):08x}"


def environment(words: Sequence[str], package: str) -> bytes:
    """Inputs of a build that are no files: request, interpreter, version, cache, mounts."""
    from .. import __version__

    parts = [__version__, sys.executable, sys.version, package, *words]
    parts += [f"{name}={os.environ.get(name, '')}" for name in _NAMED]
    return "\n".join(parts).replace("\0", "").encode("utf-8", "surrogateescape") + _mounts()


def _mounts() -> bytes:
    """Mounts over programs. They add or hide a program without a change of any folder's stamp."""
    try:
        with open("/proc/self/mountinfo", "rb", buffering=0) as file:
            data = file.readall()
    except OSError:
        return b""
    if b"bin/" not in data:
        return b""
    mounts = (line.split(b" ", 5)[2:5] for line in data.splitlines())  # device, what of it, where
    return b"\n".join(b" ".join(mount) for mount in mounts if b"bin/" in mount[2])


def _read(path: str) -> bytes:
    """The bytes of a regular file, or none."""
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            is_regular = os.fstat(file.fileno()).st_mode & 0o170000 == 0o100000
            return file.read() if is_regular else b""
    except OSError:
        return b""


def _open_at_once(path: str, flags: int) -> int:
    """Open a FIFO or a link without waiting or following.

    `files.regular_file` imports too much for a no-op.
    """
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW)


def _changed(fields: bytes, paths: list[bytes]) -> list[int]:
    stat, number, changed, rest = os.stat, 0, [], iter(memoryview(fields).cast("q"))
    for path, size, mtime, ctime, inode, device in zip(paths, rest, rest, rest, rest, rest):
        try:
            now = stat(path)
            if (
                now.st_mtime_ns != mtime
                or now.st_ctime_ns != ctime
                or now.st_size != size
                or now.st_ino != inode
                or now.st_dev != device
            ):
                changed.append(number)
        except OSError:
            changed.append(number)
        number += 1
    return changed


def relative_path(root: str, path: str) -> str:
    """A path as manifests keep it: relative to the root of the workspace if it lies below."""
    return path[len(root) + 1 :] if path.startswith(f"{root}/") else "." if path == root else path


def _exceeds_int64(stamps: Mapping[Any, tuple[int, ...]]) -> bool:
    """True for a time after the year 2262, or an inode number of more than 63 bits."""
    return any(max(stamp) >> 63 for stamp in stamps.values())
