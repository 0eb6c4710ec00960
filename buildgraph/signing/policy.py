"""Trust in shared results: the signatures that a result or a graph needs before a build uses it.

`[workspace.trust]` maps names of *domains* to public keys. A domain is a class of branches: `main`
for builds of the main branch, `pr` for pull requests. A claim is a signed statement: in this
domain, this key of an action had this result. The signature is a DSSE signature of the payload

    {"content":"<SHA-256>","domain":"<domain>","kind":"<result or graph>","name":"<name>"}

The payload is never stored. A reader computes it from the record that it has and the name that it
looked up, so a signature that is moved to another key, result or kind does not verify.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..types.errors import BuildError
from ..workspace.root import BUILD
from ..workspace.toml import parse
from ..workspace.trust_table import TrustedKey, parse_trust
from .dsse import encode_pae
from .key_files import create_key, read_private_key, read_public_key
from .keys import PrivateKey, PublicKey, parse_public_key

PAYLOAD_TYPE = "application/vnd.buildgraph.claim+json"
VARIABLE = "BUILDGRAPH_SIGNING_KEY"
"""The path of the private key that signs."""
_SIGNATURE, _KEY_ID = 64, 32  # bytes


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key and the domain that it signs for."""

    key: PrivateKey
    domain: str


class TrustPolicy:
    """The keys whose claims a build believes, and the key that it signs with.

    `trusted` maps key ids to keys and their domains. A build also believes its own key. `warn` is
    called once, with the text of a warning, when a claim is not believed.
    """

    def __init__(
        self,
        trusted: Mapping[PublicKey, Sequence[str]],
        signer: Signer | None,
        warn: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.trusted, self.signer, self._warn = trusted, signer, warn
        self._keys = {bytes.fromhex(key.key_id): (key, set(trusted[key])) for key in trusted}
        if signer is not None:
            key_id = bytes.fromhex(signer.key.public.key_id)
            self._keys.setdefault(key_id, (signer.key.public, set()))[1].add(signer.domain)
        self.refused = 0

    def sign(self, kind: str, name: str, content: str) -> bytes:
        """The signature of a claim; empty without a key.

        `kind` is "result" or "graph", `content` the SHA-256 of what has the name.
        """
        if self.signer is None:
            return b""
        key, domain = self.signer.key, self.signer.domain
        signature = key.sign(_message(kind, name, content, domain))
        return signature + bytes.fromhex(key.public.key_id) + domain.encode()

    def accepts(self, kind: str, name: str, content: str, signature: bytes) -> bool:
        """True if a trusted key signed exactly this claim, for a domain that it is trusted for."""
        value, key_id = signature[:_SIGNATURE], signature[_SIGNATURE : _SIGNATURE + _KEY_ID]
        domain = signature[_SIGNATURE + _KEY_ID :].decode("ascii", "replace")
        key, domains = self._keys.get(key_id, (None, set()))
        if key is not None and domain in domains:
            is_valid = key.verifies(value, _message(kind, name, content, domain))
            if is_valid:
                return True
        self.refused += 1
        if self.refused == 1:
            who = f"signed by key {key_id.hex()[:16]}" if key_id else "not signed"
            self._warn(
                f"the cache has a {kind} that is {who}: entries without a trusted signature "
                "are not used (`buildgraph doctor` lists the trusted keys)"
            )
        return False


def load_policy(
    root: str, data: bytes, environ: Mapping[str, str], warn: Callable[[str], None]
) -> TrustPolicy | None:
    """The policy of a workspace whose root BUILD.toml has these bytes.

    None without a table [workspace.trust]. BuildError for a key that cannot be used.
    """
    keys = parse_trust(parse(data, BUILD))
    if keys is None:
        return None
    trusted: dict[PublicKey, list[str]] = {}
    for entry in keys:
        trusted.setdefault(_public_key(root, entry), []).append(entry.domain)
    path = environ.get(VARIABLE, "")
    key = read_private_key(path) if path else _local_key(environ)
    signer = None
    if key is not None:
        domains = trusted.get(key.public, [])
        signer = Signer(key, domains[0] if domains else f"key-{key.public.key_id[:16]}")
    return TrustPolicy(trusted, signer, warn)


def _public_key(root: str, entry: TrustedKey) -> PublicKey:
    if entry.path:
        return read_public_key(os.path.join(root, entry.path), entry.at, entry.path)
    return parse_public_key(entry.pem.encode(), "the key", entry.at)


def _local_key(environ: Mapping[str, str]) -> PrivateKey | None:
    """The key of this user on this machine, made at its first use; None if that is impossible.

    With it, builds without a key of a branch find their own results again, and nobody else's.
    """
    base = environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(base):
        home = environ.get("HOME", "")
        if not os.path.isabs(home):
            return None
        base = os.path.join(home, ".local", "state")
    path = os.path.join(base, "buildgraph", "local-key")
    try:
        if not os.path.lexists(path):
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            return create_key(path)
        return read_private_key(path)
    except (BuildError, OSError):
        return None


def _message(kind: str, name: str, content: str, domain: str) -> bytes:
    # Domains, kinds and names have no characters that JSON escapes.
    payload = f'{{"content":"{content}","domain":"{domain}","kind":"{kind}","name":"{name}"}}'
    return encode_pae(PAYLOAD_TYPE, payload.encode())
