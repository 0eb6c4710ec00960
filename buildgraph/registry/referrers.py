"""Attach documents to an image: SBOM, provenance, signatures (image-spec `manifest.md`, subject).

A registry that does not list referrers gets an index of them under the tag `sha256-<hex>`, the
fallback of distribution-spec 1.1.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..types.errors import BuildError
from .client import Repository
from .documents import (
    EMPTY,
    INDEX,
    MANIFEST,
    Descriptor,
    canonical,
    digest_of,
    parse_manifest,
)
from .push import PushedItem
from .transport import pieces
from .upload import Upload

_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,199}")
_LARGEST_FILE = 64 << 20
_TITLE = "org.opencontainers.image.title"


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """A file of an attachment; `media_type` says how its bytes are read."""

    media_type: str
    name: str
    content: bytes

    def descriptor(self) -> Descriptor:
        """Return its descriptor, with the name as title."""
        digest = digest_of(self.content)
        return Descriptor(self.media_type, digest, len(self.content), {}, {_TITLE: self.name})


@dataclass(frozen=True, slots=True)
class Attachment:
    """Files about an image, such as its SBOM; `artifact_type` says what they are."""

    artifact_type: str
    files: tuple[AttachedFile, ...]
    annotations: Mapping[str, str] = field(default_factory=dict)


_EMPTY = AttachedFile(EMPTY, "", b"{}")


def attach(
    repository: Repository, subject: Descriptor, attachments: list[Attachment]
) -> list[PushedItem]:
    """Push documents that refer to a manifest; what is there already is not sent again."""
    items: list[PushedItem] = []
    entries: list[dict[str, Any]] = []
    has_api = True
    for one in attachments:
        content = _manifest(subject, one)
        digest = digest_of(content)
        descriptor = Descriptor(
            MANIFEST, digest, len(content), {}, one.annotations, one.artifact_type
        )
        entries.append(descriptor.document())
        if repository.has_manifest(digest):
            items.append(PushedItem("referrer", digest, len(content), "present"))
            continue
        items += [_push_bytes(repository, blob) for blob in (_EMPTY, *one.files)]
        headers = repository.put_manifest(digest, MANIFEST, content)
        has_api = has_api and "OCI-Subject" in headers
        items.append(PushedItem("referrer", digest, len(content), "sent"))
    if entries and (not has_api or repository.referrers(subject.digest) is None):
        items += _tag_referrers(repository, subject, entries)
    return items


def list_referrers(repository: Repository, digest: str) -> tuple[Descriptor, ...]:
    """Return the documents that refer to a manifest, by the API or by the fallback tag."""
    listed = repository.referrers(digest)
    return repository.tagged_referrers(digest)[1] if listed is None else listed


def fetch_attachments(repository: Repository, digest: str) -> list[tuple[Descriptor, AttachedFile]]:
    """Return the files of all documents that refer to a manifest, each with its document.

    Every file is compared with its digest. Raises BuildError for a name that is no file name, and
    for files that are larger than documents are.
    """
    files = []
    for entry in list_referrers(repository, digest):
        document = repository.manifest(entry.digest)
        if document is None:
            continue  # removed from the registry, while the fallback tag still lists it
        manifest = parse_manifest(document.content, document.media_type, entry.digest)
        if manifest.subject == digest:
            files += [(entry, _fetch_file(repository, layer)) for layer in manifest.layers]
    return files


def _fetch_file(repository: Repository, layer: Descriptor) -> AttachedFile:
    name = layer.annotations.get(_TITLE, layer.digest.replace(":", "-"))
    if not _FILE_NAME.fullmatch(name) or layer.size > _LARGEST_FILE:
        raise BuildError(
            f"{repository.reference.name} attaches {name[:80]!r} with {layer.size} bytes: it is no "
            f"document of at most {_LARGEST_FILE} bytes",
            fix="get the image without `--documents`",
            reason="broken",
        )
    with repository.blob(layer) as (response, _):
        content = b"".join(pieces(response, layer.size))
    if digest_of(content) != layer.digest:
        raise BuildError(
            f"{repository.reference.name} sends wrong bytes for {layer.digest}",
            fix="ask the operators of the registry; nothing was kept",
            reason="broken",
        )
    return AttachedFile(layer.media_type, name, content)


def _manifest(subject: Descriptor, one: Attachment) -> bytes:
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": one.artifact_type,
        "config": Descriptor(EMPTY, digest_of(_EMPTY.content), len(_EMPTY.content)).document(),
        "layers": [file.descriptor().document() for file in one.files],
        "subject": Descriptor(subject.media_type, subject.digest, subject.size).document(),
    }
    if one.annotations:
        document["annotations"] = dict(one.annotations)
    return canonical(document)


def _push_bytes(repository: Repository, file: AttachedFile) -> PushedItem:
    descriptor, how = file.descriptor(), "present"
    if repository.blob_size(descriptor.digest) is None:
        Upload(repository, descriptor, lambda: io.BytesIO(file.content)).run()
        how = "sent"
    return PushedItem("blob", descriptor.digest, descriptor.size, how)


def _tag_referrers(
    repository: Repository, subject: Descriptor, entries: list[dict[str, Any]]
) -> list[PushedItem]:
    """Add entries to the index of the fallback tag; entries of other tools stay as they are."""
    document, _ = repository.tagged_referrers(subject.digest)
    index: dict[str, Any] = (
        json.loads(document.content)
        if document
        else {"schemaVersion": 2, "mediaType": INDEX, "manifests": []}
    )
    known = {entry["digest"] for entry in index["manifests"]}
    index["manifests"] += [entry for entry in entries if entry["digest"] not in known]
    content = canonical(index)
    how = "present"
    if document is None or digest_of(content) != digest_of(canonical(json.loads(document.content))):
        repository.put_manifest(subject.digest.replace(":", "-", 1), INDEX, content)
        how = "sent"
    return [PushedItem("index", digest_of(content), len(content), how)]
