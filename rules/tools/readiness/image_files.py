"""Files of an OCI layout, read from its layers without a daemon and without unpacking them."""

from __future__ import annotations

import json
import posixpath
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from readiness.binary import MAGIC, Binary, read_binary
from readiness.secrets import find_host_paths, find_secrets, secret_name

_LARGEST_TEXT = 4 << 20  # bytes of a file in which secrets are searched
_LARGEST_BINARY = 512 << 20
_PIECE = 1 << 20
_KEPT = ("var/lib/dpkg/", "lib/apk/db/installed", "etc/ld.so.conf")
_KINDS = {
    tarfile.DIRTYPE: "directory",
    tarfile.SYMTYPE: "symlink",
    tarfile.LNKTYPE: "hard link",
    tarfile.CHRTYPE: "device",
    tarfile.BLKTYPE: "device",
    tarfile.FIFOTYPE: "device",
}


class UnreadableImage(Exception):
    """A layer that this machine cannot read, such as one compressed with zstd."""


@dataclass(frozen=True)
class ImageFile:
    """A file of an image. `path` has no leading slash; `data` is kept for package databases."""

    path: str
    kind: str
    mode: int
    target: str = ""
    binary: Binary | None = None
    data: bytes = b""


@dataclass
class ImageContent:
    """An image: configuration, files as a container sees them, and findings in all layers.

    `secrets` and `host_paths` are lines such as "etc/key: private key". Host paths are searched in
    the topmost layer, which this build has written.
    """

    config: dict[str, Any]
    files: dict[str, ImageFile] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)
    host_paths: list[str] = field(default_factory=list)

    def resolve(self, path: str) -> ImageFile | None:
        """Return the file at a path, with symlinks followed inside the image."""
        waiting, reached = path.strip("/").split("/"), ""
        for _ in range(400):
            if not waiting:
                return self.files.get(reached)
            name = waiting.pop(0)
            if name in ("", "."):
                continue
            here = posixpath.normpath(posixpath.join(reached, name)).removeprefix("../").strip("/")
            here = "" if here in (".", "..") else here
            entry = self.files.get(here)
            if entry is not None and entry.kind == "symlink":
                if entry.target.startswith("/"):
                    reached = ""
                waiting = [*entry.target.split("/"), *waiting]
            else:
                reached = here
        return None


def load_image(layout: Path) -> ImageContent:
    """Read the one image of a layout; UnreadableImage for a layer in another compression."""
    index = json.loads((layout / "index.json").read_text())
    manifest = json.loads(_blob(layout, index["manifests"][0]["digest"]).read_text())
    config = json.loads(_blob(layout, manifest["config"]["digest"]).read_text())
    content = ImageContent(config)
    layers = manifest["layers"]
    for number, layer in enumerate(layers):
        stream = _Unpacked(_blob(layout, layer["digest"]))
        try:
            with tarfile.open(fileobj=stream, mode="r|") as archive:  # type: ignore[call-overload]
                _add_layer(content, archive, is_own=number == len(layers) - 1)
        except (tarfile.TarError, zlib.error) as error:
            raise UnreadableImage(f"layer {number + 1} is no tar archive: {error}") from error
    return content


def _blob(layout: Path, digest: str) -> Path:
    return layout / "blobs" / digest.replace(":", "/", 1)


class _Unpacked:
    """The bytes of a layer, unpacked: plain, or gzip of one or several members."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        first = self._file.read(4)
        self._file.seek(0)
        if first == b"\x28\xb5\x2f\xfd":
            raise UnreadableImage("a layer is compressed with zstd, which is not read here")
        self._pieces = _gzip(self._file) if first[:2] == b"\x1f\x8b" else _plain(self._file)
        self._rest = b""

    def read(self, size: int) -> bytes:
        parts, length = [self._rest], len(self._rest)
        while length < size and (piece := next(self._pieces, b"")):
            parts.append(piece)
            length += len(piece)
        data = b"".join(parts)
        self._rest = data[size:]
        return data[:size]


def _plain(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        yield piece


def _gzip(file: IO[bytes]) -> Iterator[bytes]:
    member, data = zlib.decompressobj(31), b""
    while data or (data := file.read(_PIECE)):
        if piece := member.decompress(data, _PIECE):
            yield piece
        data = member.unconsumed_tail
        if member.eof:
            data, member = member.unused_data, zlib.decompressobj(31)


def _add_layer(content: ImageContent, archive: tarfile.TarFile, *, is_own: bool) -> None:
    """Put the files of a layer over those of the layers below."""
    files = content.files
    below = dict(files)
    for member in archive:
        path = member.name.removeprefix("./").strip("/")
        folder, _, name = path.rpartition("/")
        if name == ".wh..wh..opq":
            _remove(files, [old for old in below if old.startswith(f"{folder}/")])
        elif name.startswith(".wh."):
            gone = f"{folder}/{name[4:]}".lstrip("/")
            _remove(files, [old for old in below if old == gone or old.startswith(f"{gone}/")])
        elif path:
            if path in below and below[path].kind == "directory" and not member.isdir():
                _remove(files, [old for old in below if old.startswith(f"{path}/")])
            data = b""
            if member.isreg():
                stream = archive.extractfile(member)
                data = _read(stream, member.size) if stream is not None else b""
                _search(content, path, data, is_own)
            files[path] = _file(files, member, path, data)


def _remove(files: dict[str, ImageFile], paths: list[str]) -> None:
    for path in paths:
        files.pop(path, None)


def _read(stream: IO[bytes], size: int) -> bytes:
    """Return the bytes of a file: all of an ELF file, of others as much as is searched."""
    first = stream.read(min(size, _LARGEST_TEXT))
    if first[:4] == MAGIC and size <= _LARGEST_BINARY:
        return first + stream.read()
    return first


def _file(
    files: dict[str, ImageFile], member: tarfile.TarInfo, path: str, data: bytes
) -> ImageFile:
    if member.islnk():
        other = files.get(member.linkname.removeprefix("./").strip("/"))
        if other is not None:
            return ImageFile(path, other.kind, other.mode, "", other.binary, other.data)
    kind = _KINDS.get(member.type, "file")
    kept = data if path.startswith(_KEPT) or path.endswith(".dist-info/METADATA") else b""
    return ImageFile(path, kind, member.mode, member.linkname, read_binary(data), kept)


def _search(content: ImageContent, path: str, data: bytes, is_own: bool) -> None:
    kinds = [*secret_name(path, data), *find_secrets(data)]
    content.secrets += [f"{path}: {kind}" for kind in kinds]
    if is_own:
        content.host_paths += [f"{path}: {text}" for text in find_host_paths(data)]
