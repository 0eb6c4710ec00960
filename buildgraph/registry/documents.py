"""Manifests and indexes of images as checked data (image-spec `manifest.md`, `image-index.md`)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..types.errors import BuildError
from .reference import is_digest

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
MANIFESTS, INDEXES = (MANIFEST, DOCKER_MANIFEST), (INDEX, DOCKER_LIST)
EMPTY = "application/vnd.oci.empty.v1+json"
LARGEST_DOCUMENT = 4 << 20
"""Bytes of the largest manifest; the specification names this limit."""
_LARGEST_BLOB = 1 << 40
_MOST_ENTRIES = 10_000


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A blob as a document describes it: media type, digest, size in bytes, optional fields."""

    media_type: str
    digest: str
    size: int
    platform: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    artifact_type: str = ""

    def document(self) -> dict[str, Any]:
        """Return the JSON object."""
        optional = {
            "platform": dict(self.platform),
            "annotations": dict(self.annotations),
            "artifactType": self.artifact_type,
        }
        return {
            "mediaType": self.media_type,
            "digest": self.digest,
            "size": self.size,
            **{name: value for name, value in optional.items() if value},
        }

    @property
    def platform_name(self) -> str:
        """The platform as `linux/arm64/v8`, '' if it is not named."""
        parts = (self.platform.get(key, "") for key in ("os", "architecture", "variant"))
        return "/".join(filter(None, parts))


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest: its configuration and layers; or an index: its `manifests`.

    `subject` is the digest of the manifest that it refers to, or ''.
    """

    media_type: str
    config: Descriptor | None
    layers: tuple[Descriptor, ...]
    manifests: tuple[Descriptor, ...]
    annotations: Mapping[str, str]
    subject: str = ""
    artifact_type: str = ""

    @property
    def is_index(self) -> bool:
        """True for an index of manifests."""
        return self.media_type in INDEXES

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """The configuration and the layers."""
        return (*filter(None, (self.config,)), *self.layers)


def digest_of(content: bytes) -> str:
    """Return `sha256:<hex>` of some bytes."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def canonical(document: Any) -> bytes:
    """Encode JSON with sorted keys, without spaces, in UTF-8."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def parse_manifest(content: bytes, media_type: str = "", where: str = "the manifest") -> Manifest:
    """Parse a manifest or an index. `media_type` is used where the document names none.

    Raises BuildError for a document that is too large, malformed, or of another kind.
    """
    if len(content) > LARGEST_DOCUMENT:
        raise _invalid(where, f"it has more than {LARGEST_DOCUMENT} bytes")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _invalid(where, f"it is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise _invalid(where, "it is not a JSON object")
    kind = document.get("mediaType", media_type)
    if kind not in (*MANIFESTS, *INDEXES):
        raise _invalid(where, f"its media type is {kind!r}")
    if ("manifests" in document) == ("layers" in document) or (
        ("manifests" in document) != (kind in INDEXES)
    ):
        raise _invalid(where, "it must have either layers or manifests, as its media type says")
    subject = document.get("subject")
    return Manifest(
        kind,
        None if kind in INDEXES else parse_descriptor(document.get("config"), where),
        _descriptors(document.get("layers", []), where),
        _descriptors(document.get("manifests", []), where),
        _texts(document.get("annotations")),
        parse_descriptor(subject, where).digest if subject else "",
        str(document.get("artifactType") or ""),
    )


def parse_descriptor(document: object, where: str = "the manifest") -> Descriptor:
    """Parse a descriptor; raise BuildError unless type, digest and size are valid."""
    if not isinstance(document, dict):
        raise _invalid(where, "a descriptor is not a JSON object")
    media_type, digest, size = (document.get(key) for key in ("mediaType", "digest", "size"))
    if not is_digest(digest):
        raise _invalid(where, f"{str(digest)[:80]!r} is not a digest of SHA-256")
    if type(size) is not int or not 0 <= size <= _LARGEST_BLOB:
        raise _invalid(where, f"{str(size)[:40]} is not the size of {digest}")
    if not isinstance(media_type, str) or not media_type:
        raise _invalid(where, f"{digest} has no media type")
    if document.get("urls"):
        raise _invalid(where, f"{digest} is a foreign layer, with addresses of its own")
    return Descriptor(
        media_type,
        str(digest),
        size,
        _texts(document.get("platform")),
        _texts(document.get("annotations")),
        str(document.get("artifactType") or ""),
    )


def _descriptors(entries: object, where: str) -> tuple[Descriptor, ...]:
    if not isinstance(entries, list) or len(entries) > _MOST_ENTRIES:
        raise _invalid(where, f"it is not a list of at most {_MOST_ENTRIES} entries")
    return tuple(parse_descriptor(entry, where) for entry in entries)


def _texts(table: object) -> dict[str, str]:
    if not isinstance(table, dict):
        return {}
    return {key: value for key, value in table.items() if isinstance(value, str)}


def _invalid(where: str, problem: str) -> BuildError:
    return BuildError(
        f"{where} is not valid: {problem}",
        fix="build or push the image again, or ask the operators of the registry",
        reason="broken",
    )
