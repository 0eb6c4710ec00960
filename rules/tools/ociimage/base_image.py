"""Base images: the image of one platform, verified, and never rewritten."""

from __future__ import annotations

import hashlib
import json
import shutil
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ociimage import layout as oci
from ociimage.errors import ImageError
from ociimage.unpack import LARGEST_LAYER, unpacked

LARGEST_DOCUMENT = 4 << 20
DIGEST_KEY = "org.opencontainers.image.base.digest"
_PLATFORM = ("os", "architecture", "variant")
_DOCKER = "application/vnd.docker."
_INDEXES = (oci.INDEX, f"{_DOCKER}distribution.manifest.list.v2+json")
_MANIFESTS = (oci.MANIFEST, f"{_DOCKER}distribution.manifest.v2+json")
_LAYERS = {
    oci.LAYER: oci.LAYER,
    oci.LAYER.removesuffix("+gzip"): oci.LAYER.removesuffix("+gzip"),
    oci.LAYER.replace("+gzip", "+zstd"): oci.LAYER.replace("+gzip", "+zstd"),
    f"{_DOCKER}image.rootfs.diff.tar.gzip": oci.LAYER,
    f"{_DOCKER}image.rootfs.diff.tar": oci.LAYER.removesuffix("+gzip"),
}
"""Media types of layers, and their names in the OCI format; the bytes are the same."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A source of images: `document` returns a manifest, `pieces` those of a blob of a size."""

    document: Callable[[str], bytes]
    pieces: Callable[[str, int], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Base:
    """A base image: its digest, configuration, and layers with the digests of their tars."""

    digest: str
    config: dict[str, Any]
    layers: tuple[oci.Layer, ...]
    folder: Path

    def copy(self, out: Path, config: dict[str, Any]) -> tuple[oci.Layer, ...]:
        """Copy the layers into the layout `out` for an image with a configuration.

        The image gets the environment of the base, except for variables of its own. Raises
        ImageError if the platforms differ.
        """
        mine, platform = platform_of(self.config), platform_of(config)
        if not fits(mine, platform):
            raise ImageError(f"the base image is for {mine}, and the image for {platform}")
        for layer in self.layers:
            target = out / layer.blob.blob
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.folder / layer.blob.blob, target)
        process = config["config"]
        own = process.get("Env", [])
        names = {text.partition("=")[0] for text in own}
        below = [text for text in self._process("Env") if text.partition("=")[0] not in names]
        if below:
            process["Env"] = [*below, *own]
        return self.layers

    def history(self, when: str) -> list[dict[str, Any]]:
        """Return the entries of the layers; without a history of its own they have the time
        `when`.
        """
        entries = self.config.get("history") or []
        if sum(not entry.get("empty_layer") for entry in entries) == len(self.layers):
            return list(entries)
        return [{"created": when, "created_by": layer.name} for layer in self.layers]

    def _process(self, key: str) -> list[str]:
        return list((self.config.get("config") or {}).get(key) or [])


def fetch(digest: str, platform: str, reader: Reader, out: Path) -> oci.Descriptor:
    """Write the layout of the image for a platform; return the descriptor of its manifest.

    `digest` is that of a manifest or an index. Raises ImageError for bytes that differ from their
    digest.
    """
    manifest, content, digest = _select(digest, platform, reader.document)
    descriptor = oci.write_blob(out, str(manifest.get("mediaType", oci.MANIFEST)), content)
    for entry in (manifest["config"], *manifest["layers"]):
        _write_checked(out, entry, reader.pieces(entry["digest"], entry["size"]))
    config = load_config(out, manifest)
    mine = platform_of(config)
    if not fits(mine, platform):
        raise ImageError(f"{digest} is an image for {mine}, and the board needs {platform}")
    names = [key for key in _PLATFORM if config.get(key)]
    entry = {**descriptor.document(), "platform": {key: config[key] for key in names}}
    oci.write_index(out, [entry])
    return descriptor


def fits(mine: str, platform: str) -> bool:
    """Return True if an image for a platform runs on another: `linux/arm64` means v8."""
    return _normal(mine) == _normal(platform)


def _normal(platform: str) -> str:
    return f"{platform}/v8" if platform == "linux/arm64" else platform


def _select(
    digest: str, platform: str, read_document: Callable[[str], bytes]
) -> tuple[dict[str, Any], bytes, str]:
    """Return the manifest for a platform as document and bytes, and its digest."""
    content = _checked(read_document(digest), digest)
    document = _parse(content, digest)
    if document["mediaType"] in _INDEXES:
        entries = {
            platform_of(entry.get("platform", {})): entry
            for entry in reversed(document["manifests"])
        }
        match = next((name for name in entries if fits(name, platform)), None)
        if match is None:
            names = ", ".join(sorted(name for name in entries if "unknown" not in name))
            raise ImageError(f"{digest} has no image for {platform}; it has {names}")
        digest = _digest(entries[match])
        content = _checked(read_document(digest), digest)
        document = _parse(content, digest)
    if document["mediaType"] not in _MANIFESTS:
        raise ImageError(f"{digest} is not the manifest of an image")
    return document, content, digest


