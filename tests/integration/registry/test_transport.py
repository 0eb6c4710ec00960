"""Connections: TLS with an own authority, plain HTTP, retries, redirects, secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildgraph.registry import transport
from buildgraph.registry.connection_errors import ConnectionLost
from buildgraph.registry.reference import parse_reference
from buildgraph.registry.transport import Call, Transport, TransportSettings
from buildgraph.types.errors import BuildError
from tests.support.registry_server import (
    RegistryOptions,
    free_port,
    make_certificates,
    registry_server,
)
from tests.support.scripted_registry import Answer, Asked, scripted_server


def settings(pauses: list[float], **options: object) -> TransportSettings:
    """Settings that note the pauses instead of waiting."""
    return TransportSettings(pause=pauses.append, **options)  # type: ignore[arg-type]


def test_tls_needs_the_authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ca = make_certificates(tmp_path / "tls")
    with registry_server(tmp_path, RegistryOptions(tls=tmp_path / "tls")) as server:
        url = f"https://{server.host}/v2/"
        assert Transport(TransportSettings(str(ca))).base_url(server.host, True) == url[:-4]
        with pytest.raises(BuildError, match="TLS failed") as refused:
            Transport().base_url(server.host, True)
        assert "--ca FILE" in refused.value.fix and refused.value.code == 30
        with pytest.raises(BuildError, match="TLS failed"):
            Transport().fetch(Call("GET", url))
        monkeypatch.setenv("SSL_CERT_FILE", str(ca))
        assert Transport().fetch(Call("GET", url))[0].status == 200


def test_plain_http_is_for_this_machine_or_asked_for(tmp_path: Path) -> None:
    with scripted_server(lambda asked: Answer(200)) as server:
        assert Transport().base_url(server.host, True) == f"http://{server.host}"
        assert Transport().base_url(server.host, False) == f"https://{server.host}"
        insecure = Transport(TransportSettings(insecure=True))
        assert insecure.base_url(server.host, False) == f"http://{server.host}"
    assert parse_reference("localhost:5000/a").is_loopback
    assert not parse_reference("localhost.example.com/a").is_loopback


def test_an_overloaded_server_is_asked_again_when_it_says_so() -> None:
    answers = [
        Answer(429, headers={"Retry-After": "7"}),
        Answer(503, headers={"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}),
        Answer(429, headers={"Retry-After": "99999"}),
        Answer(500),
        Answer(200, b"done"),
    ]
    pauses: list[float] = []
    with scripted_server(lambda asked: answers.pop(0)) as server:
        call = Call("GET", f"http://{server.host}/v2/")
        assert Transport(settings(pauses)).fetch(call)[1] == b"done"
    assert pauses == [7, 0, 120, 4]


def test_a_server_that_stays_overloaded_is_given_up() -> None:
    pauses: list[float] = []
    with scripted_server(lambda asked: Answer(502)) as server:
        with pytest.raises(ConnectionLost, match="status 502") as lost:
            Transport(settings(pauses)).fetch(Call("GET", f"http://{server.host}/v2/"))
        assert len(server.asked) == transport.ATTEMPTS
    assert lost.value.code == 30 and pauses == sorted(pauses) and len(pauses) == 5
    with pytest.raises(ConnectionLost, match="not reachable"):
        Transport(settings([])).fetch(Call("GET", f"http://127.0.0.1:{free_port()}/v2/"))


def test_a_redirect_gets_no_authorization() -> None:
    with scripted_server(lambda asked: Answer(200, b"blob")) as other:
        target = {"Location": f"http://{other.host}/blob"}
        with scripted_server(lambda asked: Answer(307, b"moved", target)) as server:
            secret = {"Authorization": "Bearer secret", "Range": "bytes=1-"}
            call = Call("GET", f"http://{server.host}/v2/a/blobs/x", secret)
            assert Transport().fetch(call)[1] == b"blob"
        assert server.asked[0].headers["authorization"] == "Bearer secret"
    assert "authorization" not in other.asked[0].headers
    assert other.asked[0].headers["range"] == "bytes=1-"


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "/again"])
def test_bad_redirects_are_refused(target: str) -> None:
    with scripted_server(lambda asked: Answer(302, headers={"Location": target})) as server:
        with pytest.raises(BuildError, match="it redirects") as refused:
            Transport().fetch(Call("GET", f"http://{server.host}/v2/"))
        assert len(server.asked) <= 6
    assert refused.value.code == 3


def test_a_redirect_from_https_to_http_is_refused() -> None:
    with pytest.raises(BuildError, match="not HTTPS"):
        transport._check_redirect("https://a/", "http://a/")


def test_bodies_are_bounded_and_not_decompressed() -> None:
    def script(asked: Asked) -> Answer:
        assert asked.headers["accept-encoding"] == "identity"
        return Answer(200, bytes(5000), {"Content-Encoding": "gzip"})

    with scripted_server(script) as server:
        url = f"http://{server.host}/"
        assert Transport().fetch(Call("GET", url, most=5000))[1] == bytes(5000)
        with pytest.raises(BuildError, match="more than 4999 bytes"):
            Transport().fetch(Call("GET", url, most=4999))


def test_an_authority_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("none")
    for name in ("ca.pem", "missing"):
        with pytest.raises(BuildError, match="--ca") as refused:
            Transport(TransportSettings(str(tmp_path / name)))
        assert refused.value.code == 2


def test_a_proxy_of_the_environment_is_used_except_for_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with scripted_server(lambda asked: Answer(200, b"proxy")) as proxy:
        monkeypatch.setenv("http_proxy", f"http://{proxy.host}")
        call = Call("GET", "http://registry.invalid/v2/")
        assert Transport().fetch(call)[1] == b"proxy"
        assert proxy.asked[0].path == "http://registry.invalid/v2/"
        with scripted_server(lambda asked: Answer(200, b"direct")) as server:
            assert Transport().fetch(Call("GET", f"http://{server.host}/"))[1] == b"direct"


def test_a_body_that_trickles_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_SLOW_S", 0.0)
    with scripted_server(lambda asked: Answer(200, b"a few bytes")) as server:
        with pytest.raises(BuildError, match="it sends 11 B in"):
            Transport().fetch(Call("GET", f"http://{server.host}/"))
