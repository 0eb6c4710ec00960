"""Programs of others agree with `verify`: each accepts a good release and refuses a changed one.

The table CHECKS names the programs, the file that each reads, and the changed byte. They run
without network. `.ci/verifiers.txt` has the versions.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.release_workspace import release_workspace
from tests.support.requirements import absent, need
from tests.support.workspace import Space

_DSSE = """
import json, sys
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.signer import SSlibKey
document = json.load(open(sys.argv[1]))
pem = load_pem_public_key(open(sys.argv[2], "rb").read())
key = SSlibKey.from_crypto(pem, document["signatures"][0]["keyid"])
"""
_SECURESYSTEMSLIB = f"""{_DSSE}
from securesystemslib.dsse import Envelope
Envelope.from_dict(document).verify([key], 1)
"""
_IN_TOTO = f"""{_DSSE}
from in_toto.models.metadata import Metadata
Metadata.load(sys.argv[1]).verify_signature({{"keyid": key.keyid, **key.to_dict()}})
"""
_ATTESTATION = """
import sys
from google.protobuf.json_format import Parse
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
text = open(sys.argv[1]).read()
Statement.copy_from_pb(Parse(text, statement_pb2.Statement())).validate()
"""
_CYCLONEDX = """
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(sys.argv[1]).read())
sys.exit(str(error) if error else 0)
"""
_SIGSTORE = """
const { readFileSync } = require("fs");
const { createPublicKey } = require("crypto");
const { bundleFromJSON } = require("@sigstore/bundle");
const { Verifier, toSignedEntity, toTrustMaterial } = require("@sigstore/verify");
const [envelope, pem] = process.argv.slice(1);
const rawBytes = createPublicKey(readFileSync(pem)).export({ format: "der", type: "spki" });
const bundle = bundleFromJSON({
  mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
  verificationMaterial: { publicKey: { hint: "release" }, tlogEntries: [] },
  dsseEnvelope: JSON.parse(readFileSync(envelope)),
});
const none = { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [] };
const trust = toTrustMaterial(none, { release: { rawBytes } });
// A plain key has no certificate and is in no log, so the signature is all that can be checked.
const limits = { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 };
new Verifier(trust, limits).verify(toSignedEntity(bundle));
"""


@dataclass(frozen=True)
class Check:
    """A program that checks a release: its command, and the file in which a bit is flipped.

    In the command, PYTHON and DIFFOSCOPE stand for installed programs, GOOD for the folder of the
    release. The bit is in the first byte after the text `after`.
    """

    command: Sequence[str]
    name: str
    after: bytes = b""


CHECKS = {
    "sha256sum: all files": Check(
        ("sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"), "exports-pc/index.json"
    ),
    "openssl: the list of files": Check(
        (
            *("openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "release.pub"),
            *("-sigfile", "SHA256SUMS.sig", "-in", "SHA256SUMS"),
        ),
        "SHA256SUMS",
    ),
    "securesystemslib: an envelope": Check(
        ("PYTHON", "-c", _SECURESYSTEMSLIB, "build.dsse.json", "release.pub"),
        "build.dsse.json",
        b'"payload":"',
    ),
    "in-toto: an envelope": Check(
        ("PYTHON", "-c", _IN_TOTO, "exports-pc.provenance.dsse.json", "release.pub"),
        "exports-pc.provenance.dsse.json",
        b'"payload":"',
    ),
    "@sigstore/verify: an envelope": Check(
        ("node", "-e", _SIGSTORE, "exports-pc.provenance.dsse.json", "release.pub"),
        "exports-pc.provenance.dsse.json",
        b'"payload":"',
    ),
    "in-toto-attestation: the form of a statement": Check(
        ("PYTHON", "-c", _ATTESTATION, "exports-pc.provenance.json"),
        "exports-pc.provenance.json",
        b"https://in-toto.io/",
    ),
    "cyclonedx: the form of an SBOM": Check(
        ("PYTHON", "-c", _CYCLONEDX, "exports-pc.cdx.json"), "exports-pc.cdx.json", b'"bomFormat":"'
    ),
    "diffoscope: equal folders": Check(
        ("DIFFOSCOPE", "--exclude-directory-metadata=yes", "GOOD", "."), "exports-pc.cdx.json"
    ),
}


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Space:
    """A workspace with the signed release v1; do not change it."""
    space = release_workspace(tmp_path_factory.mktemp("signed"))
    key = str(space.root.parent / "release.key")
    space.run("key", "new", key)
    space.run("release", "//exports:pc", "--tag", "v1", "--once", "--key", key)
    return space


def _verifiers() -> Path:
    """Return the folder of the installed programs."""
    folder = Path(os.environ.get("BUILDGRAPH_VERIFIERS", "verifiers-not-installed"))
    if not (folder / "verifiers.txt").exists():
        absent("BUILDGRAPH_VERIFIERS names no folder that `.ci/verifiers FOLDER` made")
    return folder


def _run(command: Sequence[str], good: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in the folder of a release, without network."""
    words, environ = list(command), {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    if words[0] in ("PYTHON", "DIFFOSCOPE", "node"):
        installed = _verifiers()
        environ["NODE_PATH"] = str(installed / "node_modules")
        places = {"PYTHON": "venv/bin/python", "DIFFOSCOPE": "venv/bin/diffoscope"}
        if words[0] in places:
            words[0] = str(installed / places[words[0]])
    words = [str(good) if word == "GOOD" else word for word in words]
    offline = (need("bwrap"), "--dev-bind", "/", "/", "--unshare-net", "--")
    need(words[0])
    return subprocess.run(
        [*offline, *words],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("name", CHECKS)
def test_a_foreign_program_accepts_a_release_and_refuses_a_flipped_bit(
    name: str, signed: Space, tmp_path: Path
) -> None:
    check, good, bad = CHECKS[name], signed.root / "releases/v1", tmp_path / "v1"
    shutil.copytree(good, bad)
    accepted = _run(check.command, good, bad)
    assert accepted.returncode == 0, accepted.stderr
    path = bad / check.name
    data = bytearray(path.read_bytes())
    data[data.index(check.after) + len(check.after)] ^= 1
    path.chmod(0o600)
    path.write_bytes(data)
    refused = _run(check.command, good, bad)
    assert refused.returncode not in (0, 127), refused.stdout
