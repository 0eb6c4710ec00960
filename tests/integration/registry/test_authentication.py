"""Passwords, tokens and credential helpers, each sent only to the server that may have it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from buildgraph.registry.authentication import Authentication
from buildgraph.registry.client import Repository
from buildgraph.registry.credentials import Credentials
from buildgraph.registry.documents import MANIFEST
from buildgraph.registry.push import push_layout
from buildgraph.registry.reference import parse_reference
from buildgraph.registry.transport import Transport, TransportSettings
from buildgraph.types.errors import BuildError
from tests.support.image_layouts import write_layout
from tests.support.registry_server import (
    PASSWORD,
    USER,
    RegistryOptions,
    make_certificates,
    registry_server,
)
from tests.support.scripted_registry import Answer, Asked, ScriptedServer, scripted_server

ROBOT = Credentials(USER, PASSWORD)


def test_a_password_over_tls(tmp_path: Path) -> None:
    ca = make_certificates(tmp_path / "tls")
    digest = write_layout(tmp_path / "one", {"agent": b"1"})
    settings = TransportSettings(str(ca))
    with registry_server(tmp_path, RegistryOptions(True, tmp_path / "tls")) as server:
        reference = parse_reference(f"{server.host}/robots/one:v1")
        with Repository(reference, settings, lambda host: ROBOT) as target:
            assert push_layout(tmp_path / "one", target).reference.digest == digest
        for wrong in (Credentials(), Credentials(USER, "wrong")):
            with Repository(reference, settings, lambda host: wrong) as target:
                with pytest.raises(BuildError) as refused:
                    target.manifest("v1")
            assert "docker login" in refused.value.fix


class TokenServer:
    """A registry whose authorization server gives tokens for one scope each."""

    def __init__(self, user: Credentials) -> None:
        self.user = user
        self.count = 0
        self.server: ScriptedServer | None = None
        self.scopes: list[str] = []

    def __call__(self, asked: Asked) -> Answer:
        assert self.server
        if urlsplit(asked.path).path == "/token":
            return self._token(asked)
        scope = "pull,push" if asked.method in ("POST", "PUT", "PATCH") else "pull"
        if asked.headers.get("authorization") != f"Bearer {scope}-{self.count}":
            realm = f'realm="http://{self.server.host}/token",service="tests"'
            challenge = f'Bearer {realm},scope="repository:robots/one:{scope}"'
            return Answer(401, b"{}", {"WWW-Authenticate": challenge})
        return Answer(200, b"{}", {"Content-Type": MANIFEST})

    def _token(self, asked: Asked) -> Answer:
        if asked.method == "POST":
            form = parse_qs(asked.body.decode())
            if form["refresh_token"] != [self.user.identity_token]:
                return Answer(401)
        else:
            form = parse_qs(urlsplit(asked.path).query)
            if asked.headers.get("authorization", "") != (self.user.basic if self.user else ""):
                return Answer(401)
        (scope,) = form["scope"]
        self.scopes.append(scope)
        self.count += 1
        token = f"{scope.rpartition(':')[2]}-{self.count}"
        name = "access_token" if asked.method == "POST" else "token"
        return Answer(200, json.dumps({name: token}).encode())


@pytest.mark.parametrize("user", [Credentials(), ROBOT, Credentials(identity_token="refresh")])
def test_a_token_is_fetched_for_a_scope_and_again_when_it_expires(user: Credentials) -> None:
    script = TokenServer(user)
    with scripted_server(script) as server:
        script.server = server
        reference = parse_reference(f"{server.host}/robots/one")
        with Repository(reference, TransportSettings(), lambda host: user) as target:
            for _ in range(3):
                assert target.manifest("v1")
            assert script.scopes == ["repository:robots/one:pull"]
            script.count += 1  # the token of the client is no longer valid
            assert target.manifest("v1")
            assert len(script.scopes) == 2
        with Repository(reference, TransportSettings(), lambda host: Credentials("a", "b")) as no:
            with pytest.raises(BuildError, match="refuses the credentials") as refused:
                no.manifest("v1")
    assert refused.value.code == 30 and "docker login" in refused.value.fix


def test_credentials_go_to_no_realm_without_tls() -> None:
    transport = Transport()
    authentication = Authentication(transport, "https://registry.example", lambda: ROBOT)
    for realm in ("http://evil.example/token", "file:///etc/passwd"):
        with pytest.raises(BuildError, match="not HTTPS"):
            authentication._check_realm(realm)


def test_an_upload_address_elsewhere_gets_no_authorization(tmp_path: Path) -> None:
    write_layout(tmp_path / "one", {"agent": b"1"})
    with scripted_server(lambda asked: Answer(403)) as other:

        def script(asked: Asked) -> Answer:
            if asked.headers.get("authorization") != ROBOT.basic:
                return Answer(401, headers={"WWW-Authenticate": 'Basic realm="r"'})
            if asked.method == "POST":
                return Answer(202, headers={"Location": f"http://{other.host}/upload"})
            return Answer(404)

        with scripted_server(script) as server:
            reference = parse_reference(f"{server.host}/robots/one")
            with Repository(reference, TransportSettings(), lambda host: ROBOT) as target:
                with pytest.raises(BuildError, match="status 403"):
                    push_layout(tmp_path / "one", target)
    assert other.asked
    assert all("authorization" not in asked.headers for asked in other.asked)


def test_answers_without_a_token_are_an_error() -> None:
    for body in (b"", b"[]", b'{"token": 1}', b'{"token": "a\\nb"}', b"<html>"):

        def script(asked: Asked, body: bytes = body) -> Answer:
            if asked.path.startswith("/token"):
                return Answer(200, body)
            realm = f'Bearer realm="http://{asked.headers["host"]}/token"'
            return Answer(401, headers={"WWW-Authenticate": realm})

        with scripted_server(script) as server:
            reference = parse_reference(f"{server.host}/robots/one")
            with Repository(reference, TransportSettings(), lambda host: Credentials()) as target:
                with pytest.raises(BuildError, match="sends no token"):
                    target.manifest("v1")


def test_a_password_is_encoded() -> None:
    assert base64.b64decode(ROBOT.basic.removeprefix("Basic ")) == f"{USER}:{PASSWORD}".encode()
    assert PASSWORD not in repr(ROBOT)
