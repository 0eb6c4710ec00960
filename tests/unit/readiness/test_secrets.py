"""Secrets and host paths: canaries are found, and ordinary text is not."""

from __future__ import annotations

import pytest
from readiness.secrets import find_host_paths, find_secrets, secret_name, secret_variables

CANARIES = {
    "private key": b"-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA",
    "access key of AWS": b"aws_access_key_id = AKIAIOSFODNN7EXAMPLE\n",
    "token of GitHub": b"ghp_" + b"x9" * 18,
    "token of GitLab": b"glpat-" + b"a" * 20,
    "token of Slack": b"xoxb-" + b"1" * 24,
    "key of Google": b"AIza" + b"b" * 35,
    "token of npm": b"npm_" + b"c" * 36,
    "token of PyPI": b"pypi-AgEIcHlwaS5vcmc" + b"d" * 30,
    "key of Stripe": b"sk_live_" + b"e" * 24,
    "password in an address": b"https://bob:hunter2hunter@registry.example.org/v2",
}


@pytest.mark.parametrize("kind", CANARIES)
def test_each_canary_is_found(kind: str) -> None:
    assert list(find_secrets(b"some text " + CANARIES[kind] + b" more")) == [kind]


def test_ordinary_text_is_no_secret() -> None:
    text = b"""-----BEGIN PUBLIC KEY-----
see https://user:${TOKEN}@host and http://example.org:8080/x@y; grep "BEGIN PRIVATE KEY" AKIA
ghp_short xoxb-1 sk_live_ https://docs.example.org/a:b@c"""
    assert list(find_secrets(text)) == []


def test_names_of_files_of_credentials() -> None:
    assert list(secret_name("root/.ssh/id_ed25519", b"x")) and list(secret_name(".env", b"A=1"))
    assert not list(secret_name("root/.netrc", b" \n"))
    assert not list(secret_name("usr/share/doc/id_rsa.txt", b"x"))


def test_variables_are_named_without_their_values() -> None:
    env = [
        "PATH=/bin",
        "API_KEY=abc",
        "DB_PASSWORD=x",
        "TOKEN=",
        "TOKENIZER=bpe",
        "X_TOKEN_FILE=/t",
    ]
    assert secret_variables(env) == ["API_KEY", "DB_PASSWORD", "X_TOKEN_FILE"]


def test_host_paths() -> None:
    assert find_host_paths(b"\0/home/alice/src/x.c\0/usr/lib\0/tmp/tmpab12/y\0") == [
        "/home/alice/src/x.c",
        "/tmp/tmpab12/y",
    ]
    assert find_host_paths(b"/home/ /tmp/ /data/agent.state /agent") == []
