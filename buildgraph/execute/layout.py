"""Reading an OCI image layout, a folder or an archive: which image it holds, and its bytes for a daemon."""
from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

from buildgraph.errors import BuildError

_PIECE = 1 << 20
_DOCUMENT = 4 << 20
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def identity(source: Path) -> tuple[str, str]:
    """Digests of manifest and configuration of the one image in a layout folder or archive."""
    try:
        index = json.loads(_document(source, "index.json"))
        manifests = index["manifests"]
        if len(manifests) != 1 or manifests[0]["mediaType"] != _MANIFEST:
            raise BuildError(f"{source.name} holds several images", fix="load the layout of one platform")
        manifest = str(manifests[0]["digest"])
        config = str(json.loads(_blob(source, manifest))["config"]["digest"])
        _blob(source, config)
    except (OSError, KeyError, TypeError, ValueError, tarfile.TarError) as fault:
        said = f"{type(fault).__name__}: {fault}"
        raise BuildError(f"{source.name} is not an OCI image layout: {said}",
                         fix="give the folder or archive that buildgraph made of an export") from fault
    return manifest, config


def _document(source: Path, name: str) -> bytes:
    if source.is_dir():
        with (source / name).open("rb") as stream:
            return stream.read(_DOCUMENT)
    with tarfile.open(source, "r:") as archive:
        member = archive.extractfile(name)
        if member is None:
            raise KeyError(name)
        return member.read(_DOCUMENT)


def _blob(source: Path, digest: str) -> bytes:
    content = _document(source, "blobs/" + digest.replace(":", "/", 1))
    if digest != "sha256:" + hashlib.sha256(content).hexdigest():
        raise BuildError(f"blob {digest} of {source.name} is damaged", fix="build the image again",
                         reason="broken")
    return content


def packed(source: Path) -> Iterator[bytes]:
    """The archive to send: a tar as it is, a folder packed on the way."""
    if not source.is_dir():
        yield from _read(source)
        return
    for path in sorted(found for found in source.rglob("*") if found.is_file()):
        member = tarfile.TarInfo(path.relative_to(source).as_posix())
        member.size = path.stat().st_size
        yield member.tobuf(tarfile.USTAR_FORMAT)
        yield from _read(path)
        yield bytes(-member.size % tarfile.BLOCKSIZE)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE):
            yield piece
