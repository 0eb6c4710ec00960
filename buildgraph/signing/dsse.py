"""DSSE envelopes: a payload, its type, and signatures of both.

The format is version 1 of the Dead Simple Signing Envelope
(https://github.com/secure-systems-lab/dsse). securesystemslib, in-toto and sigstore read it.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..types.errors import BuildError
from .keys import PrivateKey, PublicKey

MAX_SIGNATURES = 64
"""An envelope with more signatures is refused: each costs a verification for each trusted key."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature: 64 bytes, and the id of the key. The id is a hint and proves nothing."""

    key_id: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """A payload with its media type and its signatures."""

    payload: bytes
    payload_type: str
    signatures: tuple[Signature, ...] = ()

    def pae(self) -> bytes:
        """The bytes that are signed: the pre-authentication encoding of DSSE."""
        return encode_pae(self.payload_type, self.payload)

    def signed_by(self, key: PrivateKey) -> Envelope:
        """The envelope with the signature of one more key, ordered by key id."""
        others = [one for one in self.signatures if one.key_id != key.public.key_id]
        added = Signature(key.public.key_id, key.sign(self.pae()))
        ordered = sorted([*others, added], key=lambda one: one.key_id)
        return Envelope(self.payload, self.payload_type, tuple(ordered))

    def signers(self, trusted: Iterable[PublicKey]) -> tuple[PublicKey, ...]:
        """The trusted keys that signed the payload and its type, each once."""
        keys = {key.key_id: key for key in trusted}
        message, signers = self.pae(), {}
        for signature in self.signatures:
            named = keys.get(signature.key_id)
            # Other programs compute key ids in another way.
            for key in [named] if named else keys.values():
                if key.key_id not in signers and key.verifies(signature.value, message):
                    signers[key.key_id] = key
        return tuple(signers.values())

    def to_json(self) -> bytes:
        """The canonical file: sorted keys, no spaces, one line."""
        fields = {
            "payload": base64.b64encode(self.payload).decode(),
            "payloadType": self.payload_type,
            "signatures": [
                {"keyid": one.key_id, "sig": base64.b64encode(one.value).decode()}
                for one in self.signatures
            ],
        }
        return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def encode_pae(payload_type: str, payload: bytes) -> bytes:
    """`DSSEv1 LENGTH TYPE LENGTH PAYLOAD`, with lengths in bytes."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign(payload: bytes, payload_type: str, *keys: PrivateKey) -> Envelope:
    """Sign a payload with one or several keys."""
    envelope = Envelope(payload, payload_type)
    for key in keys:
        envelope = envelope.signed_by(key)
    return envelope


def parse_envelope(data: bytes, name: str) -> Envelope:
    """Parse the JSON form; BuildError if it is not an envelope. Signatures are not checked here.

    `name` is what errors call it.
    """
    try:
        fields = json.loads(data)
        signatures = fields["signatures"]
        if not isinstance(signatures, list) or len(signatures) > MAX_SIGNATURES:
            raise ValueError(f"`signatures` is not a list of at most {MAX_SIGNATURES}")
        return Envelope(
            _decode(fields["payload"]),
            _text(fields["payloadType"]),
            tuple(
                Signature(_text(one.get("keyid", "")), _decode(one["sig"])) for one in signatures
            ),
        )
    except KeyError as error:
        problem = f"{error.args[0]!r} is missing"
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        problem = str(error)
    raise BuildError(
        f"{name} is not a DSSE envelope: {problem}",
        fix="get the file again from where it was made",
        reason="signature",
    )


def verify(
    envelope: Envelope, trusted: Iterable[PublicKey], payload_type: str, *, name: str, need: int = 1
) -> tuple[PublicKey, ...]:
    """Check that `need` different trusted keys signed an envelope of this type; return them.

    BuildError with the reason `signature` otherwise. `name` is what errors call the envelope.
    """
    if envelope.payload_type != payload_type:
        raise BuildError(
            f"{name} has the type {envelope.payload_type!r}, not {payload_type!r}",
            fix="name a file of that type",
            reason="signature",
        )
    signers = envelope.signers(trusted)
    if len(signers) < need:
        ids = ", ".join(one.key_id[:16] or "without an id" for one in envelope.signatures)
        what = f"{len(signers)} of {need} needed trusted keys signed {name}"
        if need == 1:
            what = f"no trusted key signed {name}"
        raise BuildError(
            what,
            fix=f"it has signatures by {ids or 'nobody'}: trust one of these keys, "
            "or get the file from where it was made",
            reason="signature",
        )
    return signers


def _decode(text: Any) -> bytes:
    """Decode base64 in the standard or the URL-safe alphabet."""
    try:
        return base64.b64decode(_text(text).translate({45: "+", 95: "/"}), validate=True)
    except binascii.Error as error:
        raise ValueError(f"invalid base64 ({error})") from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r:.40} is not a string")
    return value
