"""Ed25519 keys: known answers, and errors for what is not such a key."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from buildgraph.signing.keys import (
    PublicKey,
    generate_key,
    parse_private_key,
    parse_public_key,
)
from buildgraph.types.errors import BuildError, Location

# The first test of RFC 8032, section 7.1, in the forms that openssl writes.
SEED_PEM = b"""-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
"""
RAW = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
SIGNATURE = bytes.fromhex(
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b4"
    "6bd25bf5f0595bbe24655141438e7a100b"
)
SPKI_PREFIX = bytes.fromhex("302a300506032b6570032100")


def test_signatures_are_those_of_the_standard() -> None:
    key = parse_private_key(SEED_PEM, "key")
    assert key.public == PublicKey(RAW)
    assert key.sign(b"") == SIGNATURE and key.sign(b"") == SIGNATURE
    assert key.public.verifies(SIGNATURE, b"")
    assert not key.public.verifies(SIGNATURE, b"x")
    assert not key.public.verifies(SIGNATURE[:63], b"")
    assert not generate_key().public.verifies(SIGNATURE, b"")


def test_key_id_is_the_digest_of_the_subject_public_key_info() -> None:
    assert PublicKey(RAW).key_id == hashlib.sha256(SPKI_PREFIX + RAW).hexdigest()


def test_pem_round_trip() -> None:
    key = generate_key()
    assert parse_private_key(key.to_pem(), "key").public == key.public
    assert parse_public_key(key.public.to_pem().encode(), "key.pub") == key.public


def test_a_private_key_is_not_printed() -> None:
    key = parse_private_key(SEED_PEM, "key")
    assert repr(key) == f"PrivateKey(public=PublicKey(raw={RAW!r}))"


def _rsa_pem() -> bytes:
    return rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _ec_pem() -> bytes:
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    return public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def test_other_algorithms_are_named() -> None:
    with pytest.raises(BuildError, match=r"key is a key for RSA, not for Ed25519"):
        parse_private_key(_rsa_pem(), "key")
    with pytest.raises(BuildError, match=r"k\.pub is a key for (EC|EllipticCurve)") as error:
        parse_public_key(_ec_pem(), "k.pub", Location("BUILD.toml", 3))
    assert str(error.value.at) == "BUILD.toml:3"
    assert (error.value.reason, error.value.code) == ("signing-key", 2)


def test_encrypted_keys_are_refused_with_the_command_that_decrypts() -> None:
    key = serialization.load_pem_private_key(SEED_PEM, None)
    encrypted = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    with pytest.raises(BuildError, match="is encrypted") as error:
        parse_private_key(encrypted, "key")
    assert "openssl pkey" in error.value.fix


@pytest.mark.parametrize(
    "pem", [b"", b"\0" * 99, b"key", SEED_PEM[:60], SEED_PEM.replace(b"MC4C", b"MC5C")]
)
def test_other_content_is_refused(pem: bytes) -> None:
    with pytest.raises(BuildError, match="key is not a private key in PEM form"):
        parse_private_key(pem, "key")
    with pytest.raises(BuildError, match="(not a public key in PEM form|is a private key)"):
        parse_public_key(pem, "key")


def test_private_and_public_are_not_mixed_up() -> None:
    key = parse_private_key(SEED_PEM, "key")
    with pytest.raises(BuildError, match="key is a public key, and a private key is needed"):
        parse_private_key(key.public.to_pem().encode(), "key")
    with pytest.raises(BuildError, match="key is a private key, and a public key is needed"):
        parse_public_key(SEED_PEM, "key")
