"""Manifests and descriptors as checked data; tests of `pull` have the hostile ones."""

from __future__ import annotations

import json

import pytest

from buildgraph.registry.documents import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    INDEX,
    MANIFEST,
    Descriptor,
    canonical,
    digest_of,
    parse_descriptor,
    parse_manifest,
)
from buildgraph.types.errors import BuildError

BLOB = {"mediaType": "a/b", "digest": digest_of(b"x"), "size": 1}


def test_a_manifest() -> None:
    document = {"mediaType": MANIFEST, "config": BLOB, "layers": [BLOB], "subject": BLOB}
    manifest = parse_manifest(json.dumps(document | {"annotations": {"a": "b", "c": 1}}).encode())
    assert [blob.digest for blob in manifest.blobs] == [BLOB["digest"]] * 2
    assert (manifest.subject, manifest.annotations) == (BLOB["digest"], {"a": "b"})
    assert not manifest.is_index
    # A manifest of Docker's may leave the type to the header.
    assert parse_manifest(
        b'{"config": %s, "layers": []}' % json.dumps(BLOB).encode(), DOCKER_MANIFEST
    )


def test_an_index() -> None:
    entry = BLOB | {"platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}}
    for kind in (INDEX, DOCKER_LIST):
        index = parse_manifest(json.dumps({"mediaType": kind, "manifests": [entry]}).encode())
        assert index.is_index and index.blobs == ()
        assert index.manifests[0].platform_name == "linux/arm64/v8"


def test_a_type_that_does_not_fit_is_refused() -> None:
    for kind, key in ((INDEX, "layers"), (MANIFEST, "manifests"), ("", "layers")):
        with pytest.raises(BuildError, match="not valid"):
            parse_manifest(json.dumps({"mediaType": kind, key: [], "config": BLOB}).encode())


def test_a_descriptor_is_written_as_it_was_read() -> None:
    document = BLOB | {
        "platform": {"os": "linux"}, "annotations": {"a": "b"}, "artifactType": "c/d"
    }  # fmt: skip
    assert parse_descriptor(document).document() == document
    assert Descriptor("a/b", digest_of(b"x"), 1).document() == BLOB


def test_json_has_one_form() -> None:
    assert canonical({"b": [1, "ü"], "a": None}) == '{"a":null,"b":[1,"ü"]}'.encode()
