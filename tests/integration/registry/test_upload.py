"""Uploads in chunks to a registry that keeps what it got of a chunk, and to one that forgets."""

from __future__ import annotations

import io
import os
import re

import pytest

from buildgraph.registry.client import Repository
from buildgraph.registry.documents import Descriptor, digest_of
from buildgraph.registry.reference import parse_reference
from buildgraph.registry.transport import TransportSettings
from buildgraph.registry.upload import Upload
from buildgraph.types.errors import BuildError
from tests.support.registry_server import CuttingProxy
from tests.support.scripted_registry import Answer, Asked, scripted_server

SIZE, CHUNK = 500_000, 100_000


class UploadServer:
    """A registry for one blob. `statuses` are answers to its next PATCH requests instead."""

    def __init__(self) -> None:
        self.stored = b""
        self.done = b""
        self.uploads = 0
        self.statuses: list[Answer] = []

    def __call__(self, asked: Asked) -> Answer:
        place = {"Location": f"/upload/{self.uploads}"}
        match asked.method:
            case "HEAD":
                return Answer(200 if self.done else 404)
            case "POST":
                self.uploads += 1
                self.stored = b""
                return Answer(202, headers={"Location": f"/upload/{self.uploads}"})
            case "PATCH":
                if self.statuses:
                    return self.statuses.pop(0)
                start = re.match(r"\d+", asked.headers["content-range"])
                if not start or int(start[0]) != len(self.stored):
                    return Answer(416, headers=place | {"Range": f"0-{len(self.stored) - 1}"})
                self.stored += asked.body
                return Answer(202, headers=place)
            case "PUT":
                self.done = self.stored + asked.body
                digest = asked.path.partition("digest=")[2].replace("%3A", ":")
                return Answer(201 if digest_of(self.done) == digest else 400)
        if asked.path != f"/upload/{self.uploads}":
            return Answer(404)
        return Answer(204, headers=place | {"Range": f"0-{max(0, len(self.stored) - 1)}"})


def upload(host: str, content: bytes, pauses: list[float]) -> Upload:
    """Upload a blob in chunks."""
    settings = TransportSettings(pause=pauses.append)
    with Repository(parse_reference(f"{host}/robots/one"), settings) as target:
        descriptor = Descriptor("a/b", digest_of(content), len(content))
        sending = Upload(target, descriptor, lambda: io.BytesIO(content), CHUNK)
        sending.run()
    return sending


def test_a_cut_chunk_goes_on_where_it_was_cut() -> None:
    content, script = os.urandom(SIZE), UploadServer()
    with scripted_server(script) as server:
        proxy = CuttingProxy(server.host, cuts=[0, 150_000, 250_000])
        with proxy.running():
            sending = upload(proxy.host, content, [])
    assert script.done == content and script.uploads == 1
    assert sending.resumed == proxy.cut == 2
    print(f"sent {sending.sent} bytes for {SIZE}, {sending.resumed} cuts")
    assert sending.sent < SIZE + 2 * CHUNK


def test_a_blob_of_one_chunk_is_one_request() -> None:
    content, script = os.urandom(CHUNK), UploadServer()
    with scripted_server(script) as server:
        assert upload(server.host, content, []).resumed == 0
        methods = [asked.method for asked in server.asked]
    assert methods == ["POST", "PUT"] and script.done == content


def test_an_overloaded_registry_gets_the_chunk_later() -> None:
    content, script = os.urandom(SIZE), UploadServer()
    script.statuses = [Answer(429, headers={"Retry-After": "9"}), Answer(503), Answer(416)]
    pauses: list[float] = []
    with scripted_server(script) as server:
        upload(server.host, content, pauses)
    assert script.done == content and script.uploads == 1 and pauses == [9, 1, 1.5]


def test_an_upload_that_the_registry_forgot_begins_again() -> None:
    content, script = os.urandom(SIZE), UploadServer()
    script.statuses = [Answer(404)]
    with scripted_server(script) as server:
        upload(server.host, content, [])
    assert script.done == content and script.uploads == 2


def test_an_upload_that_never_works_ends() -> None:
    content, script = os.urandom(SIZE), UploadServer()
    script.statuses = [Answer(500)] * 500
    with scripted_server(script) as server:
        with pytest.raises(BuildError, match="status 500") as lost:
            upload(server.host, content, [])
        assert len(server.asked) < 200
    assert lost.value.code == 30
    script.statuses = [Answer(403, b'{"errors": [{"code": "DENIED", "message": "quota"}]}')]
    with scripted_server(script) as server:
        with pytest.raises(BuildError, match="403") as refused:
            upload(server.host, content, [])
    assert refused.value.code == 1
