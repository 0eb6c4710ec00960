"""Trust policies: exactly what a trusted key signed is accepted, for its own domain."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from buildgraph.signing.dsse import Envelope, Signature
from buildgraph.signing.key_files import create_key, read_private_key
from buildgraph.signing.keys import generate_key
from buildgraph.signing.policy import PAYLOAD_TYPE, Signer, TrustPolicy, load_policy
from buildgraph.types.errors import BuildError

MAIN, PR = generate_key(), generate_key()
CLAIM = ("result", f"{'0' * 64}/1", "1" * 64)


def policy() -> TrustPolicy:
    """The policy of a reader that trusts main, and signs nothing."""
    return TrustPolicy({MAIN.public: ["main"]}, None)


def test_a_trusted_claim_and_each_change_of_it() -> None:
    signature = TrustPolicy({}, Signer(MAIN, "main")).sign(*CLAIM)
    reader = policy()
    assert reader.accepts(*CLAIM, signature)
    kind, name, content = CLAIM
    assert not reader.accepts("graph", name, content, signature)
    assert not reader.accepts(kind, name.replace("0", "2", 1), content, signature)
    assert not reader.accepts(kind, name, content.replace("1", "2", 1), signature)
    for at in range(len(signature)):
        changed = signature[:at] + bytes([signature[at] ^ 1]) + signature[at + 1 :]
        assert not reader.accepts(*CLAIM, changed), at
    for size in range(len(signature)):
        assert not reader.accepts(*CLAIM, signature[:size]), size
    assert not reader.accepts(*CLAIM, signature + b"x")


def test_a_key_counts_for_its_own_domain_only() -> None:
    for key, domain in ((MAIN, "pr"), (PR, "main"), (PR, "pr")):
        signature = TrustPolicy({}, Signer(key, domain)).sign(*CLAIM)
        assert not policy().accepts(*CLAIM, signature)
    own = TrustPolicy({MAIN.public: ["main"]}, Signer(PR, "pr"))
    assert own.accepts(*CLAIM, own.sign(*CLAIM)), "a build believes itself"
    assert own.accepts(*CLAIM, TrustPolicy({}, Signer(MAIN, "main")).sign(*CLAIM))


def test_a_signature_is_that_of_a_dsse_envelope() -> None:
    signature = TrustPolicy({}, Signer(MAIN, "main")).sign(*CLAIM)
    statement = {"content": CLAIM[2], "domain": "main", "kind": CLAIM[0], "name": CLAIM[1]}
    payload = json.dumps(statement, sort_keys=True, separators=(",", ":")).encode()
    key_id = signature[64:96].hex()
    envelope = Envelope(payload, PAYLOAD_TYPE, (Signature(key_id, signature[:64]),))
    assert envelope.signers([MAIN.public]) == (MAIN.public,)


def test_a_refusal_is_reported_once() -> None:
    warnings: list[str] = []
    reader = TrustPolicy({MAIN.public: ["main"]}, None, warnings.append)
    assert reader.sign(*CLAIM) == b""
    for signature in (b"", TrustPolicy({}, Signer(PR, "pr")).sign(*CLAIM)):
        assert not reader.accepts(*CLAIM, signature)
    assert len(warnings) == 1 and "a result that is not signed" in warnings[0]
    assert reader.refused == 2


def load(root: Path, text: str, environ: dict[str, str]) -> TrustPolicy | None:
    """The policy of a BUILD.toml."""
    return load_policy(str(root), text.encode(), environ, lambda text: None)


def test_keys_of_a_workspace(tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    (tmp_path / "w/main.pub").write_text(MAIN.public.to_pem())
    table = '[workspace.trust]\nmain = "main.pub"\n'
    assert load(tmp_path / "w", "[workspace]\n", {}) is None
    key = create_key(str(tmp_path / "key"))
    read = load(tmp_path / "w", table, {"BUILDGRAPH_SIGNING_KEY": str(tmp_path / "key")})
    assert read is not None and read.trusted == {MAIN.public: ["main"]}
    assert read.signer is not None and read.signer.domain == f"key-{key.public.key_id[:16]}"
    line = key.public.to_pem().splitlines()[1]
    read = load(
        tmp_path / "w",
        f'{table}pr = "{line}"\n',
        {"BUILDGRAPH_SIGNING_KEY": str(tmp_path / "key")},
    )
    assert read is not None and read.signer is not None and read.signer.domain == "pr"
    for environ in ({"BUILDGRAPH_SIGNING_KEY": str(tmp_path / "none")}, {}):
        (tmp_path / "w/main.pub").write_text("no key" if not environ else MAIN.public.to_pem())
        with pytest.raises(BuildError) as error:
            load(tmp_path / "w", table, environ)
        assert error.value.reason == "signing-key"


def test_a_user_without_a_key_gets_one_of_this_machine(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path)}
    first = load(tmp_path, "[workspace.trust]\n", environ)
    again = load(tmp_path, "[workspace.trust]\n", environ)
    assert first is not None and first.signer is not None
    assert again is not None and again.signer is not None
    assert first.signer.key.public == again.signer.key.public
    path = tmp_path / ".local/state/buildgraph/local-key"
    assert read_private_key(str(path)).public == first.signer.key.public
    path.chmod(0o644)  # others could read it: it signs nothing more
    unsigned = load(tmp_path, "[workspace.trust]\n", environ)
    assert unsigned is not None and unsigned.signer is None
    nobody = load(tmp_path, "[workspace.trust]\n", {})
    assert nobody is not None and nobody.signer is None
