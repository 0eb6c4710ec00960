"""Ed25519 keys: private ones in PKCS#8, public ones in SubjectPublicKeyInfo, both as PEM.

openssl reads and writes the same files. Ed25519 (RFC 8032) is deterministic: equal messages have
equal signatures, so a signed file is as reproducible as its content.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from ..types.errors import BuildError, Location

_NEW_KEY = "`buildgraph key new PATH` makes an Ed25519 key"


@dataclass(frozen=True)
class PublicKey:
    """A public key; `raw` are its 32 bytes."""

    raw: bytes

    @cached_property
    def _key(self) -> Ed25519PublicKey:
        return Ed25519PublicKey.from_public_bytes(self.raw)

    @cached_property
    def key_id(self) -> str:
        """The SHA-256 of the DER encoding of SubjectPublicKeyInfo: 64 hex digits."""
        return sha256(self._encoded(Encoding.DER)).hexdigest()

    def to_pem(self) -> str:
        """The text of a PEM file."""
        return self._encoded(Encoding.PEM).decode()

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """True if this key made the signature of the message."""
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def _encoded(self, encoding: Encoding) -> bytes:
        return self._key.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)


@dataclass(frozen=True)
class PrivateKey:
    """A private key. It is never printed: `repr` shows its public key only."""

    public: PublicKey
    _key: Ed25519PrivateKey = field(repr=False, compare=False)

    def sign(self, message: bytes) -> bytes:
        """The signature of a message: 64 bytes."""
        return self._key.sign(message)

    def to_pem(self) -> bytes:
        """The bytes of a PEM file, not encrypted."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def generate_key() -> PrivateKey:
    """Make a new key from the random numbers of the system."""
    return _private(Ed25519PrivateKey.generate())


def parse_private_key(pem: bytes, name: str) -> PrivateKey:
    """Parse the content of a private key file; BuildError unless it is one Ed25519 key.

    `name` is the path that errors show.
    """
    try:
        key = load_pem_private_key(pem, None)
    except TypeError:  # it is encrypted
        raise BuildError(
            f"the private key {name} is encrypted",
            fix="`openssl pkey -in KEY -out PATH` writes it without a passphrase",
            reason="signing-key",
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        what = f"{name} is not a private key in PEM form"
        if b"PUBLIC KEY" in pem:
            what = f"{name} is a public key, and a private key is needed"
        raise BuildError(what, fix=_NEW_KEY, reason="signing-key") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise _wrong_algorithm(name, key)
    return _private(key)


def parse_public_key(pem: bytes, name: str, at: Location | None = None) -> PublicKey:
    """Parse the content of a public key file; BuildError unless it is one Ed25519 key.

    `name` is the path that errors show, `at` where the file is named.
    """
    if b"PRIVATE KEY" in pem:
        raise BuildError(
            f"{name} is a private key, and a public key is needed",
            at,
            "name the file that ends with .pub, and keep the private key out of the workspace",
            "signing-key",
        )
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise BuildError(
            f"{name} is not a public key in PEM form", at, _NEW_KEY, "signing-key"
        ) from None
    if not isinstance(key, Ed25519PublicKey):
        raise _wrong_algorithm(name, key, at)
    return PublicKey(key.public_bytes(Encoding.Raw, PublicFormat.Raw))


def _private(key: Ed25519PrivateKey) -> PrivateKey:
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return PrivateKey(PublicKey(raw), key)


def _wrong_algorithm(name: str, key: object, at: Location | None = None) -> BuildError:
    algorithm = type(key).__name__.removesuffix("PrivateKey").removesuffix("PublicKey")
    return BuildError(
        f"{name} is a key for {algorithm}, not for Ed25519", at, _NEW_KEY, "signing-key"
    )
