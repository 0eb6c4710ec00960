"""Signed releases: openssl and other programs verify them, by the commands of VERIFY.md."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.signer._key import SSlibKey

from tests.docs.blocks import blocks_of
from tests.support.release_workspace import git, release_workspace
from tests.support.requirements import need
from tests.support.workspace import Space


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Space:
    """A workspace with a signed release v1, and the key beside it; do not change it."""
    space = release_workspace(tmp_path_factory.mktemp("signed"))
    space.run("key", "new", str(space.root.parent / "release.key"))
    space.env["BUILDGRAPH_SIGNING_KEY"] = str(space.root.parent / "release.key")
    space.run("release", "//exports:*", "--tag", "v1", "--once")
    return space


def verify_commands(folder: Path) -> list[str]:
    """Return the commands of VERIFY.md, a block each."""
    text = (folder / "VERIFY.md").read_text()
    return [block.text for block in blocks_of(text) if block.language == "sh"]


def verify(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the commands of VERIFY.md in the folder of a release."""
    need("openssl")
    script = "set -e\n" + "\n".join(verify_commands(folder))
    environ = {"PATH": "/usr/bin:/bin", "TMPDIR": str(folder.parent)}
    return subprocess.run(
        ["sh", "-c", script], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )


def test_openssl_and_sha256sum_verify_a_release(signed: Space, tmp_path: Path) -> None:
    folder = tmp_path / "v1"
    shutil.copytree(signed.root / "releases/v1", folder)
    ran = verify(folder)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("Signature Verified Successfully") == 4


@pytest.mark.parametrize(
    "name",
    ["SHA256SUMS", "SHA256SUMS.sig", "release.json", "build.dsse.json", "exports-pc/index.json"],
)
def test_the_commands_refuse_a_changed_file(signed: Space, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "v1"
    shutil.copytree(signed.root / "releases/v1", folder)
    path = folder / name
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.chmod(0o600)
    path.write_bytes(data)
    assert verify(folder).returncode != 0


def test_the_commands_refuse_a_foreign_key(signed: Space, tmp_path: Path) -> None:
    folder = tmp_path / "v1"
    shutil.copytree(signed.root / "releases/v1", folder)
    signed.run("key", "new", str(tmp_path / "other.key"))
    shutil.copy(tmp_path / "other.key.pub", folder / "release.pub")
    words = ["sh", "-c", verify_commands(folder)[1]]
    assert subprocess.run(words, cwd=folder, capture_output=True, check=False).returncode != 0


def test_securesystemslib_verifies_the_envelopes(signed: Space) -> None:
    folder = signed.root / "releases/v1"
    pem = (folder / "release.pub").read_bytes()
    for envelope in folder.glob("*.dsse.json"):
        document = json.loads(envelope.read_bytes())
        name = document["signatures"][0]["keyid"]
        key = SSlibKey.from_crypto(load_pem_public_key(pem), name)
        parsed = Envelope.from_dict(document)
        parsed.verify([key], 1)
        statement = envelope.name.replace(".dsse", "")
        assert parsed.payload + b"\n" == (folder / statement).read_bytes()


def test_the_ledger_has_the_envelope_of_the_build(signed: Space) -> None:
    text = git(signed.root, "show", "buildgraph-ledger:ledger.jsonl")
    envelope = json.loads(text)["envelope"]
    assert envelope == json.loads((signed.root / "releases/v1/build.dsse.json").read_bytes())
    statement = json.loads(base64.b64decode(envelope["payload"]))
    predicate = statement["predicate"]
    assert predicate["tag"] == "v1" and predicate["started"] <= predicate["finished"]
    assert predicate["builder"]["host"] == os.uname().nodename


def test_a_signature_leaves_the_reproducible_files_alone(signed: Space) -> None:
    folder = signed.root / "releases/v1"
    before = {
        path.name: path.read_bytes() for path in folder.iterdir() if path.name.startswith("exports")
        and path.is_file() and ".dsse" not in path.name
    }  # fmt: skip
    shutil.move(folder, signed.root.parent / "moved")
    try:
        signed.run("release", "//exports:*", "--tag", "v1", "--once", "--unsigned")
        assert {name: (folder / name).read_bytes() for name in before} == before
        assert not list(folder.glob("*.dsse.json")) and not (folder / "SHA256SUMS.sig").exists()
    finally:
        shutil.rmtree(folder)
        shutil.move(signed.root.parent / "moved", folder)


def test_a_key_that_others_can_read_is_refused_before_the_build(
    signed: Space, tmp_path: Path
) -> None:
    key = tmp_path / "open.key"
    shutil.copy(signed.env["BUILDGRAPH_SIGNING_KEY"], key)
    key.chmod(0o644)
    ran = signed.run("release", "//exports:pc", "--tag", "v9", "--key", str(key), code=2)
    assert "open.key" in ran.err and not (signed.root / "releases/v9").exists()
