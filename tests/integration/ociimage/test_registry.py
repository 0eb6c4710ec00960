"""Reading of registries within an action: tokens, redirects, lost connections, wrong bytes."""

from __future__ import annotations

import json
from pathlib import Path

import fetch_image
import pytest
from ociimage.errors import ImageError
from ociimage.registry import ImageName, Registry, UnreachableError, parse_image

from buildgraph.registry.documents import MANIFEST
from tests.support.image_layouts import blobs_of, write_layout
from tests.support.registry_server import free_port, make_certificates
from tests.support.scripted_registry import Answer, Asked, scripted_server

DIGEST = "sha256:" + "0" * 64


def registry(host: str, pauses: list[float] | None = None) -> Registry:
    """A registry that waits for nothing."""
    wait = [] if pauses is None else pauses
    return Registry(ImageName(host, "a/b", DIGEST), pause=wait.append)


def test_names() -> None:
    hub = ImageName("registry-1.docker.io", "library/debian", DIGEST)
    assert parse_image(f"docker.io/debian:12@{DIGEST}") == hub
    assert parse_image(f"127.0.0.1:5000/a/b@{DIGEST}") == ImageName("127.0.0.1:5000", "a/b", DIGEST)
    for text in ("", "debian", "docker.io/debian:12", f"docker.io@{DIGEST}", "a/b@sha256:00"):
        with pytest.raises(ImageError):
            parse_image(text)


def test_a_token_without_credentials() -> None:
    def script(asked: Asked) -> Answer:
        if asked.path.startswith("/token"):
            assert "scope=repository%3Aa%2Fb%3Apull" in asked.path
            assert "authorization" not in asked.headers
            return Answer(200, b'{"token": "anonymous"}')
        if asked.headers.get("authorization") == "Bearer anonymous":
            return Answer(200, b"content")
        realm = f'realm="http://{asked.headers["host"]}/token",service="s"'
        return Answer(
            401, headers={"WWW-Authenticate": f'Bearer {realm},scope="repository:a/b:pull"'}
        )

    with scripted_server(script) as server:
        reading = registry(server.host)
        assert reading.manifest(DIGEST, 100) == b"content"
        assert b"".join(reading.pieces(DIGEST, 7)) == b"content"
        with pytest.raises(ImageError, match="more than 6 bytes"):
            reading.manifest(DIGEST, 6)
        with pytest.raises(ImageError, match="more than 6 bytes"):
            list(reading.pieces(DIGEST, 6))


def test_a_password_is_a_matter_of_pull() -> None:
    answer = Answer(401, headers={"WWW-Authenticate": 'Basic realm="r"'})
    with scripted_server(lambda asked: answer) as server:
        with pytest.raises(ImageError, match="get the image with `buildgraph pull`"):
            registry(server.host).manifest(DIGEST, 100)


def test_a_cut_blob_goes_on_with_and_without_ranges() -> None:
    content = bytes(range(256)) * 2000

    def ranged(asked: Asked) -> Answer:
        start = int(asked.headers.get("range", "bytes=0-")[6:-1])
        end = start + 200_000
        cut = -1 if end >= len(content) else 200_000
        return Answer(206 if start else 200, content[start:], cut=cut)

    with scripted_server(ranged) as server:
        assert b"".join(registry(server.host).pieces(DIGEST, len(content))) == content
        assert [asked.headers.get("range") for asked in server.asked if "blobs" in asked.path] == [
            *(None, "bytes=200000-", "bytes=400000-")
        ]
    answers = [Answer(200, content, cut=9999), Answer(200, content)]
    with scripted_server(
        lambda asked: answers.pop(0) if "blobs" in asked.path else Answer()
    ) as one:
        assert b"".join(registry(one.host).pieces(DIGEST, len(content))) == content


def test_an_overloaded_registry_is_asked_again() -> None:
    answers = [Answer(429, headers={"Retry-After": "7"}), Answer(503), Answer(200, b"x")]
    pauses: list[float] = []
    with scripted_server(
        lambda asked: answers.pop(0) if "manifests" in asked.path else Answer()
    ) as server:
        assert registry(server.host, pauses).manifest(DIGEST, 9) == b"x"
    assert pauses == [7, 2]
    with pytest.raises(UnreachableError):
        registry(f"127.0.0.1:{free_port()}").manifest(DIGEST, 9)


def test_a_redirect_gets_no_token() -> None:
    with scripted_server(lambda asked: Answer(200, b"x")) as other:
        moved = Answer(307, headers={"Location": f"http://{other.host}/blob"})
        with scripted_server(lambda asked: moved if "blobs" in asked.path else Answer()) as server:
            reading = registry(server.host)
            reading._token = "secret"
            assert b"".join(reading.pieces(DIGEST, 1)) == b"x"
        assert server.asked[-1].headers["authorization"] == "Bearer secret"
    assert "authorization" not in other.asked[0].headers


def test_the_program_ends_with_a_refusal_or_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = write_layout(tmp_path / "one", {"etc/a": b"1"})
    blobs = blobs_of(tmp_path / "one")

    def script(asked: Asked) -> Answer:
        content = blobs.get(asked.path.rpartition("/")[2])
        kind = {"Content-Type": MANIFEST}
        return Answer(404) if content is None else Answer(200, content, kind)

    def run(out: str, *words: str, image: str = digest) -> int:
        start = ["--image", f"{server.host}/a/b@{image}", "--platform", "linux/amd64"]
        return fetch_image.main([*start, *words, "--out", str(tmp_path / out)])

    with scripted_server(script) as server:
        assert run("got") == 0 and blobs_of(tmp_path / "got") == blobs
        assert run("same", "--layout", str(tmp_path / "one")) == 0
        assert blobs_of(tmp_path / "same") == blobs
        capsys.readouterr()
        assert run("none", image=DIGEST) == 1
        assert "status 404" in capsys.readouterr().err
        blobs[digest] += b" "
        assert run("wrong") == 1
        refused = capsys.readouterr().err.splitlines()[-1]
    (error,) = json.loads(refused.removeprefix("refused: "))["faults"]
    assert "wrong bytes" in error["what"] and error["at"] == ["base"]


def test_a_certificate_of_an_unknown_authority_is_refused(tmp_path: Path) -> None:
    import ssl
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "1")
            self.end_headers()
            self.wfile.write(b"x")

        def log_message(self, format: str, *args: object) -> None:
            pass

    ca = make_certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    with HTTPServer(("127.0.0.1", 0), Handler) as listener:
        listener.socket = context.wrap_socket(listener.socket, server_side=True)
        threading.Thread(target=listener.serve_forever, args=(0.02,), daemon=True).start()
        name = ImageName(f"127.0.0.1:{listener.server_address[1]}", "a/b", DIGEST)
        assert Registry(name, str(ca)).manifest(DIGEST, 9) == b"x"
        with pytest.raises(UnreachableError, match="CERTIFICATE_VERIFY_FAILED"):
            Registry(name, pause=lambda seconds: None).manifest(DIGEST, 9)
        listener.shutdown()
