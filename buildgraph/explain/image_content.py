"""The content of images: configuration, layers and files, of a layout or a registry.

Nothing is extracted: layers are read as streams, within limits.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ..docker import oci_layout
from ..registry.client import Repository
from ..registry.documents import Descriptor, Manifest, parse_descriptor, parse_manifest
from ..registry.pull import BlobDownload
from ..types.errors import BuildError

_LARGEST_CONFIG = 4 << 20
_MOST_FILES, _MOST_BYTES = 1_000_000, 8 << 30
_PIECE = 1 << 20
_KINDS = {
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.DIRTYPE: "directory",
    tarfile.SYMTYPE: "symlink",
    tarfile.LNKTYPE: "hardlink",
    tarfile.CHRTYPE: "device",
    tarfile.BLKTYPE: "device",
    tarfile.FIFOTYPE: "fifo",
}


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A member of a layer. `digest` is that of the content of a file, '' for other kinds.

    `mode` has the permission bits, `size` is in bytes, `mtime` in seconds since 1970. `target` is
    that of a link.
    """

    path: str
    kind: str
    mode: int
    owner: str
    size: int
    mtime: int
    target: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class ImageLayer:
    """A layer: its descriptor, how it was made, and its files in the order of the archive."""

    descriptor: Descriptor
    created_by: str
    files: tuple[ImageFile, ...]

    @property
    def unpacked(self) -> int:
        """The bytes of all files."""
        return sum(file.size for file in self.files)


class BlobSource(Protocol):
    """A place that has the blobs of images."""

    def document(self, digest: str) -> bytes:
        """Return a manifest after a check of its digest."""
        ...

    def roots(self) -> tuple[Descriptor, ...]:
        """Return the descriptors of the images."""
        ...

    def blob(self, descriptor: Descriptor) -> Path:
        """Return a file with the bytes of a blob, which were compared with its digest."""
        ...


@dataclass(frozen=True, slots=True)
class LayoutSource:
    """The folder of an OCI layout."""

    folder: Path

    def document(self, digest: str) -> bytes:
        """Return a manifest."""
        return oci_layout.read_blob(self.folder, digest)

    def roots(self) -> tuple[Descriptor, ...]:
        """Return the descriptors of `index.json`; BuildError if the folder is no layout."""
        try:
            entries = json.loads(oci_layout.read_document(self.folder, "index.json"))["manifests"]
            return tuple(parse_descriptor(entry, "index.json") for entry in entries)
        except (OSError, ValueError, KeyError, TypeError, tarfile.TarError) as error:
            raise BuildError(
                f"{self.folder} is not an OCI image layout: {type(error).__name__}: {error}",
                fix="name the folder of a layout, a label, or a reference such as host/name:tag",
                reason="usage",
            ) from None

    def blob(self, descriptor: Descriptor) -> Path:
        """Return the path of a blob after a check of its digest."""
        path = self.folder / oci_layout.blob_path(descriptor.digest)
        hasher = hashlib.sha256()
        with path.open("rb") as file:
            for piece in iter(lambda: file.read(_PIECE), b""):
                hasher.update(piece)
        if descriptor.digest != "sha256:" + hasher.hexdigest():
            raise BuildError(
                f"blob {descriptor.digest} of {self.folder.name} is damaged",
                fix="build or pull the image again",
                reason="broken",
            )
        return path


@dataclass(frozen=True, slots=True)
class RegistrySource:
    """A reference to a registry; blobs are downloaded into a folder."""

    repository: Repository
    folder: Path

    def document(self, digest: str) -> bytes:
        """Return a manifest."""
        return self._manifest(digest)[1]

    def roots(self) -> tuple[Descriptor, ...]:
        """Return the descriptor of the manifest that the reference names."""
        media_type, content, digest = self._manifest(self.repository.reference.version)
        return (Descriptor(parse_manifest(content, media_type).media_type, digest, len(content)),)

    def blob(self, descriptor: Descriptor) -> Path:
        """Download a blob, unless it is there."""
        path = self.folder / descriptor.digest.replace(":", "-")
        if not path.exists():
            part = path.with_suffix(".part")
            BlobDownload(self.repository, descriptor, part).run()
            part.rename(path)
        return path

    def _manifest(self, version: str) -> tuple[str, bytes, str]:
        document = self.repository.manifest(version)
        if document is None:
            raise BuildError(
                f"{self.repository.reference} does not exist",
                fix="check the names of the repository, the tag and the digest",
                reason="usage",
            )
        return document.media_type, document.content, document.digest


