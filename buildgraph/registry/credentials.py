"""Credentials for registries, from Docker's configuration file and its credential helpers."""

from __future__ import annotations

import base64
import binascii
import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..types.errors import BuildError
from .reference import DOCKER_HUB

_HUB_KEY = "https://index.docker.io/v1/"
_HELPER_TIMEOUT_S = 60
_LARGEST = 1 << 20
_TOKEN_USER = "<token>"  # the user name with which helpers return an identity token


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user name and a password, or an identity token (OAuth 2 refresh token)."""

    user: str = ""
    password: str = ""
    identity_token: str = ""

    def __repr__(self) -> str:
        return f"Credentials(user={self.user!r})"  # never print a secret

    def __bool__(self) -> bool:
        return bool(self.user or self.identity_token)

    @property
    def basic(self) -> str:
        """The value of an `Authorization: Basic` header."""
        pair = f"{self.user}:{self.password}".encode()
        return "Basic " + base64.b64encode(pair).decode()


def config_path() -> Path:
    """Return the path of Docker's configuration file: `DOCKER_CONFIG`, else `~/.docker`."""
    folder = os.environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker")
    return Path(folder, "config.json")


def find_credentials(host: str) -> Credentials:
    """Return the credentials for a registry, empty if there are none.

    Docker's order applies: a helper of the registry (`credHelpers`), the general helper
    (`credsStore`), then `auths`. Raises BuildError if the file or a helper is broken.
    """
    config = _read_config(config_path())
    key = _HUB_KEY if host == DOCKER_HUB else host
    helpers = config.get("credHelpers")
    helper = helpers.get(key) if isinstance(helpers, Mapping) else None
    if not helper:
        helper = config.get("credsStore")
    if isinstance(helper, str) and helper and (credentials := _ask_helper(helper, key)):
        return credentials
    auths = config.get("auths")
    entries = auths if isinstance(auths, Mapping) else {}
    for name, entry in entries.items():
        if _host_of(name) == _host_of(key) and isinstance(entry, Mapping):
            return _decode_entry(entry, name)
    return Credentials()


def _host_of(key: str) -> str:
    """Return the host of a key of `auths`, which may be an address with a path."""
    return key.removeprefix("https://").removeprefix("http://").partition("/")[0]


def _read_config(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file:
            config = json.loads(file.read(_LARGEST))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise BuildError(
            f"{path} cannot be read: {error}",
            fix="repair it, or name another folder in DOCKER_CONFIG",
            reason="environment",
        ) from None
    return config if isinstance(config, Mapping) else {}


def _decode_entry(entry: Mapping[str, Any], host: str) -> Credentials:
    token = str(entry.get("identitytoken") or "")
    auth = entry.get("auth")
    if not auth:
        user, password = (str(entry.get(name) or "") for name in ("username", "password"))
        return Credentials(user, password, token)
    try:
        user, _, password = base64.b64decode(str(auth), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise BuildError(
            f"the entry of {host} in {config_path()} is not valid base64",
            fix=f"run `docker login {host}` again",
            reason="environment",
        ) from None
    return Credentials(user, password.rstrip("\0"), token)


def _ask_helper(helper: str, key: str) -> Credentials:
    """Ask `docker-credential-HELPER`; empty credentials if it knows none for this registry."""
    program = f"docker-credential-{helper}"
    if "/" in helper or helper.startswith("-"):
        raise _helper_error(program, "its name is not valid")
    try:
        done = subprocess.run(
            [program, "get"],
            input=key.encode(),
            capture_output=True,
            timeout=_HELPER_TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError:
        raise _helper_error(program, "it is not installed") from None
    except subprocess.TimeoutExpired:
        raise _helper_error(program, f"no answer in {_HELPER_TIMEOUT_S} s") from None
    if done.returncode:
        text = (done.stdout + done.stderr).decode(errors="replace").strip()
        if "credentials not found" in text:
            return Credentials()
        raise _helper_error(program, text[:200] or f"exit code {done.returncode}")
    try:
        answer = json.loads(done.stdout)
        user, secret = str(answer["Username"]), str(answer["Secret"])
    except (ValueError, KeyError, TypeError):
        raise _helper_error(program, "its answer is not JSON with Username and Secret") from None
    return Credentials("", "", secret) if user == _TOKEN_USER else Credentials(user, secret)


def _helper_error(program: str, problem: str) -> BuildError:
    return BuildError(
        f"the credential helper {program} failed: {problem}",
        fix=f"repair it, or remove it from {config_path()}",
        reason="environment",
    )
