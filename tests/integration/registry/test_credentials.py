"""Credentials from Docker's configuration file and its helpers."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from buildgraph.registry.credentials import Credentials, find_credentials
from buildgraph.types.errors import BuildError

HOST = "registry.example:5000"
HUB = "https://index.docker.io/v1/"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of the configuration file, which is not there yet."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path / "config.json"


def auth(pair: str) -> dict[str, str]:
    """An entry of `auths`."""
    return {"auth": base64.b64encode(pair.encode()).decode()}


def helper(folder: Path, script: str) -> None:
    """A credential helper `docker-credential-tests`; its input is the registry."""
    program = folder / "docker-credential-tests"
    program.write_text(f"#!/bin/sh\nread host\n{script}\n")
    program.chmod(0o755)


def test_without_a_file_there_are_none(config: Path) -> None:
    assert not find_credentials(HOST)


def test_entries_of_auths(config: Path) -> None:
    entries = {
        HOST: auth("robot:a:b"),
        "https://other.example/v2/": auth("other:x"),
        HUB: auth("hub:y"),
        "plain.example": {"username": "u", "password": "p"},
        "token.example": {"identitytoken": "t", **auth("<token>:")},
        "empty.example": {},
    }
    config.write_text(json.dumps({"auths": entries}))
    assert find_credentials(HOST) == Credentials("robot", "a:b")
    assert find_credentials("other.example") == Credentials("other", "x")
    assert find_credentials("docker.io") == Credentials("hub", "y")
    assert find_credentials("plain.example") == Credentials("u", "p")
    assert find_credentials("token.example").identity_token == "t"
    assert not find_credentials("empty.example") and not find_credentials("example")
    assert not find_credentials("registry.example")  # another port is another registry


def test_a_helper_is_asked_first(config: Path) -> None:
    answer = '{"ServerURL": "%s", "Username": "robot", "Secret": "of-helper"}'
    helper(config.parent, f"printf '{answer}' $host")
    config.write_text(json.dumps({"credsStore": "tests", "auths": {HOST: auth("a:b")}}))
    assert find_credentials(HOST) == Credentials("robot", "of-helper")
    helper(config.parent, 'echo \'{"Username": "<token>", "Secret": "refresh"}\'')
    config.write_text(json.dumps({"credHelpers": {HOST: "tests"}}))
    assert find_credentials(HOST) == Credentials(identity_token="refresh")
    assert not find_credentials("other.example")


def test_a_helper_that_knows_none_leaves_auths(config: Path) -> None:
    helper(config.parent, "echo 'credentials not found in native keychain'; exit 1")
    config.write_text(json.dumps({"credsStore": "tests", "auths": {HOST: auth("a:b")}}))
    assert find_credentials(HOST) == Credentials("a", "b")


@pytest.mark.parametrize(
    ("script", "problem"),
    [("exit 3", "exit code 3"), ("echo locked; exit 1", "locked"), ("echo '[]'", "not JSON with")],
)
def test_a_helper_that_fails_is_an_error(config: Path, script: str, problem: str) -> None:
    helper(config.parent, script)
    config.write_text(json.dumps({"credsStore": "tests"}))
    with pytest.raises(BuildError, match=problem) as refused:
        find_credentials(HOST)
    assert refused.value.code == 30


def test_broken_configurations_are_errors(config: Path) -> None:
    for text in ("{", json.dumps({"credsStore": "../evil"}), json.dumps({"credsStore": "none"})):
        config.write_text(text)
        with pytest.raises(BuildError):
            find_credentials(HOST)
    config.write_text(json.dumps({"auths": {HOST: {"auth": "not base64!"}}}))
    with pytest.raises(BuildError, match="base64") as refused:
        find_credentials(HOST)
    assert "docker login" in refused.value.fix
    config.write_text("[]")
    assert not find_credentials(HOST)
