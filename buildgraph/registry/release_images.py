"""The images of a release folder, and the documents about each that are pushed with it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..types.errors import BuildError
from .referrers import AttachedFile, Attachment

SBOM = "application/vnd.cyclonedx+json"
STATEMENT = "application/vnd.in-toto+json"
ENVELOPE = "application/vnd.dsse.envelope.v1+json"
RELEASE = "application/vnd.buildgraph.release.v1+json"
_SIGNED = (
    ("application/json", "release.json"),
    ("text/plain", "SHA256SUMS"),
    ("application/octet-stream", "SHA256SUMS.sig"),
    ("application/x-pem-file", "release.pub"),
    (ENVELOPE, "build.dsse.json"),
)
"""Files with which a release is verified; those of a signature are absent if it is not signed."""


@dataclass(frozen=True, slots=True)
class ReleaseImage:
    """An image of a release: its label and name, its layout, and the digest in `release.json`."""

    label: str
    name: str
    layout: Path
    digest: str
    tag: str
    attachments: tuple[Attachment, ...]


def is_release(folder: Path) -> bool:
    """Return True for a folder that has a `release.json`."""
    return (folder / "release.json").is_file()


def release_images(folder: Path) -> tuple[ReleaseImage, ...]:
    """Return the images of a release, sorted as in it; raise BuildError if there is none."""
    try:
        release = json.loads((folder / "release.json").read_bytes())
        targets = [target for target in release["targets"] if "image" in target]
        images = tuple(_image(folder, str(release["tag"]), target) for target in targets)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BuildError(
            f"{folder} is not a release: {type(error).__name__}: {error}",
            fix="name a folder below `releases/` that `buildgraph release` wrote",
            reason="usage",
        ) from None
    if not images:
        raise BuildError(
            f"the release {folder.name} has no image",
            fix="release a target whose rule is `export` or `index`",
            reason="usage",
        )
    return images


def _image(folder: Path, tag: str, target: dict[str, Any]) -> ReleaseImage:
    name = str(target["name"])
    if Path(name).name != name:
        raise ValueError(f"{name!r} is not a name")
    candidates = (
        (SBOM, SBOM, f"{name}.cdx.json"),
        (STATEMENT, STATEMENT, f"{name}.provenance.json"),
        (ENVELOPE, ENVELOPE, f"{name}.provenance.dsse.json"),
    )
    attachments = [
        Attachment(kind, (_file(folder, media_type, file),))
        for kind, media_type, file in candidates
        if (folder / file).is_file()
    ]
    signed = [_file(folder, kind, file) for kind, file in _SIGNED if (folder / file).is_file()]
    attachments.append(Attachment(RELEASE, tuple(signed)))
    return ReleaseImage(
        str(target["label"]),
        name,
        folder / name,
        str(target["image"]["digest"]),
        tag,
        tuple(attachments),
    )


def _file(folder: Path, media_type: str, name: str) -> AttachedFile:
    return AttachedFile(media_type, name, (folder / name).read_bytes())
