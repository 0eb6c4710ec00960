"""Read an OCI image layout: its images, the entries of their layers, and their sizes."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..types.errors import BuildError

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class PlatformImage:
    """An image of a layout for one platform: the digest of its manifest, and its documents."""

    digest: str
    size: int
    manifest: Mapping[str, Any]
    config: Mapping[str, Any]

    @property
    def platform(self) -> str:
        """The platform as Docker writes it, such as `linux/arm64`."""
        parts = (self.config.get(key) for key in ("os", "architecture", "variant"))
        return "/".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class LayerEntry:
    """A member of a layer: path from the root of the image, kind, size and digest of its bytes.

    `kind` is file, directory, symlink, link or other. `target` is that of a link.
    """

    path: str
    kind: str
    layer: str
    size: int = 0
    digest: str = ""
    target: str = ""


def blob_path(layout: Path, digest: str) -> Path:
    """Return the path of a blob."""
    return layout / "blobs" / digest.replace(":", "/", 1)


def read_document(layout: Path, descriptor: Mapping[str, Any]) -> dict[str, Any]:
    """Read the JSON document of a descriptor; raise BuildError if its bytes have another digest."""
    content = blob_path(layout, descriptor["digest"]).read_bytes()
    if descriptor["digest"] != f"sha256:{hashlib.sha256(content).hexdigest()}":
        raise _damaged(layout, descriptor["digest"])
    return dict(json.loads(content))


def top_descriptor(layout: Path) -> dict[str, Any]:
    """Return the only descriptor of `index.json`; raise BuildError if there is none or several."""
    manifests = json.loads((layout / "index.json").read_bytes())["manifests"]
    if len(manifests) != 1:
        raise BuildError(
            f"{layout.name}/index.json lists {len(manifests)} images",
            None,
            "a layout in a release has one image, or one index of several platforms",
            "refused",
        )
    return dict(manifests[0])


def platform_images(layout: Path, descriptor: Mapping[str, Any]) -> Iterator[PlatformImage]:
    """Yield the images that a descriptor leads to, in the order of the index."""
    document = read_document(layout, descriptor)
    if descriptor["mediaType"] == INDEX:
        for inner in document["manifests"]:
            yield from platform_images(layout, inner)
        return
    config = read_document(layout, document["config"])
    yield PlatformImage(descriptor["digest"], descriptor["size"], document, config)


def total_size(layout: Path) -> int:
    """Return the bytes of all blobs."""
    return sum(path.stat().st_size for path in (layout / "blobs" / "sha256").iterdir())


def layer_entries(layout: Path, image: PlatformImage) -> dict[str, LayerEntry]:
    """Return the entries of the image's root file system by path, from all its layers.

    An entry of an upper layer replaces that of a lower one, and a whiteout removes it. A layer in a
    compression that Python does not read is one entry, of the kind `layer`.
    """
    entries: dict[str, LayerEntry] = {}
    for layer in image.manifest["layers"]:
        digest = str(layer["digest"])
        try:
            for entry in _members(blob_path(layout, digest), digest):
                _apply(entries, entry)
        except tarfile.ReadError:
            path = blob_path(layout, digest)
            entries[digest] = LayerEntry(digest, "layer", digest, path.stat().st_size, digest)
    return entries


def _apply(entries: dict[str, LayerEntry], entry: LayerEntry) -> None:
    above, _, name = entry.path.rpartition("/")
    if not name.startswith(".wh."):
        entries[entry.path] = entry
        return
    if name == ".wh..wh..opq":
        hidden = [path for path in entries if path.startswith(f"{above}/")]
    else:
        gone = f"{above}/{name.removeprefix('.wh.')}"
        hidden = [path for path in entries if path == gone or path.startswith(f"{gone}/")]
    for path in hidden:
        if entries[path].layer != entry.layer:
            del entries[path]


def _members(path: Path, layer: str) -> Iterator[LayerEntry]:
    with tarfile.open(path, "r|*") as archive:
        for member in archive:
            name = "/" + member.name.removeprefix("./").strip("/")
            if member.isfile():
                stream = archive.extractfile(member)
                assert stream is not None, "a file has content"
                digest = hashlib.sha256()
                while piece := stream.read(_PIECE):
                    digest.update(piece)
                text = f"sha256:{digest.hexdigest()}"
                yield LayerEntry(name, "file", layer, member.size, text)
            elif member.isdir():
                yield LayerEntry(name, "directory", layer)
            elif member.issym() or member.islnk():
                kind = "symlink" if member.issym() else "link"
                yield LayerEntry(name, kind, layer, target=member.linkname)
            else:
                yield LayerEntry(name, "other", layer)


def _damaged(layout: Path, digest: str) -> BuildError:
    return BuildError(
        f"blob {digest} of {layout.name} is damaged", None, "build the image again", "broken"
    )
