"""Pull from registries, good and bad: verified, resumed, and complete or not there."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from buildgraph.registry.client import Repository
from buildgraph.registry.documents import DOCKER_LIST, INDEX, LARGEST_DOCUMENT, MANIFEST, digest_of
from buildgraph.registry.pull import Pull
from buildgraph.registry.push import push_layout
from buildgraph.registry.reference import parse_reference
from buildgraph.registry.transport import TransportSettings
from buildgraph.types.errors import BuildError
from tests.support.image_layouts import blobs_of, merge_layouts, read_index, write_layout
from tests.support.registry_server import CuttingProxy, registry_server
from tests.support.scripted_registry import Answer, Asked, scripted_server

QUICK = TransportSettings(pause=lambda seconds: None)


def repository(host: str, name: str) -> Repository:
    """A repository that waits for nothing."""
    return Repository(parse_reference(f"{host}/{name}"), QUICK)


def serve_layout(layout: Path, changed: dict[str, bytes | Answer]) -> Callable[[Asked], Answer]:
    """A registry that has the blobs of a layout; `changed` replaces some, by digest."""
    blobs: dict[str, bytes | Answer] = {**blobs_of(layout), **changed}

    def script(asked: Asked) -> Answer:
        content = blobs.get(asked.path.rpartition("/")[2])
        if isinstance(content, Answer):
            return content
        if content is None:
            return Answer(404 if "/v2/" != asked.path else 200)
        kind = MANIFEST if "/manifests/" in asked.path else "application/octet-stream"
        return Answer(200, content, {"Content-Type": kind})

    return script


def test_a_pulled_layout_has_the_pushed_bytes(tmp_path: Path) -> None:
    for arch in ("amd64", "arm64"):
        write_layout(tmp_path / arch, {"agent": arch.encode(), "model": b"shared"}, arch)
    digest = merge_layouts(tmp_path / "all", [tmp_path / "amd64", tmp_path / "arm64"])
    with registry_server(tmp_path) as server:
        with repository(server.host, "robots/all:v1") as target:
            push_layout(tmp_path / "all", target)
        with repository(server.host, f"robots/all:v1@{digest}") as source:
            report = Pull(source, tmp_path / "whole").run()
            one = Pull(source, tmp_path / "one", "linux/arm64").run()
    assert report.platforms == ("linux/amd64", "linux/arm64")
    assert blobs_of(tmp_path / "whole") == blobs_of(tmp_path / "all")
    assert one.digest == read_index(tmp_path / "one")["digest"]
    assert one.digest == read_index(tmp_path / "arm64")["digest"]
    assert read_index(tmp_path / "whole")["annotations"] == {
        "io.containerd.image.name": f"{server.host}/robots/all:v1",
        "org.opencontainers.image.ref.name": "v1",
    }
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_cut_download_goes_on(tmp_path: Path) -> None:
    digest = write_layout(tmp_path / "big", {"agent": os.urandom(400_000)})
    with registry_server(tmp_path) as server:
        with repository(server.host, "robots/big:v1") as target:
            push_layout(tmp_path / "big", target)
        proxy = CuttingProxy(server.host, cuts=[0, *[150_000] * 2], after_reply=True)
        with proxy.running(), repository(proxy.host, f"robots/big@{digest}") as source:
            report = Pull(source, tmp_path / "got").run()
    assert proxy.cut == 2
    assert blobs_of(tmp_path / "got") == blobs_of(tmp_path / "big")
    # No byte was sent twice but those that were under way.
    assert report.received < sum(map(len, blobs_of(tmp_path / "big").values())) + 1


def test_a_pull_that_ended_goes_on_the_next_time(tmp_path: Path) -> None:
    digest = write_layout(tmp_path / "big", {"agent": os.urandom(200_000), "b": b"b"})
    blobs = blobs_of(tmp_path / "big")
    large = max(blobs, key=lambda name: len(blobs[name]))
    cut = Answer(200, blobs[large], cut=100_000)
    no = Answer(403, b"{}")

    def script(asked: Asked) -> Answer:
        if asked.path.endswith(large) and "range" in asked.headers:
            return no
        return serve_layout(tmp_path / "big", {large: cut})(asked)

    with scripted_server(script) as server, repository(server.host, f"a/b@{digest}") as source:
        with pytest.raises(BuildError, match="status 403"):
            Pull(source, tmp_path / "got").run()
    assert not (tmp_path / "got").exists()
    ranges: list[str] = []

    def ranged(asked: Asked) -> Answer:
        if "range" in asked.headers:
            ranges.append(asked.headers["range"])
            start = int(asked.headers["range"].removeprefix("bytes=").rstrip("-"))
            size = len(blobs[large])
            span = {"Content-Range": f"bytes {start}-{size - 1}/{size}"}
            return Answer(206, blobs[large][start:], span)
        return serve_layout(tmp_path / "big", {})(asked)

    with scripted_server(ranged) as server, repository(server.host, f"a/b@{digest}") as source:
        report = Pull(source, tmp_path / "got").run()
    assert blobs_of(tmp_path / "got") == blobs and len(ranges) == 1
    assert report.kept and report.kept + report.received >= len(blobs[large])


def test_a_registry_without_ranges_sends_all_again(tmp_path: Path) -> None:
    digest = write_layout(tmp_path / "big", {"agent": os.urandom(90_000)})
    blobs = blobs_of(tmp_path / "big")
    large = max(blobs, key=lambda name: len(blobs[name]))
    first = [Answer(200, blobs[large], cut=50_000)]

    def script(asked: Asked) -> Answer:
        if asked.path.endswith(large) and first:
            return first.pop()
        return serve_layout(tmp_path / "big", {})(asked)

    with scripted_server(script) as server, repository(server.host, f"a/b@{digest}") as source:
        Pull(source, tmp_path / "got").run()
    assert blobs_of(tmp_path / "got") == blobs


def test_wrong_bytes_are_never_kept(tmp_path: Path) -> None:
    digest = write_layout(tmp_path / "one", {"agent": b"agent" * 100})
    blobs = blobs_of(tmp_path / "one")
    for number, (name, content) in enumerate(blobs.items()):
        flipped = bytes([content[0] ^ 1]) + content[1:]
        for kind, wrong in enumerate((flipped, content[:-1], content + b"\0")):
            target = tmp_path / f"got{number}{kind}"
            script = serve_layout(tmp_path / "one", {name: wrong})
            with scripted_server(script) as server:
                with repository(server.host, f"a/b@{digest}") as source:
                    with pytest.raises(BuildError) as refused:
                        Pull(source, target).run()
            assert refused.value.code in (2, 3), refused.value
            assert not target.exists()
            with scripted_server(serve_layout(tmp_path / "one", {})) as server:
                with repository(server.host, f"a/b@{digest}") as source:
                    Pull(source, target).run()
            assert blobs_of(target) == blobs


def manifest(**changes: object) -> bytes:
    """A manifest of one empty blob with some fields replaced."""
    empty = {"mediaType": "a/b", "digest": digest_of(b""), "size": 0}
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": empty, "layers": []}
    return json.dumps(document | changes).encode()


LAYER = {"mediaType": "a/b", "digest": digest_of(b"x"), "size": 1}
HOSTILE = {
    "not JSON": b"<html>",
    "a list": b"[]",
    "deep": b"[" * 200_000,
    "another type": manifest(mediaType="application/json"),
    "both": manifest(manifests=[]),
    "no digest": manifest(config={"mediaType": "a/b", "digest": "../../etc/passwd", "size": 1}),
    "md5": manifest(config={"mediaType": "a/b", "digest": "md5:" + "0" * 32, "size": 1}),
    "negative": manifest(layers=[LAYER | {"size": -1}]),
    "huge": manifest(layers=[LAYER | {"size": 1 << 62}]),
    "true": manifest(layers=[LAYER | {"size": True}]),
    "foreign": manifest(layers=[LAYER | {"urls": ["http://127.0.0.1:1/"]}]),
    "many": manifest(layers=[LAYER] * 10_001),
    "text": manifest(layers=["layer"]),
    "index of an index": json.dumps(
        {"mediaType": INDEX, "manifests": [LAYER | {"mediaType": DOCKER_LIST}]}
    ).encode(),
    "large": b" " * (LARGEST_DOCUMENT + 1),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_manifests_are_refused(tmp_path: Path, name: str) -> None:
    content = HOSTILE[name]
    digest = digest_of(content)
    answer = Answer(200, content, {"Content-Type": MANIFEST})
    with scripted_server(lambda asked: answer) as server:
        with repository(server.host, f"a/b@{digest}") as source:
            with pytest.raises(BuildError) as refused:
                Pull(source, tmp_path / "got").run()
    assert refused.value.code in (2, 3) and not (tmp_path / "got").exists()


def test_a_blob_that_does_not_end_is_cut_at_its_size(tmp_path: Path) -> None:
    digest = write_layout(tmp_path / "one", {"agent": b"agent" * 100})
    layer = max(blobs_of(tmp_path / "one"), key=lambda name: name != digest)
    endless = Answer(200, bytes(8 << 20), length=1 << 40)
    with scripted_server(serve_layout(tmp_path / "one", {layer: endless})) as server:
        with repository(server.host, f"a/b@{digest}") as source:
            with pytest.raises(BuildError, match="sends more than"):
                Pull(source, tmp_path / "got").run()
    assert sum(p.stat().st_size for p in tmp_path.rglob("*.part")) <= 1 << 20


def test_what_exists_is_not_replaced(tmp_path: Path) -> None:
    digest = write_layout(tmp_path / "one", {"agent": b"1"})
    with scripted_server(serve_layout(tmp_path / "one", {})) as server:
        with repository(server.host, f"a/b@{digest}") as source:
            with pytest.raises(BuildError, match="exists") as refused:
                Pull(source, tmp_path / "one").run()
    assert refused.value.code == 2
