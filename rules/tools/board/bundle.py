"""Bundles: the root of an image and how it runs, in one archive that a board verifies by its
SHA-256.

`boardinit` unpacks the first member, `settings`, and the members below `root/`.
"""

from __future__ import annotations

import hashlib
import json
import re
import stat
import tarfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from board import cpio
from board.errors import BoardError

STATE = "/data"
_HEAD = "bgbundle 1"
_IDENTITY = re.compile(rb'"state":"([0-9a-f]{16})"')
_LARGEST = 8191  # bytes of settings that boardinit reads
_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle as bytes; its name contains its digest."""

    content: bytes

    @property
    def digest(self) -> str:
        """SHA-256 in hexadecimal digits."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def name(self) -> str:
        """File name on a board."""
        return f"sha256-{self.digest}.cpio"


@dataclass(frozen=True, slots=True)
class Image:
    """An unpacked image: configuration, and members of its root by path."""

    config: Mapping[str, Any]
    root: Mapping[str, cpio.Member]


def read_image(layout: Path) -> Image:
    """Read the only image of an OCI layout; BoardError for what a board cannot run."""
    index = json.loads((layout / "index.json").read_bytes())
    manifest = json.loads(_blob(layout, index["manifests"][0]["digest"]))
    config = json.loads(_blob(layout, manifest["config"]["digest"]))
    root: dict[str, cpio.Member] = {}
    for layer in manifest["layers"]:
        content = _blob(layout, layer["digest"])
        _apply(root, content if layer["mediaType"].endswith(".tar") else _gunzip(content))
    return Image(config, root)


def pack(image: Image, note: str = "") -> Bundle:
    """Pack an image; `note` is a line that changes the digest and nothing else."""
    members = [
        cpio.Member(f"root/{path}", member.mode, member.data, member.owner)
        for path, member in sorted(image.root.items())
    ]
    text = "\n".join((*_settings(image), *([f"note {note}"] if note else []))) + "\n"
    if len(text.encode()) > _LARGEST:
        raise BoardError(f"the image's command and environment have more than {_LARGEST} bytes")
    return Bundle(cpio.archive([cpio.file("settings", text.encode()), *members]))


def command(image: Image) -> list[str]:
    """Return the words that a board runs: those of the image, and the state in its folder."""
    process = image.config["config"]
    words = [*(process.get("Entrypoint") or ()), *(process.get("Cmd") or ())]
    return [*words, "--state", f"{STATE}/state"]


def port(image: Image) -> int:
    """Return the TCP port of the program; 0 without one."""
    ports = sorted(image.config["config"].get("ExposedPorts") or {"0/tcp": {}})
    return int(str(ports[0]).partition("/")[0])


def _settings(image: Image) -> Iterator[str]:
    process = image.config["config"]
    user, _, group = str(process.get("User", "")).partition(":")
    if not user.isdecimal() or not int(user):
        raise BoardError(f"the image's user {user!r} is not the number of an ordinary user")
    words = command(image)
    yield _HEAD
    yield f"user {user}"
    yield f"group {group or user}"
    yield f"port {port(image)}"
    yield f"state {STATE}"
    program = image.root.get(words[0].lstrip("/"))
    identity = _IDENTITY.search(program.data) if program else None
    if identity:
        yield f"identity {identity[1].decode()}"
    rows = (("run", words), ("health", _health(process)), ("env", process.get("Env") or ()))
    for key, values in rows:
        for value in values:
            if "\n" in value or not value:
                raise BoardError(f"{key} {value!r}: a board needs words without line ends")
            yield f"{key} {value}"


def _health(process: Mapping[str, Any]) -> Sequence[str]:
    kind, *words = (process.get("Healthcheck") or {}).get("Test") or ["NONE"]
    return words if kind == "CMD" else ()


def _blob(layout: Path, digest: str) -> bytes:
    content = (layout / "blobs" / digest.replace(":", "/", 1)).read_bytes()
    if digest != "sha256:" + hashlib.sha256(content).hexdigest():
        raise BoardError(f"the blob {digest} of the image is damaged")
    return content


def _gunzip(content: bytes) -> bytes:
    """Unpack all members of a gzip file."""
    out = b""
    while content:
        member = zlib.decompressobj(wbits=31)
        out += member.decompress(content)
        content = member.unused_data
    return out


def _apply(root: dict[str, cpio.Member], layer: bytes) -> None:
    """Put a layer on a root; whiteouts remove what is below (image-spec's layer.md)."""
    with tarfile.open(fileobj=BytesIO(layer)) as tar:
        for entry in tar:
            path = entry.name.removeprefix("./").strip("/")
            above, _, name = path.rpartition("/")
            if name == _OPAQUE:
                _remove(root, above, keep=True)
            elif name.startswith(_WHITEOUT):
                _remove(root, f"{above}/{name[len(_WHITEOUT) :]}".lstrip("/"))
            elif path:
                member = _member(root, path, entry, tar)
                if member:
                    root[path] = member


def _remove(root: dict[str, cpio.Member], path: str, keep: bool = False) -> None:
    for name in [name for name in root if name.startswith(f"{path}/")]:
        del root[name]
    if not keep:
        root.pop(path, None)


def _member(
    root: Mapping[str, cpio.Member], path: str, entry: tarfile.TarInfo, tar: tarfile.TarFile
) -> cpio.Member | None:
    """Return the member of an entry; None for devices, which a board's root has not."""
    owner = (entry.uid, entry.gid)
    if entry.isdir():
        return cpio.folder(path, entry.mode, owner)
    if entry.issym():
        return cpio.Member(path, stat.S_IFLNK | 0o777, entry.linkname.encode(), owner)
    if entry.islnk():
        other = root[entry.linkname.removeprefix("./").strip("/")]
        return cpio.Member(path, other.mode, other.data, other.owner)
    stream = tar.extractfile(entry) if entry.isfile() else None
    return cpio.file(path, stream.read(), entry.mode, owner) if stream else None
