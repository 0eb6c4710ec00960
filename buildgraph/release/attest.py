"""Add the parts of a release that differ between machines: builder, times and signatures."""

from __future__ import annotations

import getpass
import os
import platform
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .collect import Collector
from .documents import (
    BUILD,
    BUILD_ENVELOPE,
    PAYLOAD_TYPE,
    PROVENANCE,
    PROVENANCE_ENVELOPE,
    PUBLIC_KEY,
    RELEASE,
    SIGNATURE,
    SUMS,
    VERIFY,
    canonical,
    content_digest,
    sha256,
    sums,
)
from .provenance import STATEMENT
from .stamp import rfc3339
from .verify_page import verify_page

if TYPE_CHECKING:
    from ..signing.keys import PrivateKey

PREDICATE = "https://buildgraph.dev/attestation/build/v1"


@dataclass(frozen=True, slots=True)
class Builder:
    """The builder of a release: host, user, system, and the times of its build (s since 1970)."""

    host: str
    user: str
    system: str
    started: int
    finished: int

    @classmethod
    def here(cls, started: float) -> Builder:
        """The builder that runs this process, and has finished now."""
        try:
            user = getpass.getuser()
        except (KeyError, OSError):  # a user without a name
            user = str(os.geteuid())
        system = f"{platform.system()} {platform.machine()}"
        return cls(socket.gethostname(), user, system, int(started), int(time.time()))


def build_statement(
    release: Mapping[str, Any], collected: Collector, builder: Builder
) -> dict[str, Any]:
    """Return the statement about the build: the builder, its times, and the checks."""
    subjects = [{"name": RELEASE, "digest": _hex(sha256(canonical(release) + b"\n"))}]
    for target in release["targets"]:
        provenance = f"{target['name']}{PROVENANCE}"
        subjects.append({"name": provenance, "digest": _hex(target["provenance"])})
        if "image" in target:
            image = target["image"]
            subjects.append({"name": image["name"], "digest": _hex(image["digest"])})
    finished = collected.finished
    counts = (finished.ran, finished.hits, finished.shared) if finished else (0, 0, 0)
    return {
        "_type": STATEMENT,
        "subject": subjects,
        "predicateType": PREDICATE,
        "predicate": {
            "tag": release["tag"],
            "content": content_digest(release),
            "builder": {"host": builder.host, "user": builder.user, "system": builder.system},
            "started": rfc3339(builder.started),
            "finished": rfc3339(builder.finished),
            "sandbox": collected.weakest,
            "checks": release["checks"],
            "actions": dict(zip(("ran", "hits", "shared"), counts, strict=True)),
        },
    }


def _hex(digest: str) -> dict[str, str]:
    return {"sha256": digest.removeprefix("sha256:")}


def complete(
    folder: Path, release: Mapping[str, Any], statement: Mapping[str, Any], key: PrivateKey | None
) -> None:
    """Write the statement, VERIFY.md, SHA256SUMS, and with a key the signatures."""
    (folder / BUILD).write_bytes(canonical(statement) + b"\n")
    names = [target["name"] for target in release["targets"]]
    with_image = [target["name"] for target in release["targets"] if "image" in target]
    page = verify_page(with_image[0] if with_image else "", key is not None)
    (folder / VERIFY).write_text(page, encoding="utf-8")
    if key is not None:
        _sign_statements(folder, names, key)
    text = sums(folder)
    (folder / SUMS).write_bytes(text)
    if key is not None:
        (folder / SIGNATURE).write_bytes(key.sign(text))


def _sign_statements(folder: Path, names: list[str], key: PrivateKey) -> None:
    from ..signing.dsse import sign

    (folder / PUBLIC_KEY).write_text(key.public.to_pem(), encoding="ascii")
    pairs = [(BUILD, BUILD_ENVELOPE)]
    pairs += [(f"{name}{PROVENANCE}", f"{name}{PROVENANCE_ENVELOPE}") for name in names]
    for document, envelope in pairs:
        payload = (folder / document).read_bytes().removesuffix(b"\n")
        (folder / envelope).write_bytes(sign(payload, PAYLOAD_TYPE, key).to_json())