@dataclass(frozen=True, slots=True)
class Image:
    """An image for one platform, with the source of its blobs."""

    source: BlobSource
    descriptor: Descriptor
    manifest: Manifest
    config: dict[str, Any]
    layers: tuple[ImageLayer, ...]

    @property
    def platform(self) -> str:
        """The platform as `linux/arm64/v8`."""
        parts = (self.config.get(key) for key in ("os", "architecture", "variant"))
        return "/".join(str(part) for part in parts if part)

    def visible(self) -> dict[str, tuple[ImageFile, int]]:
        """Return the files that a container sees, each with the number of its layer."""
        files: dict[str, tuple[ImageFile, int]] = {}
        for number, layer in enumerate(self.layers):
            for file in layer.files:
                folder, _, name = file.path.rpartition("/")
                if name == ".wh..wh..opq":
                    _hide(files, folder, below_only=True)
                elif name.startswith(".wh."):
                    _hide(files, f"{folder}/{name[4:]}".lstrip("/"))
            for file in layer.files:
                if not file.path.rpartition("/")[2].startswith(".wh."):
                    known = files.get(file.path)
                    if known and known[0].kind == "directory" and file.kind != "directory":
                        _hide(files, file.path)
                    files[file.path] = (file, number)
        return files

    def read(self, path: str, layer: int) -> bytes:
        """Return the content of a file of a layer."""
        with _open_layer(self.source.blob(self.layers[layer].descriptor)) as archive:
            for member in archive:
                if _path(member.name) == path and member.isreg():
                    file = archive.extractfile(member)
                    return file.read() if file else b""
        return b""


def _hide(files: dict[str, tuple[ImageFile, int]], path: str, below_only: bool = False) -> None:
    prefix = f"{path}/" if path else ""
    for name in [name for name in files if name.startswith(prefix)] if prefix else list(files):
        del files[name]
    if not below_only:
        files.pop(path, None)


def read_images(source: BlobSource, platform: str = "") -> list[Image]:
    """Read the images of a source, one for each platform, or for one platform only.

    Raises BuildError for documents or layers that are not valid.
    """
    images = []
    for root in source.roots():
        manifest = parse_manifest(source.document(root.digest), root.media_type, root.digest)
        descriptors = manifest.manifests if manifest.is_index else (root,)
        images += [_read_image(source, descriptor) for descriptor in descriptors]
    chosen = [image for image in images if platform in ("", image.platform)]
    if not chosen:
        raise BuildError(
            f"there is no image for {platform}" if platform else "there is no image",
            fix=f"it has {', '.join(image.platform for image in images)}" if images else "",
            reason="usage",
        )
    return chosen


def _read_image(source: BlobSource, descriptor: Descriptor) -> Image:
    content = source.document(descriptor.digest)
    manifest = parse_manifest(content, descriptor.media_type, descriptor.digest)
    if manifest.config is None or manifest.config.size > _LARGEST_CONFIG:
        raise _invalid(descriptor.digest, "it has no configuration of a usual size")
    try:
        config = json.loads(source.blob(manifest.config).read_bytes())
        history = [one for one in config.get("history") or [] if not one.get("empty_layer")]
        names = [str(one.get("created_by", "")) for one in history]
        names += [""] * len(manifest.layers)
        layers = tuple(
            ImageLayer(layer, name, tuple(_read_files(source.blob(layer))))
            for layer, name in zip(manifest.layers, names, strict=False)
        )
    except (ValueError, AttributeError, TypeError, OSError, zlib.error, EOFError) as error:
        raise _invalid(descriptor.digest, f"{type(error).__name__}: {error}") from None
    except tarfile.TarError as error:
        raise _invalid(descriptor.digest, f"a layer is no tar that can be read: {error}") from None
    return Image(source, descriptor, manifest, config, layers)


def _read_files(path: Path) -> Iterator[ImageFile]:
    count = size = 0
    with _open_layer(path) as archive:
        for member in archive:
            count, size = count + 1, size + member.size
            if count > _MOST_FILES or size > _MOST_BYTES:
                raise ValueError(f"a layer of more than {_MOST_FILES} files or {_MOST_BYTES} bytes")
            digest = ""
            if member.isreg() and (file := archive.extractfile(member)):
                hasher = hashlib.sha256()
                for piece in iter(lambda: file.read(_PIECE), b""):
                    hasher.update(piece)
                digest = "sha256:" + hasher.hexdigest()
            yield ImageFile(
                _path(member.name),
                _KINDS.get(member.type, "other"),
                member.mode & 0o7777,
                f"{member.uid}:{member.gid}",
                member.size if member.isreg() else 0,
                int(member.mtime),
                member.linkname,
                digest,
            )


def _path(name: str) -> str:
    return name.removeprefix("./").strip("/")


@contextmanager
def _open_layer(path: Path) -> Iterator[tarfile.TarFile]:
    """Open a layer as a stream: a tar, plain or in gzip members."""
    with path.open("rb") as file:
        is_gzip = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        stream: Any = gzip.GzipFile(fileobj=file) if is_gzip else file
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            yield archive


def _invalid(digest: str, problem: str) -> BuildError:
    return BuildError(
        f"the image {digest} cannot be read: {problem}",
        fix="build or pull it again; layers in zstd are not read here",
        reason="broken",
    )
