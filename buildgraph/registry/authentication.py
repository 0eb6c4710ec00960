"""Authentication at a registry: HTTP Basic, and tokens of its authorization server.

The protocol is that of the distribution project: docs "Token Authentication Specification".
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlencode, urlsplit

from ..types.errors import BuildError
from .challenge import Challenge, parse_challenges
from .credentials import Credentials
from .transport import Call, Response, Transport, origin

_LARGEST_TOKEN = 1 << 20
_CLIENT = "buildgraph"


class Authentication:
    """The authorization of requests to one registry.

    `credentials` is called when the registry asks for them first. Tokens are kept for each scope.
    """

    def __init__(
        self, transport: Transport, base: str, credentials: Callable[[], Credentials]
    ) -> None:
        self._transport = transport
        self._base = base
        self._find = credentials
        self._known: Credentials | None = None
        self._values: dict[str, str] = {}
        self._lock = threading.Lock()

    def authorize(self, call: Call, scope: str) -> Call:
        """Add what is known for a scope, such as `repository:robots/jetson:pull`."""
        value = self._values.get(scope)
        if value is None or origin(call.url) != origin(self._base):
            return call
        return replace(call, headers={**call.headers, "Authorization": value})

    def answer(self, response: Response, call: Call, scope: str) -> bool:
        """Answer the challenge of a response with status 401 to a request with a scope.

        Return True if the request can be repeated with other authorization. Raises BuildError if
        the registry asks for credentials and there are none, or the authorization server refuses
        them.
        """
        challenges = parse_challenges(response.headers.get("WWW-Authenticate", ""))
        sent = call.headers.get("Authorization")
        with self._lock:
            if self._values.get(scope) != sent:
                return True  # another thread got the authorization in the meantime
            for challenge in challenges:
                if challenge.scheme == "bearer" and "realm" in challenge.parameters:
                    self._values[scope] = "Bearer " + self._token(challenge, scope)
                    return True
            if any(challenge.scheme == "basic" for challenge in challenges):
                credentials = self._credentials()
                if not credentials.user:
                    raise self._login_error("it asks for a user name and a password")
                self._values[scope] = credentials.basic
                return sent != credentials.basic
        return False

    def _credentials(self) -> Credentials:
        if self._known is None:
            self._known = self._find()
        return self._known

    def _token(self, challenge: Challenge, scope: str) -> str:
        """Fetch a token from the server that a challenge names."""
        realm = challenge.parameters["realm"]
        self._check_realm(realm)
        fields = {
            "service": challenge.parameters.get("service", ""),
            "scope": challenge.parameters.get("scope") or scope,
        }
        credentials = self._credentials()
        if credentials.identity_token:
            form = fields | {
                "grant_type": "refresh_token",
                "refresh_token": credentials.identity_token,
                "client_id": _CLIENT,
            }
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            call = Call("POST", realm, headers, urlencode(form).encode(), most=_LARGEST_TOKEN)
        else:
            query = [("service", fields["service"])]
            query += [("scope", one) for one in fields["scope"].split(" ") if one]
            mark = "&" if urlsplit(realm).query else "?"
            headers = {"Authorization": credentials.basic} if credentials else {}
            call = Call("GET", f"{realm}{mark}{urlencode(query)}", headers, most=_LARGEST_TOKEN)
        response, body = self._transport.fetch(call)
        if response.status in (401, 403):
            raise self._login_error(f"{urlsplit(realm).netloc} refuses the credentials")
        return self._parse_token(response.status, body, realm)

    def _parse_token(self, status: int, body: bytes, realm: str) -> str:
        try:
            answer = json.loads(body) if status == 200 else {}
            token = answer.get("token") or answer.get("access_token")
        except (ValueError, AttributeError, RecursionError):
            token = None
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise BuildError(
                f"{urlsplit(realm).netloc} sends no token (status {status})",
                fix="try again later, or ask the operators of the registry",
                reason="failed",
            )
        return token

    def _check_realm(self, realm: str) -> None:
        """Refuse to send credentials without TLS, unless the registry itself has none."""
        scheme = urlsplit(realm).scheme
        if scheme != "https" and not (scheme == "http" and self._base.startswith("http:")):
            raise BuildError(
                f"the registry names {realm!r} for authentication, which is not HTTPS",
                fix="ask the operators of the registry",
                reason="broken",
            )

    def _login_error(self, problem: str) -> BuildError:
        host = urlsplit(self._base).netloc
        return BuildError(
            f"{host} refuses the request: {problem}",
            fix=f"run `docker login {host}` or `skopeo login {host}`, "
            "or name Docker's configuration folder in DOCKER_CONFIG",
            reason="environment",
        )
