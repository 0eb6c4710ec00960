"""Push an OCI layout: only blobs and manifests that the repository does not have are sent."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from ..docker import oci_layout
from ..types.errors import BuildError
from .client import Repository
from .documents import MANIFESTS, Descriptor, Manifest, parse_descriptor, parse_manifest
from .reference import Reference
from .upload import CHUNK, Upload

_AT_ONCE = 4  # blobs that are sent at the same time
_BASE_NAME = "org.opencontainers.image.base.name"


@dataclass(frozen=True, slots=True)
class PushedItem:
    """A blob or manifest of an image. `kind` is `blob`, `manifest`, `index` or `referrer`.

    `how` is `sent`, `mounted` (taken from another repository) or `present`. `size` is in bytes.
    """

    kind: str
    digest: str
    size: int
    how: str


@dataclass(frozen=True, slots=True)
class PushReport:
    """A push: the reference with the digest, and everything that the image has.

    `retries` counts lost connections, after which an upload went on or began again.
    """

    reference: Reference
    items: tuple[PushedItem, ...]
    retries: int = 0

    def select(self, how: str) -> tuple[PushedItem, ...]:
        """Return the items that were `sent`, `mounted` or `present`."""
        return tuple(item for item in self.items if item.how == how)


@dataclass(frozen=True, slots=True)
class PushOptions:
    """`mount` are repositories of the same registry that may have blobs of the image.

    `chunk` is the number of bytes of one request.
    """

    mount: tuple[str, ...] = ()
    chunk: int = CHUNK


@dataclass(frozen=True, slots=True)
class LayoutNode:
    """A manifest or index of a layout, and those that it refers to."""

    descriptor: Descriptor
    manifest: Manifest
    content: bytes
    children: tuple[LayoutNode, ...] = ()

    @property
    def kind(self) -> str:
        """`manifest` or `index`."""
        return "index" if self.manifest.is_index else "manifest"


def read_layout(source: Path) -> LayoutNode:
    """Read the only image or index of a layout, a folder or a tar, with all its manifests.

    Raises BuildError if there is not exactly one, or a document is damaged.
    """
    with _layout_errors(source):
        entries = json.loads(oci_layout.read_document(source, "index.json"))["manifests"]
        roots = [parse_descriptor(entry, f"index.json of {source}") for entry in entries]
        if len(roots) != 1:
            raise BuildError(
                f"{source} holds {len(roots)} images",
                fix="name a layout of one image, or the layout of an `index` target",
                reason="usage",
            )
        return _read_node(source, roots[0])


def _read_node(source: Path, descriptor: Descriptor, depth: int = 0) -> LayoutNode:
    content = oci_layout.read_blob(source, descriptor.digest)
    manifest = parse_manifest(content, descriptor.media_type, descriptor.digest)
    if depth and manifest.is_index:
        raise ValueError("an index within an index")
    children = tuple(_read_node(source, child, depth + 1) for child in manifest.manifests)
    return LayoutNode(descriptor, manifest, content, children)


@contextmanager
def _layout_errors(source: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, KeyError, TypeError, ValueError, tarfile.TarError) as error:
        raise BuildError(
            f"{source} is not an OCI image layout: {type(error).__name__}: {error}",
            fix="name the layout that buildgraph built for an export",
            reason="usage",
        ) from None


class Push:
    """The push of one layout into a repository."""

    def __init__(
        self, source: Path, repository: Repository, options: PushOptions = PushOptions()
    ) -> None:
        self._source = source
        self._repository = repository
        self._options = options
        self._retries = 0

    def run(self) -> PushReport:
        """Send what is missing: blobs, then manifests, and last the one that is tagged."""
        root = read_layout(self._source)
        reference = self._repository.reference
        if reference.digest not in ("", root.descriptor.digest):
            raise BuildError(
                f"the image is {root.descriptor.digest}, not {reference.digest}",
                fix="leave the digest out, or build the release that has it",
                reason="usage",
            )
        nodes = [*root.children, root]
        missing = [
            node for node in nodes if not self._repository.has_manifest(node.descriptor.digest)
        ]
        items = self._push_blobs(nodes, missing)
        for node in nodes:
            is_missing = node in missing
            version = node.descriptor.digest
            if node is root and reference.tag:
                if self._tagged() == version:
                    is_missing = False
                else:
                    is_missing, version = True, reference.tag
            if is_missing:
                self._repository.put_manifest(version, node.manifest.media_type, node.content)
            how = "sent" if is_missing else "present"
            items.append(PushedItem(node.kind, node.descriptor.digest, len(node.content), how))
        done = replace(reference, digest=root.descriptor.digest)
        return PushReport(done, tuple(items), self._retries)

    def _tagged(self) -> str:
        """Return the digest that the tag has now, '' if there is no such tag."""
        document = self._repository.manifest(self._repository.reference.tag)
        return document.digest if document else ""

    def _push_blobs(self, nodes: list[LayoutNode], missing: list[LayoutNode]) -> list[PushedItem]:
        """Send the blobs of manifests that are missing; a manifest that is there has its blobs."""
        needed = {blob.digest: blob for node in missing for blob in node.manifest.blobs}
        blobs = {blob.digest: blob for node in nodes for blob in node.manifest.blobs}
        origins = tuple(dict.fromkeys((*self._options.mount, *self._bases(missing))))

        def send(blob: Descriptor) -> PushedItem:
            how = self._push_blob(blob, origins) if blob.digest in needed else "present"
            return PushedItem("blob", blob.digest, blob.size, how)

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(send, blobs.values()))

    def _bases(self, nodes: list[LayoutNode]) -> Iterator[str]:
        """Return the repositories of base images that are in the same registry."""
        prefix = f"{self._repository.reference.host}/"
        for node in nodes:
            name = node.manifest.annotations.get(_BASE_NAME, "")
            if name.startswith(prefix):
                yield name.removeprefix(prefix).partition("@")[0].partition(":")[0]

    def _push_blob(self, blob: Descriptor, origins: tuple[str, ...]) -> str:
        """Send a blob unless it is there, or another repository has it; return how."""
        if self._repository.blob_size(blob.digest) is not None:
            return "present"
        url = ""
        for name in origins:
            url = self._repository.mount(blob.digest, name)
            if not url:
                return "mounted"
        upload = Upload(self._repository, blob, self._opener(blob), self._options.chunk)
        upload.run(url)
        self._retries += upload.resumed
        return "sent"

    def _opener(self, blob: Descriptor) -> Callable[[], IO[bytes]]:
        return lambda: open_blob(self._source, blob)


def open_blob(source: Path, blob: Descriptor) -> IO[bytes]:
    """Open a blob of a layout, a folder or a tar; raise BuildError if it is not there."""
    path = oci_layout.blob_path(blob.digest)
    with _layout_errors(source):
        if source.is_dir():
            return (source / path).open("rb")
        archive = tarfile.open(source, "r:")
        member = archive.extractfile(path)
        if member is None:
            raise KeyError(path)
        return member


def push_layout(
    source: Path, repository: Repository, options: PushOptions = PushOptions()
) -> PushReport:
    """Push the image or index of a layout; MANIFESTS of it are sent after their blobs."""
    return Push(source, repository, options).run()


__all__ = ["MANIFESTS", "PushOptions", "PushReport", "PushedItem", "open_blob", "push_layout"]
