"""The table [workspace.trust]: names of domains, and the public keys that are trusted for them.

[workspace.trust]
main = "keys/main.pub"                                   # a file of the workspace
nightly = ["keys/old.pub", "MCowBQYDK2VwAyEA..."]        # or the key itself
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..types.errors import BuildError, BuildErrors, Location
from .root import BUILD

if TYPE_CHECKING:
    from .toml import Document

_DOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
_INLINE = re.compile(r"MCowBQYDK2VwAyEA[A-Za-z0-9+/]{43}=")  # SubjectPublicKeyInfo of Ed25519
_PATH = re.compile(r"(?!/)(?!.*(?:^|/)\.\.?(?:/|$))[^\0\\]+\.(?:pub|pem)")
EXPECTED = 'the path of a public key in the workspace ("keys/main.pub"), or the key itself'


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A public key of a domain: a path in the workspace or the text of a PEM file."""

    domain: str
    path: str
    pem: str
    at: Location


def parse_trust(document: Document) -> tuple[TrustedKey, ...] | None:
    """The keys of the table, or None without one. BuildErrors with all errors of the table."""
    workspace = document.values.get("workspace")
    if not isinstance(workspace, dict) or "trust" not in workspace:
        return None
    table, keys, errors = workspace["trust"], list[TrustedKey](), list[BuildError]()
    at = document.positions.get(("workspace", "trust")) or Location(BUILD)
    if not isinstance(table, dict):
        raise BuildError(
            "[workspace.trust] must be a table of public keys",
            at,
            'main = "keys/main.pub"',
            "table",
        )
    for domain, value in table.items():
        at = document.positions.get(("workspace", "trust", domain)) or Location(BUILD)
        if not _DOMAIN.fullmatch(domain):
            fix = "use at most 32 lower-case letters, digits and hyphens, such as main or pr"
            errors.append(BuildError(f"{domain!r} is no name of a domain", at, fix, "table"))
            continue
        for text in value if isinstance(value, list) and value else [value]:
            key = _parse_key(domain, text, at)
            if key is None:
                what = f"[workspace.trust] {domain} must be {EXPECTED}"
                errors.append(BuildError(what, at, "`buildgraph key show` prints it", "table"))
            else:
                keys.append(key)
    if errors:
        raise errors[0] if len(errors) == 1 else BuildErrors(errors)
    return tuple(keys)


def _parse_key(domain: str, text: Any, at: Location) -> TrustedKey | None:
    if isinstance(text, str) and _INLINE.fullmatch(text):
        pem = f"-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n"
        return TrustedKey(domain, "", pem, at)
    if isinstance(text, str) and _PATH.fullmatch(text):
        return TrustedKey(domain, text, "", at)
    return None
