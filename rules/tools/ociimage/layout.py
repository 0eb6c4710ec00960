"""OCI image layouts (image-spec 1.1) that Docker 20.10 also loads: layers, configuration,
manifest.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import deflate
from ociimage import tar
from ociimage.errors import ImageError

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
LEVEL = 6
MEMBER = 32 << 20
COMPRESSOR = f"deflate@{deflate.__version__} gzip:{LEVEL}"
COMPRESSOR_KEY = "dev.buildgraph.compressor"
_GZIP_HEADER = bytes.fromhex("1f8b08000000000000ff")


@dataclass(frozen=True, slots=True)
class Descriptor:
    """An OCI content descriptor: media type, digest `sha256:<hex>`, size in bytes."""

    media_type: str
    digest: str
    size: int

    def document(self) -> dict[str, Any]:
        """Return the JSON object of the image-spec's `descriptor.md`."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}

    @property
    def blob(self) -> str:
        """Return the path of the blob inside its layout."""
        return blob_path(self.digest)


@dataclass(frozen=True, slots=True)
class Layer:
    """A written layer: `diff_id` is the digest of its tar (`unpacked` bytes), `blob` the compressed
    one.
    """

    name: str
    blob: Descriptor
    diff_id: str
    unpacked: int


@dataclass(frozen=True, slots=True)
class Image:
    """A written image: descriptors of manifest and configuration, layers bottom first, platform."""

    manifest: Descriptor
    config: Descriptor
    layers: tuple[Layer, ...]
    platform: Mapping[str, str] = field(default_factory=dict)

    def summary(self) -> dict[str, Any]:
        """Return the facts for gates and releases; `size` is the sum of all blobs in bytes."""
        return {
            "schema": 1,
            "manifest": self.manifest.digest,
            "config": self.config.digest,
            "size": self.manifest.size
            + self.config.size
            + sum(layer.blob.size for layer in self.layers),
            "unpacked": sum(layer.unpacked for layer in self.layers),
            "platform": dict(self.platform),
            "compressor": COMPRESSOR,
            "layers": [
                {
                    "name": layer.name,
                    "digest": layer.blob.digest,
                    "size": layer.blob.size,
                    "diff_id": layer.diff_id,
                    "unpacked": layer.unpacked,
                }
                for layer in self.layers
            ],
        }


def blob_path(digest: str) -> str:
    """Return the path of the blob with this digest, relative to its layout."""
    return "blobs/" + digest.replace(":", "/", 1)


def canonical(document: Any) -> bytes:
    """Encode JSON with sorted keys, without spaces, in UTF-8."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def write_blob(layout: Path, media_type: str, content: bytes) -> Descriptor:
    """Write `content` into the layout under its digest."""
    descriptor = Descriptor(
        media_type, "sha256:" + hashlib.sha256(content).hexdigest(), len(content)
    )
    target = layout / descriptor.blob
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return descriptor


def gzip_member(content: bytes) -> bytes:
    """Return one gzip member (RFC 1952) by libdeflate, without name and time."""
    packed = deflate.deflate_compress(content, LEVEL)
    return (
        _GZIP_HEADER
        + bytes(packed)
        + struct.pack("<II", zlib.crc32(content), len(content) & 0xFFFFFFFF)
    )


def _members(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Regroup pieces into runs of MEMBER bytes, which bounds memory for any layer size."""
    pending = bytearray()
    for piece in pieces:
        pending += piece
        while len(pending) >= MEMBER:
            yield bytes(pending[:MEMBER])
            del pending[:MEMBER]
    if pending:
        yield bytes(pending)


def write_layer(layout: Path, name: str, entries: Iterable[tar.Entry], epoch: int = 0) -> Layer:
    """Write a layer's blob: the archive of `entries`, one gzip member for every MEMBER bytes."""
    folder = layout / "blobs" / "sha256"
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / "partial"
    plain, packed, unpacked, size = hashlib.sha256(), hashlib.sha256(), 0, 0
    with partial.open("wb") as stream:
        for run in _members(tar.archive(entries, epoch)):
            member = gzip_member(run)
            plain.update(run)
            packed.update(member)
            unpacked, size = unpacked + len(run), size + len(member)
            stream.write(member)
    descriptor = Descriptor(LAYER, "sha256:" + packed.hexdigest(), size)
    partial.replace(layout / descriptor.blob)
    return Layer(name, descriptor, "sha256:" + plain.hexdigest(), unpacked)


def name_annotations(name: str) -> dict[str, Any]:
    """Return the annotations of an image's name, such as "swarm/exports/pi5:latest", for
    `index.json`.

    containerd, k3s and podman read the full name (a short one belongs to docker.io), umoci and
    skopeo the tag. The image itself does not contain it.
    """
    if not name:
        return {}
    whole = f"docker.io/{name}" if "/" in name else f"docker.io/library/{name}"
    return {
        "annotations": {
            "io.containerd.image.name": whole,
            "org.opencontainers.image.ref.name": name.rpartition(":")[2],
        }
    }


def checked_name(name: str) -> str:
    """Return a name with a tag that Docker accepts; ImageError otherwise."""
    part = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
    if len(name) > 255 or not re.fullmatch(
        rf"{part}(?:/{part})*:[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}}", name
    ):
        raise ImageError(f"--name {name!r} is not an image name such as swarm/exports/pi5:latest")
    return name


def write_image(
    layout: Path,
    config: Mapping[str, Any],
    layers: tuple[Layer, ...],
    annotations: Mapping[str, str],
    name: str = "",
) -> Image:
    """Write configuration, manifest, index and Docker's `manifest.json` for written layers."""
    full = {**config, "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]}}
    config_blob = write_blob(layout, CONFIG, canonical(full))
    manifest = write_blob(
        layout,
        MANIFEST,
        canonical(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": config_blob.document(),
                "layers": [layer.blob.document() for layer in layers],
                "annotations": {COMPRESSOR_KEY: COMPRESSOR, **annotations},
            }
        ),
    )
    platform = {key: config[key] for key in ("architecture", "os", "variant") if key in config}
    write_index(layout, [{**manifest.document(), "platform": platform, **name_annotations(name)}])
    # Docker < 25 reads only this file. Its paths are blobs of the layout: one archive for both.
    blobs = [layer.blob.blob for layer in layers]
    docker = [{"Config": config_blob.blob, "RepoTags": [name] if name else None, "Layers": blobs}]
    (layout / "manifest.json").write_bytes(canonical(docker))
    return Image(manifest, config_blob, layers, platform)


def write_index(layout: Path, manifests: list[dict[str, Any]]) -> None:
    """Write `index.json` and `oci-layout` (image-layout.md)."""
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}
    (layout / "index.json").write_bytes(canonical(index))
    (layout / "oci-layout").write_bytes(canonical({"imageLayoutVersion": "1.0.0"}))


def write_archive(layout: Path, target: Path, epoch: int = 0) -> None:
    """Write the layout as a tar that Docker >= 20.10, containerd, podman and skopeo read."""
    paths = [path for path in layout.rglob("*") if path.is_file()]
    entries = tar.complete(
        tar.Entry(path.relative_to(layout).as_posix(), source=path) for path in paths
    )
    with target.open("wb") as stream:
        stream.writelines(tar.archive(entries, epoch))
