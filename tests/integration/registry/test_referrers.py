"""Documents about an image: by the API of referrers, and by the fallback tag."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from buildgraph.registry.client import Repository
from buildgraph.registry.documents import INDEX, MANIFEST, Descriptor, canonical, digest_of
from buildgraph.registry.push import push_layout
from buildgraph.registry.reference import parse_reference
from buildgraph.registry.referrers import (
    AttachedFile,
    Attachment,
    attach,
    fetch_attachments,
    list_referrers,
)
from buildgraph.types.errors import BuildError
from tests.support.image_layouts import write_layout
from tests.support.registry_server import registry_server
from tests.support.scripted_registry import Answer, Asked, scripted_server

SBOM = "application/vnd.cyclonedx+json"


def attachment(content: bytes) -> Attachment:
    """An attachment of one file."""
    return Attachment(SBOM, (AttachedFile(SBOM, "sbom.json", content),), {"a": "b"})


def test_a_registry_without_the_api_gets_the_fallback_tag(tmp_path: Path) -> None:
    write_layout(tmp_path / "one", {"agent": b"1"})
    with registry_server(tmp_path) as server:
        reference = parse_reference(f"{server.host}/robots/one:v1")
        with Repository(reference) as target:
            digest = push_layout(tmp_path / "one", target).reference.digest
            document = target.manifest(digest)
            assert document
            subject = Descriptor(MANIFEST, digest, len(document.content))
            assert list_referrers(target, digest) == ()
            items = attach(target, subject, [attachment(b"1"), attachment(b"2")])
            assert [item.kind for item in items if item.how == "sent"] == [
                *("blob", "blob", "referrer", "blob", "referrer", "index")
            ]
            # Another tool adds an entry with a field of its own, which stays.
            tag = digest.replace(":", "-")
            tagged = target.manifest(tag)
            assert tagged
            index = json.loads(tagged.content)
            index["manifests"][0]["data"] = "e30="
            target.put_manifest(tag, INDEX, canonical(index))
            again = attach(target, subject, [attachment(b"1"), attachment(b"3")])
            assert {item.how for item in again if item.kind == "index"} == {"sent"}
            entries = list_referrers(target, digest)
            tagged = target.manifest(tag)
            assert tagged and b'"data":"e30="' in tagged.content
            assert not [i for i in attach(target, subject, [attachment(b"3")]) if i.how == "sent"]
            manifest = target.manifest(entries[0].digest)
    assert [entry.artifact_type for entry in entries] == [SBOM] * 3 and manifest
    fields = json.loads(manifest.content)
    assert fields["subject"] == subject.document() and fields["artifactType"] == SBOM
    assert fields["layers"][0]["digest"] == digest_of(b"1")
    assert fields["layers"][0]["annotations"] == {"org.opencontainers.image.title": "sbom.json"}


def test_a_registry_with_the_api_gets_no_tag() -> None:
    stored: dict[str, bytes] = {}
    subject = Descriptor(MANIFEST, digest_of(b"subject"), 7)

    def script(asked: Asked) -> Answer:
        name = asked.path.rpartition("/")[2]
        if "/referrers/" in asked.path:
            entries = [{"mediaType": MANIFEST, "digest": key, "size": 1} for key in stored]
            document = {"mediaType": INDEX, "manifests": entries}
            return Answer(200, json.dumps(document).encode(), {"Content-Type": INDEX})
        if asked.method == "PUT" and "/manifests/" in asked.path:
            stored[name] = asked.body
            return Answer(201, headers={"OCI-Subject": subject.digest})
        return Answer(200 if "/blobs/" in asked.path or name in stored else 404)

    with scripted_server(script) as server:
        with Repository(parse_reference(f"{server.host}/robots/one")) as target:
            items = attach(target, subject, [attachment(b"1")])
            listed = list_referrers(target, subject.digest)
    assert [item.kind for item in items] == ["blob", "blob", "referrer"]
    assert [entry.digest for entry in listed] == list(stored)
    assert not [line for line in server.lines() if "sha256-" in line]


def attached(name: str, content: bytes, size: int) -> list[bytes]:
    """The files that are fetched of a registry with one document of a name, content and size."""
    subject = {"mediaType": MANIFEST, "digest": digest_of(b"subject"), "size": 7}
    title = {"org.opencontainers.image.title": name}
    layer = {"mediaType": SBOM, "digest": digest_of(b"sbom"), "size": size, "annotations": title}
    document = {"mediaType": MANIFEST, "config": layer, "layers": [layer], "subject": subject}
    body = json.dumps(document).encode()
    entry = {"mediaType": MANIFEST, "digest": digest_of(body), "size": len(body)}
    listed = json.dumps({"mediaType": INDEX, "manifests": [entry]}).encode()

    def script(asked: Asked) -> Answer:
        if "/referrers/" in asked.path:
            return Answer(200, listed, {"Content-Type": INDEX})
        if "/blobs/" in asked.path:
            return Answer(200, content)
        return Answer(200, body, {"Content-Type": MANIFEST})

    with scripted_server(script) as server:
        with Repository(parse_reference(f"{server.host}/robots/one")) as source:
            return [file.content for _, file in fetch_attachments(source, digest_of(b"subject"))]


@pytest.mark.parametrize(
    ("name", "content", "size"),
    [
        *(("../sbom", b"sbom", 4), ("/etc/passwd", b"sbom", 4), (".bashrc", b"sbom", 4)),
        *(("sbom", b"bomb", 4), ("sbom", b"sbom+", 4), ("sbom", b"sbom", 1 << 30)),
    ],
)
def test_hostile_documents_are_refused(name: str, content: bytes, size: int) -> None:
    assert attached("sbom", b"sbom", 4) == [b"sbom"]
    with pytest.raises(BuildError) as refused:
        attached(name, content, size)
    assert refused.value.code == 3