def platform_of(document: Any) -> str:
    """Return `linux/arm64/v8` of a configuration or the platform of a descriptor."""
    return "/".join(str(document[key]) for key in _PLATFORM if document.get(key))


def _parse(content: bytes, digest: str) -> dict[str, Any]:
    """Parse a manifest or an index, and check what is used of it."""
    try:
        document = json.loads(content)
        if document.get("mediaType") is None:
            document["mediaType"] = oci.INDEX if "manifests" in document else oci.MANIFEST
        if document["mediaType"] in _INDEXES:
            for entry in document["manifests"]:
                _digest(entry)
        else:
            for entry in (document["config"], *document["layers"]):
                _digest(entry)
                if type(entry["size"]) is not int or not 0 <= entry["size"] <= LARGEST_LAYER:
                    raise ValueError(f"a size of {entry['size']!r}")
            for entry in document["layers"]:
                if entry["mediaType"] not in _LAYERS or entry.get("urls"):
                    raise ValueError(f"a layer of the type {entry['mediaType']!r}")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ImageError(f"{digest} is not a valid manifest: {error}") from None
    return dict(document)


def _digest(entry: Any) -> str:
    digest = entry["digest"]
    prefix, _, text = str(digest).partition(":")
    if prefix != "sha256" or len(text) != 64 or set(text) - set("0123456789abcdef"):
        raise ValueError(f"{digest!r} is not a digest of SHA-256")
    return str(digest)


def _checked(content: bytes, digest: str) -> bytes:
    have = "sha256:" + hashlib.sha256(content).hexdigest()
    if have != digest or len(content) > LARGEST_DOCUMENT:
        raise ImageError(f"wrong bytes for {digest}: {have}")
    return content


def _write_checked(out: Path, entry: Any, pieces: Iterable[bytes]) -> None:
    """Write a blob; ImageError if its size or digest differs."""
    hasher, size = hashlib.sha256(), 0
    target = out / oci.blob_path(entry["digest"])
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as stream:
        for piece in pieces:
            hasher.update(piece)
            size += len(piece)
            stream.write(piece)
    have = "sha256:" + hasher.hexdigest()
    if (have, size) != (entry["digest"], entry["size"]):
        target.unlink()
        raise ImageError(f"wrong bytes for {entry['digest']}: {have}, {size} bytes")


def load_config(layout: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration of a manifest; ImageError unless it describes the layers."""
    try:
        config = json.loads((layout / oci.blob_path(manifest["config"]["digest"])).read_bytes())
        diff_ids = config["rootfs"]["diff_ids"]
        if len(diff_ids) != len(manifest["layers"]):
            raise ValueError(f"{len(diff_ids)} diff_ids for {len(manifest['layers'])} layers")
        for entry, diff_id in zip(manifest["layers"], diff_ids):
            _check_diff_id(layout / oci.blob_path(entry["digest"]), entry["mediaType"], diff_id)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, zlib.error) as error:
        raise ImageError(f"the base image has no valid configuration: {error}") from None
    return dict(config)


def _check_diff_id(path: Path, media_type: str, diff_id: str) -> None:
    """Compare the digest of a layer's tar; the standard library cannot unpack zstd."""
    if media_type.endswith("zstd"):
        return
    hasher = hashlib.sha256()
    for block in unpacked(path, _LAYERS[media_type]):
        hasher.update(block)
    if diff_id != "sha256:" + hasher.hexdigest():
        raise ValueError(f"{diff_id} is not the digest of the layer {path.name}")


def load(layout: Path) -> Base:
    """Read a base image that `fetch` wrote."""
    [entry] = json.loads((layout / "index.json").read_bytes())["manifests"]
    manifest = _parse((layout / oci.blob_path(entry["digest"])).read_bytes(), entry["digest"])
    config = json.loads((layout / oci.blob_path(manifest["config"]["digest"])).read_bytes())
    layers = tuple(
        oci.Layer(
            f"base {number}",
            oci.Descriptor(_LAYERS[one["mediaType"]], one["digest"], one["size"]),
            diff_id,
            0,
        )
        for number, (one, diff_id) in enumerate(
            zip(manifest["layers"], config["rootfs"]["diff_ids"]), 1
        )
    )
    return Base(entry["digest"], config, layers, layout)
