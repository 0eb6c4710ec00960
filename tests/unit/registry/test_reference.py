"""References: every part, and texts that are none."""

from __future__ import annotations

import pytest

from buildgraph.registry.reference import looks_like_reference, parse_reference
from buildgraph.types.errors import BuildError

DIGEST = "sha256:" + "0a" * 32


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("registry.example/robots", ("registry.example", "robots", "", "")),
        ("localhost/a/b:v1", ("localhost", "a/b", "v1", "")),
        ("127.0.0.1:5000/a-b__c.d:_T", ("127.0.0.1:5000", "a-b__c.d", "_T", "")),
        ("[::1]:5000/a", ("[::1]:5000", "a", "", "")),
        ("docker.io/alpine:3", ("docker.io", "library/alpine", "3", "")),
        (f"ghcr.io/a/b:1@{DIGEST}", ("ghcr.io", "a/b", "1", DIGEST)),
        (f"ghcr.io/a/b@{DIGEST}", ("ghcr.io", "a/b", "", DIGEST)),
    ],
)
def test_references(text: str, parts: tuple[str, str, str, str]) -> None:
    reference = parse_reference(text)
    assert (reference.host, reference.repository, reference.tag, reference.digest) == parts
    assert parse_reference(str(reference)) == reference
    assert reference.version == (parts[3] or parts[2] or "latest")


@pytest.mark.parametrize(
    "text",
    [
        *("", "alpine", "robots/jetson:v1", "//exports:jetson", "v1.4.0", "a.b", "a.b/", "a.b/A"),
        *("a.b/c:", "a.b/c:.x", "a.b/c:v 1", f"a.b/c:{'x' * 129}", f"a.b/{'c' * 256}"),
        *("a.b/c@md5:00", f"a.b/c@{DIGEST}0", f"a.b/c@{DIGEST.upper()}", "a.b/c@"),
        *(
            "a.b:0/c",
            "a.b:65536/c",
            "a.b:x/c",
            "-a.b/c",
            "a.b/../c",
            "a.b/c//d",
            "a.b/c/",
            "u@a.b/c",
        ),
        *("http://a.b/c", "a.b/c\n", "a.b/c?x=1", "a.b/c#d", "a.b/c%2e"),
    ],
)
def test_texts_that_are_none(text: str) -> None:
    with pytest.raises(BuildError) as refused:
        parse_reference(text)
    assert refused.value.code == 2 and refused.value.fix
    assert not looks_like_reference(text)


def test_docker_hub_is_named_in_full() -> None:
    with pytest.raises(BuildError) as refused:
        parse_reference("alpine:3")
    assert "docker.io/library/alpine:3" in refused.value.fix
    assert parse_reference("docker.io/alpine").server == "registry-1.docker.io"


def test_registries_of_this_machine() -> None:
    for host in ("localhost", "127.0.0.1:5000", "127.9.9.9", "[::1]:5000", "localhost:80"):
        assert parse_reference(f"{host}/a").is_loopback
    for host in ("10.0.0.1:5000", "localhost.example", "registry:5000"):
        assert not parse_reference(f"{host}/a").is_loopback
