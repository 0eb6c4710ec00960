"""Signatures in records and graphs: without a policy nothing changes, with one nothing can."""

from __future__ import annotations

import pytest

from buildgraph.signing.keys import generate_key
from buildgraph.signing.policy import Signer, TrustPolicy
from buildgraph.store import result_record
from buildgraph.store.signed_record import (
    PART,
    encode_record,
    is_trusted,
    open_graph,
    sign_graph,
    without_signature,
)
from buildgraph.types.digest import Digest
from buildgraph.types.result import File, Result

KEY, LOG = Digest.of(b"key"), Digest.of(b"")
RESULT = Result((("o", File(Digest.of(b"output"))),), LOG, "none", 7)
PARTS = {"command": b"c", "action": b"a"}
POLICY = TrustPolicy({}, Signer(generate_key(), "main"))
READER = TrustPolicy({}, None)


def test_without_a_policy_records_are_as_before() -> None:
    data = result_record.encode(KEY, RESULT, PARTS)
    assert encode_record(None, KEY, RESULT, PARTS) == data
    assert encode_record(READER, KEY, RESULT, PARTS) == data, "no key, no signature"
    assert is_trusted(None, KEY, RESULT, PARTS)
    assert not is_trusted(POLICY, KEY, RESULT, PARTS)


def test_a_signature_covers_every_field() -> None:
    record = result_record.decode(KEY, encode_record(POLICY, KEY, RESULT, PARTS))
    assert record is not None
    result, parts = record
    assert result == RESULT and without_signature(parts) == PARTS
    assert is_trusted(POLICY, KEY, result, parts) and not is_trusted(READER, KEY, result, parts)
    assert not is_trusted(POLICY, Digest.of(b"other"), result, parts)
    for changed in (
        Result((("o", File(Digest.of(b"evil"))),), LOG, "none", 7),
        Result((("p", RESULT.outputs[0][1]),), LOG, "none", 7),
        Result((("o", File(Digest.of(b"output"), True)),), LOG, "none", 7),
        Result(RESULT.outputs, Digest.of(b"log"), "none", 7),
        Result(RESULT.outputs, LOG, "namespaces", 7),
        Result(RESULT.outputs, LOG, "none", 8),
    ):
        assert not is_trusted(POLICY, KEY, changed, parts), changed
    for other in ({**parts, "command": b"d"}, {**parts, "more": b""}, {PART: parts[PART]}):
        assert not is_trusted(POLICY, KEY, result, other)


def test_graphs() -> None:
    assert sign_graph(None, "name", b"graph") == sign_graph(READER, "name", b"graph") == b"graph"
    signed = sign_graph(POLICY, "name", b"graph")
    assert signed.startswith(b"graph")
    assert open_graph(POLICY, "name", signed) == b"graph"
    assert open_graph(None, "name", signed) == signed
    assert open_graph(POLICY, "other", signed) is None
    assert open_graph(READER, "name", signed) is None
    assert open_graph(POLICY, "name", signed + b"x") is None


@pytest.mark.parametrize(
    "data", [b"", b"graph", b"\nbuildgraph signature 1\n", b"\xff\nbuildgraph signature 1\n"]
)
def test_unsigned_and_torn_graphs_are_refused(data: bytes) -> None:
    assert open_graph(POLICY, "name", data) is None


def test_each_changed_byte_of_a_graph_is_refused() -> None:
    signed = sign_graph(POLICY, "name", b"graph")
    for at in range(len(signed)):
        changed = signed[:at] + bytes([signed[at] ^ 1]) + signed[at + 1 :]
        assert open_graph(POLICY, "name", changed) is None, at
