"""Read an OCI image layout: select an image by platform, and pack it for Docker."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ..types.errors import BuildError

_PIECE = 1 << 20
_DOCUMENT = 4 << 20
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"
_RUNS = {"amd64": ("386",), "arm64": ("arm",)}  # the 32-bit programs that a processor runs


@dataclass(frozen=True, slots=True)
class LayoutImage:
    """An image of a layout.

    `descriptor` is that of its manifest in the index, `config` the digest of its configuration,
    `layers` are the descriptors of its layers, and `ports` those that it listens on.
    """

    descriptor: Mapping[str, Any]
    config: str
    layers: tuple[Mapping[str, Any], ...]
    platform: str
    ports: tuple[int, ...] = ()

    @property
    def manifest(self) -> str:
        """The digest of its manifest."""
        return str(self.descriptor["digest"])

    def runs_on(self, architecture: str) -> bool:
        """True if a processor runs it without an emulator."""
        return _architecture(self.platform) in (architecture, *_RUNS.get(architecture, ()))


def select_image(source: Path, architecture: str = "") -> LayoutImage:
    """Return the image of a layout, a folder or tar.

    Of several images, the one for a Docker architecture such as `arm64` is returned. Raises
    BuildError if there is none, or the layout is damaged.
    """
    try:
        images = _images(source)
        if len(images) > 1:
            fitting = [
                image for image in images if _architecture(_format_platform(image)) == architecture
            ]
            if not fitting:
                raise _no_image_error(source, images, architecture)
            images = fitting
        descriptor = images[-1]  # the newest variant
        manifest = json.loads(read_blob(source, str(descriptor["digest"])))
        digest = str(manifest["config"]["digest"])
        config = json.loads(read_blob(source, digest))
        exposed = config.get("config", {}).get("ExposedPorts", {})
        ports = tuple(int(port.partition("/")[0]) for port in exposed)
        platform = _join_platform(config)
        return LayoutImage(descriptor, digest, tuple(manifest["layers"]), platform, ports)
    except (OSError, KeyError, TypeError, ValueError, tarfile.TarError) as error:
        raise BuildError(
            f"{source.name} is not an OCI image layout: {type(error).__name__}: {error}",
            fix="name the folder or tar that buildgraph built for an export",
        ) from error


def _no_image_error(source: Path, images: list[dict[str, Any]], architecture: str) -> BuildError:
    platforms = ", ".join(map(_format_platform, images))
    return BuildError(
        f"{source} holds images for {platforms}, and Docker here runs linux/{architecture}",
        reason="usage",
        fix="load the export of one of them, or load it where Docker runs on such a processor",
    )


def _images(source: Path) -> list[dict[str, Any]]:
    """Return the descriptors of the images in a layout, with those of a nested index."""
    images: list[dict[str, Any]] = []
    for descriptor in json.loads(read_document(source, "index.json"))["manifests"]:
        if descriptor["mediaType"] == _INDEX:
            images += json.loads(read_blob(source, str(descriptor["digest"])))["manifests"]
        else:
            images.append(descriptor)
    if not images or any(image["mediaType"] != _MANIFEST for image in images):
        raise ValueError("it contains no image")
    return images


def _format_platform(descriptor: Mapping[str, Any]) -> str:
    return _join_platform(descriptor.get("platform", {}))


def _join_platform(parts: Mapping[str, str]) -> str:
    return "/".join(parts[key] for key in ("os", "architecture", "variant") if key in parts)


def _architecture(platform: str) -> str:
    return [*platform.split("/"), ""][1]


@contextmanager
def open_file(source: Path, name: str) -> Iterator[tuple[IO[bytes], int]]:
    """Open a file of the layout; yield (file, size in bytes)."""
    if source.is_dir():
        with (source / name).open("rb") as stream:
            yield stream, (source / name).stat().st_size
        return
    with tarfile.open(source, "r:") as archive:
        member = archive.extractfile(name)
        if member is None:
            raise KeyError(name)
        yield member, archive.getmember(name).size


def read_document(source: Path, name: str, limit: int = _DOCUMENT) -> bytes:
    """Return at most `limit` bytes of a file of the layout."""
    with open_file(source, name) as (stream, _):
        return stream.read(limit)


def blob_path(digest: str) -> str:
    """Return the path of a blob in a layout."""
    return "blobs/" + digest.replace(":", "/", 1)


def read_blob(source: Path, digest: str, limit: int = _DOCUMENT) -> bytes:
    """Return a blob of at most `limit` bytes; BuildError (reason "broken") if it is damaged."""
    content = read_document(source, blob_path(digest), limit)
    if digest != "sha256:" + hashlib.sha256(content).hexdigest():
        raise BuildError(
            f"blob {digest} of {source.name} is damaged",
            fix="build the image again",
            reason="broken",
        )
    return content


def docker_archive(source: Path, image: LayoutImage) -> Iterator[bytes]:
    """Yield the pieces of a tar of one image, without a name, that Docker 20.10 and later load."""
    bare = {
        key: image.descriptor[key]
        for key in ("mediaType", "digest", "size", "platform")
        if key in image.descriptor
    }
    layers = [str(layer["digest"]) for layer in image.layers]
    documents = {
        "index.json": {"schemaVersion": 2, "mediaType": _INDEX, "manifests": [bare]},
        "manifest.json": [
            {
                "Config": blob_path(image.config),
                "RepoTags": None,
                "Layers": list(map(blob_path, layers)),
            }
        ],
        "oci-layout": {"imageLayoutVersion": "1.0.0"},
    }
    for digest in dict.fromkeys((image.manifest, image.config, *layers)):
        with open_file(source, blob_path(digest)) as (stream, size):
            yield _header(blob_path(digest), size)
            while piece := stream.read(_PIECE):
                yield piece
            yield bytes(-size % tarfile.BLOCKSIZE)
    for name, document in documents.items():
        content = json.dumps(document).encode()
        yield _header(name, len(content)) + content + bytes(-len(content) % tarfile.BLOCKSIZE)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _header(name: str, size: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.size = size
    return member.tobuf(tarfile.USTAR_FORMAT)
