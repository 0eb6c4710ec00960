"""openssl reads our keys and verifies our signatures, and we read its keys."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from buildgraph.signing.dsse import sign
from buildgraph.signing.key_files import create_key, read_any_key, read_private_key
from buildgraph.types.errors import BuildError
from tests.support.requirements import need


def openssl(*words: str | Path) -> subprocess.CompletedProcess[bytes]:
    """Run openssl."""
    return subprocess.run([need("openssl"), *map(str, words)], capture_output=True)


def test_openssl_verifies_the_signature_of_an_envelope(tmp_path: Path) -> None:
    key = create_key(str(tmp_path / "key"))
    envelope = sign(b"what is signed", "application/x", key)
    (tmp_path / "pae").write_bytes(envelope.pae())
    (tmp_path / "sig").write_bytes(envelope.signatures[0].value)
    words: list[str | Path] = [
        "pkeyutl",
        "-verify",
        "-rawin",
        "-pubin",
        "-inkey",
        tmp_path / "key.pub",
    ]
    words += ["-sigfile", tmp_path / "sig", "-in", tmp_path / "pae"]
    assert openssl(*words).returncode == 0
    (tmp_path / "pae").write_bytes(envelope.pae() + b"x")
    assert openssl(*words).returncode == 1


def test_openssl_and_we_read_the_same_files(tmp_path: Path) -> None:
    key = create_key(str(tmp_path / "key"))
    public = openssl("pkey", "-in", tmp_path / "key", "-pubout").stdout
    assert public == (tmp_path / "key.pub").read_bytes()
    assert openssl("genpkey", "-algorithm", "ed25519", "-out", tmp_path / "other").returncode == 0
    (tmp_path / "other").chmod(0o600)
    other = read_private_key(str(tmp_path / "other"))
    assert other.public != key.public
    openssl("pkey", "-in", tmp_path / "other", "-pubout", "-out", tmp_path / "other.pub")
    assert read_any_key(str(tmp_path / "other.pub")) == other.public
    digest = openssl("pkey", "-in", tmp_path / "other", "-pubout", "-outform", "DER").stdout
    (tmp_path / "der").write_bytes(digest)
    digest = openssl("dgst", "-sha256", "-r", tmp_path / "der").stdout
    assert digest.split()[0].decode() == other.public.key_id


@pytest.mark.parametrize("algorithm", ["x25519", "ed448"])
def test_keys_of_openssl_for_other_algorithms_are_refused(tmp_path: Path, algorithm: str) -> None:
    path = tmp_path / "key"
    assert openssl("genpkey", "-algorithm", algorithm, "-out", path).returncode == 0
    path.chmod(0o600)
    with pytest.raises(BuildError, match=f"for {algorithm.title()}, not for Ed25519"):
        read_private_key(str(path))
