"""Pull an image by digest into an OCI layout: verified, resumed, and complete or not there."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from ..docker.oci_layout import blob_path
from ..files.remove_tree import remove
from ..types.errors import BuildError
from .client import Repository
from .connection_errors import ConnectionLost
from .documents import (
    INDEX,
    INDEXES,
    Descriptor,
    canonical,
    digest_of,
    parse_manifest,
)
from .transport import pieces

_PIECE = 1 << 20
_RESUMES = 10
_FIRST_PAUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class PullReport:
    """A pull: the digest and the folder, and numbers of blobs and bytes.

    `received` bytes were sent by the registry, `kept` bytes were there from a pull that was cut.
    """

    digest: str
    folder: str
    blobs: int = 0
    received: int = 0
    kept: int = 0
    platforms: tuple[str, ...] = ()


class Pull:
    """The pull of one manifest or index into a folder that is not there yet."""

    def __init__(self, repository: Repository, target: Path, platform: str = "") -> None:
        self._repository = repository
        self._target = target
        self._platform = platform
        self._partial = target.with_name(f".{target.name}.partial")
        self._blobs = self._received = self._kept = 0

    def run(self) -> PullReport:
        """Pull, and rename the complete layout to its place. A cut pull goes on the next time."""
        digest = self._repository.reference.digest
        if self._target.exists():
            raise BuildError(
                f"{self._target} exists",
                fix="remove it, or name another folder with `--to DIR`",
                reason="usage",
            )
        self._partial.joinpath("blobs/sha256").mkdir(parents=True, exist_ok=True)
        root = self._pull_document(digest)
        manifest = parse_manifest(self._read(root), root.media_type, digest)
        chosen = [root]
        if manifest.is_index:
            children = [one for one in manifest.manifests if self._is_requested(one)]
            if not children:
                raise self._no_platform([one.platform_name for one in manifest.manifests])
            for child in children:
                self._pull_image(child)
            chosen = children if self._platform else [root]
        else:
            self._pull_image(root)
        self._write_documents(chosen)
        self._sync()
        os.rename(self._partial, self._target)
        names = tuple(
            one.platform_name for one in (chosen if self._platform else manifest.manifests)
        )
        return PullReport(
            chosen[0].digest,
            str(self._target),
            self._blobs,
            self._received,
            self._kept,
            tuple(filter(None, names)),
        )

    def _is_requested(self, child: Descriptor) -> bool:
        return not self._platform or child.platform_name == self._platform

    def _no_platform(self, names: list[str]) -> BuildError:
        return BuildError(
            f"{self._repository.reference} has no image for {self._platform}",
            fix=f"it has {', '.join(filter(None, names))}",
            reason="usage",
        )

    def _pull_document(self, digest: str, expected: Descriptor | None = None) -> Descriptor:
        """Pull a manifest, unless it is there; return its descriptor."""
        path = self._partial / blob_path(digest)
        if path.exists() and digest_of(path.read_bytes()) == digest:
            content, media_type = path.read_bytes(), ""
        else:
            document = self._repository.manifest(digest)
            if document is None:
                raise BuildError(
                    f"{self._repository.reference.name} has no manifest {digest}",
                    fix="check the digest and the repository",
                    reason="usage",
                )
            content, media_type = document.content, document.media_type
            self._received += len(content)
        manifest = parse_manifest(content, media_type, digest)
        if expected and (expected.size, expected.media_type) != (len(content), manifest.media_type):
            raise BuildError(
                f"the index describes {digest} wrongly: its size or its media type differs",
                fix="ask the authors of the image",
                reason="broken",
            )
        path.write_bytes(content)
        return expected or Descriptor(manifest.media_type, digest, len(content))

    def _pull_image(self, descriptor: Descriptor) -> None:
        if descriptor.media_type in INDEXES:
            raise BuildError(
                f"{descriptor.digest} is an index within an index",
                fix="pull the image for one platform by its own digest",
                reason="usage",
            )
        self._pull_document(descriptor.digest, descriptor)
        manifest = parse_manifest(self._read(descriptor), descriptor.media_type, descriptor.digest)
        for blob in manifest.blobs:
            self._pull_blob(blob)

    def _read(self, descriptor: Descriptor) -> bytes:
        return (self._partial / blob_path(descriptor.digest)).read_bytes()

    def _pull_blob(self, blob: Descriptor) -> None:
        path = self._partial / blob_path(blob.digest)
        if path.exists():  # the name is given after the check of the digest
            self._blobs += 1
            return
        part = path.with_name(path.name + ".part")
        fetch = BlobDownload(self._repository, blob, part)
        fetch.run()
        self._received += fetch.received
        self._kept += fetch.kept
        self._blobs += 1
        os.rename(part, path)

    def _write_documents(self, roots: list[Descriptor]) -> None:
        """Write `index.json` and `oci-layout`; the image keeps its name in the registry."""
        reference = self._repository.reference
        names = {"org.opencontainers.image.ref.name": reference.tag or "latest"}
        if reference.tag:
            names["io.containerd.image.name"] = str(replace(reference, digest=""))
        entries = [replace(root, annotations=names).document() for root in roots]
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
        (self._partial / "index.json").write_bytes(canonical(index))
        (self._partial / "oci-layout").write_bytes(canonical({"imageLayoutVersion": "1.0.0"}))

    def _sync(self) -> None:
        """Have the disk store all files before the rename makes them an image."""
        for path in self._partial.rglob("*"):
            if path.name.endswith(".part"):
                remove(str(path))
            elif path.is_file():
                with path.open("rb") as file:
                    os.fsync(file.fileno())


class BlobDownload:
    """The download of one blob into a file; `received` and `kept` count bytes."""

    def __init__(self, repository: Repository, blob: Descriptor, path: Path) -> None:
        self._repository = repository
        self._blob = blob
        self._path = path
        self._size, self._hasher = 0, hashlib.sha256()
        self.received = 0
        self.kept = 0

    def run(self) -> None:
        """Download what is missing, and check the digest; the file is removed if it differs."""
        with open(self._path, "ab+") as file:
            self._resume(file)
            losses = 0
            while self._size < self._blob.size:
                try:
                    self._receive(file)
                    break
                except ConnectionLost as lost:
                    losses += 1
                    if losses > _RESUMES:
                        raise
                    self._repository.pause(max(lost.wait, _FIRST_PAUSE_S * losses))
        self._check("sha256:" + self._hasher.hexdigest())

    def _resume(self, file: BinaryIO) -> None:
        """Hash the bytes that a pull before left; more than the blob has are dropped."""
        file.seek(0)
        while piece := file.read(_PIECE):
            self._hasher.update(piece)
        self._size = file.tell()
        if self._size > self._blob.size:
            self._restart(file)
        self.kept = self._size

    def _restart(self, file: BinaryIO) -> None:
        file.truncate(0)
        self._size, self._hasher = 0, hashlib.sha256()

    def _receive(self, file: BinaryIO) -> None:
        with self._repository.blob(self._blob, self._size) as (response, start):
            if start != self._size:  # the registry knows no ranges
                self._restart(file)
            for piece in pieces(response, self._blob.size - self._size):
                file.write(piece)
                self._hasher.update(piece)
                self._size += len(piece)
                self.received += len(piece)

    def _check(self, digest: str) -> None:
        if (self._size, digest) == (self._blob.size, self._blob.digest):
            return
        remove(str(self._path))
        raise BuildError(
            f"{self._repository.reference.name} sends wrong bytes for {self._blob.digest}: "
            f"{self._size} bytes, {digest}",
            fix="ask the operators of the registry; nothing was kept",
            reason="broken",
        )
