"""The SBOM of a released image, in CycloneDX 1.6: each entry of its layers is one component.

It has no time, and its serial number follows from the digest of the image.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output.json import JsonV1Dot6

from .. import __version__
from .documents import canonical
from .image_layout import LayerEntry, PlatformImage, layer_entries, platform_images, top_descriptor

_PREFIX = "dev.buildgraph."
_NAMESPACE = uuid.UUID("6e7c1b0e-6b7a-5b1e-8a53-2f5d0d0c9a11")


def sbom(layout: Path, name: str, licenses: str) -> bytes:
    """Return the SBOM of the image in a layout, as canonical JSON with a final newline.

    `name` is the name and tag of the image, and `licenses` an SPDX expression or nothing.
    """
    top = top_descriptor(layout)
    images = list(platform_images(layout, top))
    subject, _, tag = name.rpartition(":")
    root = Component(
        name=subject,
        version=tag,
        type=ComponentType.CONTAINER,
        bom_ref=top["digest"],
        hashes=[_sha256(top["digest"])],
        licenses=[LicenseExpression(licenses)] if licenses else None,
    )
    bom = Bom(serial_number=uuid.uuid5(_NAMESPACE, top["digest"]))
    bom.metadata = BomMetaData(component=root)
    bom.metadata.timestamp = None  # type: ignore[assignment]
    bom.metadata.tools = ToolRepository(
        components=[
            Component(
                name="buildgraph",
                version=__version__,
                type=ComponentType.APPLICATION,
                bom_ref="buildgraph",
            )
        ]
    )
    parts = [part for image in images for part in _platform(layout, image, len(images) > 1)]
    bom.components.update(parts)
    bom.register_dependency(root, parts)
    return canonical(json.loads(JsonV1Dot6(bom).output_as_string())) + b"\n"


def _platform(layout: Path, image: PlatformImage, several: bool) -> Iterator[Component]:
    prefix = f"{image.platform}:" if several else ""
    for path, entry in sorted(layer_entries(layout, image).items()):
        yield _component(f"{prefix}{path}", path, entry, image.platform)


def _component(ref: str, path: str, entry: LayerEntry, platform: str) -> Component:
    facts = {
        "kind": entry.kind,
        "layer": entry.layer,
        "platform": platform,
        "size": str(entry.size) if entry.digest else "",
        "target": entry.target,
    }
    return Component(
        name=path,
        type=ComponentType.FILE,
        bom_ref=ref,
        hashes=[_sha256(entry.digest)] if entry.digest else None,
        properties=[
            Property(name=_PREFIX + key, value=text) for key, text in facts.items() if text
        ],
    )


def _sha256(digest: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=digest.removeprefix("sha256:"))


def owners(document: Mapping[str, Any], platform: str) -> dict[str, Sequence[Mapping[str, Any]]]:
    """Return the components of a platform by the path of the entry that each owns."""
    owned: dict[str, list[Mapping[str, Any]]] = {}
    for component in document["components"]:
        properties = {item["name"]: item["value"] for item in component.get("properties", ())}
        if properties.get(f"{_PREFIX}platform") == platform:
            owned.setdefault(component["name"], []).append(component)
    return dict(owned)
