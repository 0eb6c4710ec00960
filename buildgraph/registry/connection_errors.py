"""Errors of connections to registries: unreachable, refused, without a valid certificate."""

from __future__ import annotations

from urllib.parse import urlsplit

from ..types.errors import BuildError


class ConnectionLost(BuildError):
    """The connection failed, or the server is overloaded, and retries did not help.

    `wait` is the number of seconds that the server asks to wait.
    """

    wait = 0.0


class BodyLost(ConnectionLost):
    """The connection ended within the body of a response."""


def host_of(url: str) -> str:
    """Return host and port of an address."""
    return urlsplit(url).netloc


def lost_error(
    url: str, problem: str, kind: type[ConnectionLost] = ConnectionLost
) -> ConnectionLost:
    """Return the error for a server that does not answer."""
    return kind(
        f"{host_of(url)} is not reachable: {problem}",
        fix="check the name and the network, and try again; what was sent is kept",
        reason="environment",
    )


def refused_error(url: str, problem: str) -> BuildError:
    """Return the error for an answer that breaks a rule or a limit."""
    return BuildError(
        f"the answer of {host_of(url)} is refused: {problem}",
        fix="ask the operators of the registry",
        reason="broken",
    )


def tls_error(server: str, error: Exception) -> BuildError:
    """Return the error for a server whose certificate is not valid here."""
    return BuildError(
        f"{server}: TLS failed: {error}",
        fix="name the certificate authority with `--ca FILE` or SSL_CERT_FILE; a registry without "
        "TLS that is not on this machine needs `--insecure`",
        reason="environment",
    )
