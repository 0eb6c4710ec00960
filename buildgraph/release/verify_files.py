"""Verify the files of a release offline: digests, signatures, and the statements about them.

Each check raises BuildError (reason "verify") that names the file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..types.errors import BuildError
from .documents import (
    BUILD,
    BUILD_ENVELOPE,
    PAYLOAD_TYPE,
    PROVENANCE,
    PROVENANCE_ENVELOPE,
    RELEASE,
    SBOM,
    SIGNATURE,
    SUMS,
    file_digest,
    load_release,
    parse_sum_line,
    paths_below,
)

if TYPE_CHECKING:
    from ..signing.keys import PublicKey

_RESTORE = "get the release again from where it was published, and do not use this copy"
_MAX_SUMS = 64 << 20


@dataclass(frozen=True, slots=True)
class VerifiedFiles:
    """A release whose files are complete and signed: `release.json`, its signers, and its size."""

    release: Mapping[str, Any]
    signers: tuple[str, ...]
    files: int


def refused(what: str, fix: str = _RESTORE) -> BuildError:
    """Return the error for a release that must not be used."""
    return BuildError(what, fix=fix, reason="verify")


def verify_files(folder: Path, tag: str, trusted: Sequence[PublicKey]) -> VerifiedFiles:
    """Verify a folder as the release of a tag: sums, signature of the sums, statements, digests.

    The signature of SHA256SUMS is checked first, so no other file is read before it is trusted.
    """
    data = _read(folder, SUMS)
    signers = _verify_sums_signature(folder, data, trusted)
    sums = parse_sums(data)
    _verify_sums(folder, sums)
    release = load_release(folder)
    if release.get("tag") != tag:
        raise refused(
            f"{RELEASE} is of the release {release.get('tag')}, not of {tag}: "
            "another release was put in its place"
        )
    _verify_links(folder, release)
    _verify_statements(folder, release, trusted)
    _verify_targets(folder, release)
    return VerifiedFiles(release, signers, len(sums))


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except FileNotFoundError:
        raise refused(f"{name} is missing") from None


def _verify_sums_signature(
    folder: Path, data: bytes, trusted: Sequence[PublicKey]
) -> tuple[str, ...]:
    if not (folder / SIGNATURE).exists():
        raise refused(
            f"the release is not signed: {SIGNATURE} is missing",
            "an unsigned release can be rebuilt: `buildgraph verify TAG` without --signatures",
        )
    signature = _read(folder, SIGNATURE)
    signers = tuple(key.key_id for key in trusted if key.verifies(signature, data))
    if not signers:
        raise refused(
            f"no trusted key signed {SUMS}: it was changed, or {SIGNATURE} is by another key",
            "`buildgraph key show FILE` prints the id of a key; trust the releaser's key, or "
            + _RESTORE,
        )
    return signers


def parse_sums(data: bytes) -> dict[str, str]:
    """Map the paths of SHA256SUMS to digests in hex."""
    sums: dict[str, str] = {}
    for number, line in enumerate(data.removesuffix(b"\n").split(b"\n"), 1):
        digest, name = parse_sum_line(line)
        if not digest or {"", ".", ".."} & set(name.split("/")) or name in sums:
            raise refused(f"{SUMS}: line {number} is not valid: {line[:100]!r}")
        sums[name] = digest
    return sums


def _verify_sums(folder: Path, sums: Mapping[str, str]) -> None:
    """Compare each file with its digest; a file that is missing or not listed is refused, too."""
    present = set(paths_below(folder)) - {SUMS, SIGNATURE}
    for name in sorted(sums.keys() | present):
        path = folder / name
        if name not in present:
            raise refused(f"{name} is missing: {SUMS} lists it")
        if name not in sums and not path.is_symlink():
            raise _unlisted(name, SUMS)
        if name in sums and (path.is_symlink() or file_digest(path) != sums[name]):
            digest = "that of a link" if path.is_symlink() else file_digest(path)
            raise refused(f"{name} was changed: its SHA-256 is {digest}, not {sums[name]}")


def _unlisted(name: str, where: str) -> BuildError:
    return refused(f"{name} is not part of the release: {where} does not list it")


def _verify_links(folder: Path, release: Mapping[str, Any]) -> None:
    """Check links, which SHA256SUMS leaves out: release.json lists them with their content."""
    listed = {file["path"] for target in release["targets"] for file in target["files"]}
    for name in paths_below(folder):
        if (folder / name).is_symlink():
            target = os.path.realpath(folder / name)
            if not target.startswith(os.path.realpath(folder) + os.sep):
                raise refused(f"{name} leads out of the release")
            if name not in listed:
                raise _unlisted(name, RELEASE)


def _verify_statements(
    folder: Path, release: Mapping[str, Any], trusted: Iterable[PublicKey]
) -> None:
    from ..signing.dsse import parse_envelope, verify

    keys = tuple(trusted)
    pairs = [(BUILD, BUILD_ENVELOPE)]
    names = [str(target["name"]) for target in release["targets"]]
    pairs += [(f"{name}{PROVENANCE}", f"{name}{PROVENANCE_ENVELOPE}") for name in names]
    for document, name in pairs:
        envelope = parse_envelope(_read(folder, name), name)
        verify(envelope, keys, PAYLOAD_TYPE, name=name)
        if envelope.payload != _read(folder, document).removesuffix(b"\n"):
            raise refused(f"{name} signs another text than {document}")
    _verify_subjects(folder, BUILD)


def _verify_subjects(folder: Path, name: str) -> None:
    """Compare the digests that a statement gives with the files of these names."""
    for subject in json.loads(_read(folder, name))["subject"]:
        path = folder / str(subject["name"])
        if path.is_file() and file_digest(path) != subject["digest"]["sha256"]:
            raise refused(f"{name} is a statement about another {subject['name']}")


def _verify_targets(folder: Path, release: Mapping[str, Any]) -> None:
    """Compare the digests in release.json with the files and images of each target."""
    for target in release["targets"]:
        name = target["name"]
        digests = {file["path"]: file["digest"] for file in target["files"]}
        digests[f"{name}{PROVENANCE}"] = target["provenance"]
        if "image" in target:
            digests[f"{name}{SBOM}"] = target["sbom"]
            _verify_image(folder / name, name, target["image"]["digest"])
        for path, digest in digests.items():
            if f"sha256:{file_digest(folder / path)}" != digest:
                raise refused(f"{path} differs from the digest in {RELEASE}")


def _verify_image(layout: Path, name: str, digest: str) -> None:
    descriptors = json.loads((layout / "index.json").read_bytes())["manifests"]
    if digest not in [descriptor["digest"] for descriptor in descriptors]:
        raise refused(f"{name}/index.json names another image than {RELEASE}: {digest} is missing")
    for blob in sorted((layout / "blobs/sha256").iterdir()):
        if file_digest(blob) != blob.name:
            raise refused(f"{name}/blobs/sha256/{blob.name} has other bytes than its name")
