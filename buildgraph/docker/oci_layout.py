"""Reading an OCI image layout, a folder or an archive: which image it holds for a platform, and its bytes for a daemon."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from buildgraph.types.errors import BuildError

_PIECE = 1 << 20
_DOCUMENT = 4 << 20
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"
_RUNS = {"amd64": ("386",), "arm64": ("arm",)}
"""What else a processor runs: its own 32-bit programs."""


@dataclass(frozen=True, slots=True)
class Picked:
    """One image of a layout: its descriptor in the index, digest of its configuration, and its layers' descriptors."""

    descriptor: Mapping[str, Any]
    config: str
    layers: tuple[Mapping[str, Any], ...]
    platform: str
    ports: tuple[int, ...] = ()

    @property
    def manifest(self) -> str:
        """Digest of its manifest."""
        return str(self.descriptor["digest"])

    def runs_on(self, architecture: str) -> bool:
        """Whether a processor runs it without an emulator."""
        return _architecture(self.platform) in (architecture, *_RUNS.get(architecture, ()))


def pick(source: Path, architecture: str = "") -> Picked:
    """The image of a layout folder or archive; of several the one for a Docker architecture, such as `arm64`."""
    try:
        found = _images(source)
        fits = (
            found
            if len(found) == 1
            else [one for one in found if _architecture(_platform(one)) == architecture]
        )
        if not fits:
            held = ", ".join(map(_platform, found))
            raise BuildError(
                f"{source} holds images for {held}, and Docker here runs linux/{architecture}",
                reason="usage",
                fix="load the export of one of them, or load it where Docker runs on such a processor",
            )
        chosen = fits[-1]  # of variants the newest
        manifest = json.loads(_blob(source, str(chosen["digest"])))
        config = str(manifest["config"]["digest"])
        text = json.loads(_blob(source, config))
        ports = tuple(
            int(port.partition("/")[0]) for port in text.get("config", {}).get("ExposedPorts", {})
        )
        platform = "/".join(text[key] for key in ("os", "architecture", "variant") if key in text)
        return Picked(chosen, config, tuple(manifest["layers"]), platform, ports)
    except (OSError, KeyError, TypeError, ValueError, tarfile.TarError) as fault:
        said = f"{type(fault).__name__}: {fault}"
        raise BuildError(
            f"{source.name} is not an OCI image layout: {said}",
            fix="give the folder or archive that buildgraph made of an export",
        ) from fault


def _images(source: Path) -> list[dict[str, Any]]:
    """Descriptors of the images in a layout, those of an index in it included."""
    found: list[dict[str, Any]] = []
    for one in json.loads(_document(source, "index.json"))["manifests"]:
        found += (
            json.loads(_blob(source, str(one["digest"])))["manifests"]
            if one["mediaType"] == _INDEX
            else [one]
        )
    if not found or any(one["mediaType"] != _MANIFEST for one in found):
        raise ValueError("it holds no image")
    return found


def _platform(descriptor: Mapping[str, Any]) -> str:
    told = descriptor.get("platform", {})
    return "/".join(told[key] for key in ("os", "architecture", "variant") if key in told)


def _architecture(platform: str) -> str:
    return [*platform.split("/"), ""][1]


@contextmanager
def _opened(source: Path, name: str) -> Iterator[tuple[IO[bytes], int]]:
    """A file of the layout, and its size."""
    if source.is_dir():
        with (source / name).open("rb") as stream:
            yield stream, (source / name).stat().st_size
        return
    with tarfile.open(source, "r:") as archive:
        member = archive.extractfile(name)
        if member is None:
            raise KeyError(name)
        yield member, archive.getmember(name).size


def _document(source: Path, name: str) -> bytes:
    with _opened(source, name) as (stream, _):
        return stream.read(_DOCUMENT)


def _path(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/", 1)


def _blob(source: Path, digest: str) -> bytes:
    content = _document(source, _path(digest))
    if digest != "sha256:" + hashlib.sha256(content).hexdigest():
        raise BuildError(
            f"blob {digest} of {source.name} is damaged",
            fix="build the image again",
            reason="broken",
        )
    return content


def packed(source: Path, picked: Picked) -> Iterator[bytes]:
    """An archive of this one image and without a name, packed on the way, which every Docker from 20.10 on loads."""
    bare = {
        key: picked.descriptor[key]
        for key in ("mediaType", "digest", "size", "platform")
        if key in picked.descriptor
    }
    layers = [str(layer["digest"]) for layer in picked.layers]
    documents = {
        "index.json": {"schemaVersion": 2, "mediaType": _INDEX, "manifests": [bare]},
        "manifest.json": [
            {"Config": _path(picked.config), "RepoTags": None, "Layers": list(map(_path, layers))}
        ],
        "oci-layout": {"imageLayoutVersion": "1.0.0"},
    }
    for digest in dict.fromkeys((picked.manifest, picked.config, *layers)):
        with _opened(source, _path(digest)) as (stream, size):
            yield _header(_path(digest), size)
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
