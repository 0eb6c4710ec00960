"""DSSE envelopes: the specification's encoding, canonical files, thresholds, and refusals."""

from __future__ import annotations

import base64
import json

import pytest
from securesystemslib.dsse import Envelope as TheirEnvelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer._crypto_signer import CryptoSigner
from securesystemslib.signer._key import SSlibKey

from buildgraph.signing.dsse import (
    Envelope,
    Signature,
    encode_pae,
    parse_envelope,
    sign,
    verify,
)
from buildgraph.signing.keys import PublicKey, generate_key
from buildgraph.types.errors import BuildError

TYPE = "application/vnd.in-toto+json"


def their_key(key: PublicKey) -> SSlibKey:
    """The key as securesystemslib has it, with our id."""
    return SSlibKey(key.key_id, "ed25519", "ed25519", {"public": key.raw.hex()})


def test_the_encoding_is_that_of_the_specification() -> None:
    # The example of the specification's test vectors.
    pae = encode_pae("http://example.com/HelloWorld", b"hello world")
    assert pae == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert encode_pae("\u00e4", b"") == b"DSSEv1 2 \xc3\xa4 0 "


def test_securesystemslib_verifies_ours() -> None:
    first, second, foreign = (generate_key() for _ in range(3))
    envelope = sign(b"payload \xff", TYPE, first, second)
    theirs = TheirEnvelope.from_dict(json.loads(envelope.to_json()))
    theirs.verify([their_key(first.public), their_key(second.public)], 2)
    with pytest.raises(VerificationError):
        theirs.verify([their_key(first.public), their_key(foreign.public)], 2)


def test_we_verify_those_of_securesystemslib() -> None:
    signer = CryptoSigner.generate_ed25519()
    theirs = TheirEnvelope(b"payload", TYPE, {})
    theirs.sign(signer)
    envelope = parse_envelope(json.dumps(theirs.to_dict()).encode(), "theirs")
    key = PublicKey(bytes.fromhex(signer.public_key.keyval["public"]))
    # Their key id is another digest: it is a hint, and no reason to refuse.
    assert envelope.signatures[0].key_id != key.key_id
    assert verify(envelope, [key], TYPE, name="theirs") == (key,)


def test_files_are_canonical() -> None:
    first, second = generate_key(), generate_key()
    one, other = sign(b"x", TYPE, first, second), sign(b"x", TYPE, second, first, second)
    assert one == other and one.to_json() == other.to_json()
    assert parse_envelope(one.to_json(), "one") == one
    assert one.to_json().count(b"\n") == 1 and b" " not in one.to_json()


def test_each_flipped_bit_is_refused() -> None:
    key = generate_key()
    envelope = sign(b"statement", TYPE, key)
    for index in range(8 * len(envelope.payload)):
        payload = bytearray(envelope.payload)
        payload[index // 8] ^= 1 << index % 8
        assert Envelope(bytes(payload), TYPE, envelope.signatures).signers([key.public]) == ()
    (signature,) = envelope.signatures
    for index in range(8 * 64):
        value = bytearray(signature.value)
        value[index // 8] ^= 1 << index % 8
        flipped = Signature(signature.key_id, bytes(value))
        assert Envelope(envelope.payload, TYPE, (flipped,)).signers([key.public]) == ()


def test_the_type_is_signed_and_checked() -> None:
    key = generate_key()
    envelope = sign(b"x", TYPE, key)
    assert Envelope(b"x", "text/plain", envelope.signatures).signers([key.public]) == ()
    with pytest.raises(BuildError, match="not 'text/plain'") as error:
        verify(envelope, [key.public], "text/plain", name="x.dsse")
    assert (error.value.reason, error.value.code) == ("signature", 3)


def test_one_key_counts_once() -> None:
    key, other = generate_key(), generate_key()
    envelope = sign(b"x", TYPE, key)
    doubled = Envelope(
        b"x", TYPE, (*envelope.signatures, Signature("other id", envelope.signatures[0].value))
    )
    assert doubled.signers([key.public, other.public]) == (key.public,)
    with pytest.raises(BuildError, match=r"1 of 2 needed trusted keys signed x\.dsse"):
        verify(doubled, [key.public, other.public], TYPE, name="x.dsse", need=2)
    both = envelope.signed_by(other)
    assert set(verify(both, [key.public, other.public], TYPE, name="x", need=2)) == {
        key.public,
        other.public,
    }


def test_foreign_keys_and_wrong_hints_are_refused() -> None:
    key, foreign = generate_key(), generate_key()
    envelope = sign(b"x", TYPE, foreign)
    with pytest.raises(BuildError, match=r"no trusted key signed x\.dsse") as error:
        verify(envelope, [key.public], TYPE, name="x.dsse")
    assert foreign.public.key_id[:16] in error.value.fix
    claimed = Envelope(b"x", TYPE, (Signature(key.public.key_id, envelope.signatures[0].value),))
    assert claimed.signers([key.public]) == ()
    with pytest.raises(BuildError, match="no trusted key signed"):
        verify(Envelope(b"x", TYPE), [key.public], TYPE, name="x")
    with pytest.raises(BuildError, match="no trusted key signed"):
        verify(envelope, [], TYPE, name="x")


def test_both_alphabets_of_base64_are_read() -> None:
    key = generate_key()
    payload = b"\xfb\xff\xfe" * 5
    fields = json.loads(sign(payload, TYPE, key).to_json())
    fields["payload"] = base64.urlsafe_b64encode(payload).decode()
    assert "-" in fields["payload"] and "_" in fields["payload"]
    assert parse_envelope(json.dumps(fields).encode(), "x").signers([key.public]) == (key.public,)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b"\xff",
        b"[" * 100_000,
        b'{"payload":1,"payloadType":"t","signatures":[]}',
        b'{"payload":"","payloadType":1,"signatures":[]}',
        b'{"payload":"","payloadType":"t","signatures":{}}',
        b'{"payload":"","payloadType":"t","signatures":[1]}',
        b'{"payload":"","payloadType":"t","signatures":[{}]}',
        b'{"payload":"a","payloadType":"t","signatures":[]}',
        b'{"payload":"\xc3\xa4","payloadType":"t","signatures":[]}',
        b'{"payload":"","payloadType":"t","signatures":[' + b'{"sig":""},' * 64 + b'{"sig":""}]}',
    ],
    ids=lambda data: data[:30].decode(errors="replace"),
)
def test_other_content_is_refused(data: bytes) -> None:
    with pytest.raises(BuildError, match="x is not a DSSE envelope") as error:
        parse_envelope(data, "x")
    assert error.value.reason == "signature"
