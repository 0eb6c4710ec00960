"""Push to Debian's docker-registry: only what is missing is sent, also after lost connections."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from buildgraph.registry.client import Repository
from buildgraph.registry.push import PushOptions, push_layout, read_layout
from buildgraph.registry.reference import parse_reference
from buildgraph.registry.transport import TransportSettings
from buildgraph.types.errors import BuildError
from tests.support.image_layouts import blobs_of, merge_layouts, write_layout
from tests.support.registry_server import CuttingProxy, RegistryServer, registry_server

QUICK = TransportSettings(pause=lambda seconds: None)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    """A registry without a password and without TLS."""
    with registry_server(tmp_path_factory.mktemp("registry")) as running:
        yield running


def repository(host: str, name: str) -> Repository:
    """A repository that waits for nothing."""
    return Repository(parse_reference(f"{host}/{name}"), QUICK)


def test_only_what_is_missing_is_sent(server: RegistryServer, tmp_path: Path) -> None:
    files = {"base": b"base" * 500, "agents/a": b"a" * 100, "agents/b": b"b" * 100}
    digest = write_layout(tmp_path / "one", files)
    write_layout(tmp_path / "two", files | {"agents/b": b"changed"})
    with repository(server.host, "robots/jetson:v1") as first:
        report = push_layout(tmp_path / "one", first)
        assert report.reference.digest == digest
        assert [item.kind for item in report.select("sent")] == [*["blob"] * 4, "manifest"]
        again = push_layout(tmp_path / "one", first)
        assert not again.select("sent") and len(again.select("present")) == 5
    assert blobs_of(tmp_path / "one").keys() <= server.stored_blobs()
    with repository(server.host, "robots/jetson:v2") as second:
        changed = push_layout(tmp_path / "two", second)
    new = blobs_of(tmp_path / "two").keys() - blobs_of(tmp_path / "one").keys()
    # One layer, the configuration that names it, and the manifest.
    assert {item.digest for item in changed.select("sent")} == new and len(new) == 3
    print([(item.kind, item.size) for item in changed.select("sent")])


def test_an_index_is_pushed_after_its_images(server: RegistryServer, tmp_path: Path) -> None:
    for arch in ("amd64", "arm64"):
        write_layout(tmp_path / arch, {"agent": arch.encode(), "model": b"shared"}, arch)
    digest = merge_layouts(tmp_path / "all", [tmp_path / "amd64", tmp_path / "arm64"])
    with repository(server.host, "robots/all:v1") as target:
        report = push_layout(tmp_path / "all", target)
        assert report.reference.digest == digest and report.items[-1].kind == "index"
        document = target.manifest("v1")
    assert document and document.digest == digest


def test_blobs_of_another_repository_are_mounted(server: RegistryServer, tmp_path: Path) -> None:
    write_layout(tmp_path / "one", {"base": b"mounted" * 100, "agent": b"1"})
    with repository(server.host, "bases/debian:1") as base:
        push_layout(tmp_path / "one", base)
    with repository(server.host, "robots/mounted:1") as target:
        report = push_layout(tmp_path / "one", target, PushOptions(("robots/none", "bases/debian")))
    assert len(report.select("mounted")) == 3 and len(report.select("sent")) == 1


def test_a_tag_moves_only_when_all_of_the_image_is_there(
    server: RegistryServer, tmp_path: Path
) -> None:
    write_layout(tmp_path / "one", {"agent": b"old"})
    write_layout(tmp_path / "two", {"agent": b"new", "other": b"damaged"})
    with repository(server.host, "robots/moves:v1") as target:
        before = push_layout(tmp_path / "one", target).reference.digest
        layer = read_layout(tmp_path / "two").manifest.layers[1]
        path = tmp_path / "two/blobs" / layer.digest.replace(":", "/")
        path.write_bytes(bytes(len(path.read_bytes())))
        with pytest.raises(BuildError, match="DIGEST_INVALID|status 400"):
            push_layout(tmp_path / "two", target)
        document = target.manifest("v1")
    assert document and document.digest == before


def test_chunks_go_on_after_a_lost_connection(server: RegistryServer, tmp_path: Path) -> None:
    content = os.urandom(300_000)
    digest = write_layout(tmp_path / "big", {"agent": content})
    proxy = CuttingProxy(server.host, cuts=[0, *[90_000] * 3])
    with proxy.running(), repository(proxy.host, "robots/cut:v1") as target:
        report = push_layout(tmp_path / "big", target, PushOptions(chunk=40_000))
    assert report.retries and proxy.cut
    with repository(server.host, "robots/cut:v1") as direct:
        document = direct.manifest("v1")
    assert (
        document
        and document.digest == digest
        and blobs_of(tmp_path / "big").keys() <= server.stored_blobs()
    )


@pytest.mark.parametrize("cut", [1, 100, 400, 5_000, 39_000])
def test_a_push_survives_cuts_at_any_place(
    server: RegistryServer, tmp_path: Path, cut: int
) -> None:
    digest = write_layout(tmp_path / "big", {"agent": os.urandom(60_000), "b": os.urandom(9_000)})
    proxy = CuttingProxy(server.host, cuts=[0, *[cut] * 3])
    with proxy.running(), repository(proxy.host, f"robots/cut{cut}:v1") as target:
        report = push_layout(tmp_path / "big", target, PushOptions(chunk=20_000))
        document = target.manifest("v1")
    assert document and document.digest == digest and proxy.cut
    print(cut, report.retries)


def test_a_cut_answer_is_asked_for_again(server: RegistryServer, tmp_path: Path) -> None:
    digest = write_layout(tmp_path / "one", {"agent": os.urandom(5_000)})
    proxy = CuttingProxy(server.host, cuts=[0, 30, 0, 30, 30, 30], after_reply=True)
    with proxy.running(), repository(proxy.host, "robots/answers:v1") as target:
        push_layout(tmp_path / "one", target)
        document = target.manifest("v1")
    assert document and document.digest == digest and proxy.cut


def test_a_layout_that_is_none_is_refused(tmp_path: Path, server: RegistryServer) -> None:
    (tmp_path / "empty").mkdir()
    write_layout(tmp_path / "one", {"agent": b"1"})
    shutil.rmtree(tmp_path / "one/blobs")
    with repository(server.host, "robots/none:v1") as target:
        for name in ("empty", "one"):
            with pytest.raises(BuildError, match="is not an OCI image layout") as refused:
                push_layout(tmp_path / name, target)
            assert refused.value.code == 2
