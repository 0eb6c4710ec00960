"""The documents of a release: canonical JSON, `release.json`, and the file SHA256SUMS."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..types.errors import BuildError

SCHEMA = 1
RELEASE, SUMS, SIGNATURE = "release.json", "SHA256SUMS", "SHA256SUMS.sig"
PUBLIC_KEY, BUILD, BUILD_ENVELOPE = "release.pub", "build.json", "build.dsse.json"
VERIFY = "VERIFY.md"
SBOM, PROVENANCE, PROVENANCE_ENVELOPE = ".cdx.json", ".provenance.json", ".provenance.dsse.json"
FILES = ".files"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
_PIECE = 1 << 20
_SHA256 = re.compile(rb"[0-9a-f]{64}")
_ESCAPED, _PLAIN = re.compile(rb"\\([\\nr])"), {b"\\": b"\\", b"n": b"\n", b"r": b"\r"}


def canonical(document: Any) -> bytes:
    """Encode JSON with sorted keys, without spaces, in UTF-8."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sha256(data: bytes) -> str:
    """Return the digest of bytes as `sha256:<hex>`."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def content_digest(release: Mapping[str, Any]) -> str:
    """Return the digest of a release without its `checks`: what a rebuild must reproduce."""
    return sha256(canonical({key: value for key, value in release.items() if key != "checks"}))


def load_release(folder: Path) -> dict[str, Any]:
    """Read `release.json`; raise BuildError if it is missing, damaged or of another version."""
    path = folder / RELEASE
    try:
        release = json.loads(path.read_bytes())
        version = release["schema"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BuildError(
            f"{path} is not the document of a release: {type(error).__name__}: {error}",
            None,
            "name the folder of a release, such as releases/v1.4.0",
            "broken" if isinstance(error, ValueError | KeyError | TypeError) else "usage",
        ) from None
    if version != SCHEMA:
        raise BuildError(
            f"{path} has the version {version} of its format, and this buildgraph reads {SCHEMA}",
            None,
            "use the buildgraph that made the release",
            "usage",
        )
    return dict(release)


def paths_below(folder: Path) -> Iterator[str]:
    """Yield the relative paths of all files and links in a folder, sorted by their bytes."""
    paths = [
        os.path.relpath(os.path.join(above, name), folder)
        for above, folders, names in os.walk(folder)
        for name in (*names, *folders)
        if name in names or os.path.islink(os.path.join(above, name))
    ]
    yield from sorted(paths, key=os.fsencode)


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def sums(folder: Path) -> bytes:
    """Return the text of SHA256SUMS, as `sha256sum` reads it: all files but it and its signature.

    Links are left out: `sha256sum` reads the files that they lead to.
    """
    return b"".join(
        _sum_line(file_digest(folder / name), os.fsencode(name))
        for name in paths_below(folder)
        if name not in (SUMS, SIGNATURE) and not (folder / name).is_symlink()
    )


def _sum_line(digest: str, name: bytes) -> bytes:
    """Return a line as `sha256sum` writes it: an escaped name has a backslash before the digest."""
    escaped = name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
    return b"\\" * (escaped != name) + digest.encode() + b"  " + escaped + b"\n"


def parse_sum_line(line: bytes) -> tuple[str, str]:
    """Return (digest in hex, path) of a line of SHA256SUMS; ('', '') if it is not valid."""
    digest, _, name = line.partition(b"  ")
    if digest.startswith(b"\\"):
        digest, name = digest[1:], _ESCAPED.sub(lambda match: _PLAIN[match[1]], name)
    if not _SHA256.fullmatch(digest):
        return "", ""
    return digest.decode(), os.fsdecode(name)
