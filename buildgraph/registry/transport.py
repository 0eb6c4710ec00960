"""HTTP for registries: TLS, retries, redirects and limits. The only module that imports urllib3.

A password or token is sent to the server of the registry only, never to one that a redirect names.
"""

from __future__ import annotations

import email.utils
import logging
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import HTTPError, SSLError

from ..types.errors import BuildError
from .connection_errors import BodyLost, lost_error, refused_error, tls_error

ATTEMPTS = 6
_FIRST_PAUSE_S, _LONGEST_PAUSE_S, _LONGEST_RETRY_AFTER_S = 0.5, 30.0, 120.0
_CONNECT_S, _READ_S, _LOOPBACK_PROBE_S = 10.0, 60.0, 5.0
_RETRIED = frozenset({408, 429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
_PIECE = 1 << 16
_SLOW_BYTES, _SLOW_S = 16 << 10, 30.0  # a body that is slower than this for so long is refused
_SECRET_HEADERS = frozenset({"authorization", "cookie"})

Response = urllib3.BaseHTTPResponse
Body = bytes | Iterator[bytes] | None


@dataclass(frozen=True, slots=True)
class TransportSettings:
    """`ca` is a file of further certificate authorities. `insecure` allows plain HTTP for hosts
    that are not on this machine. `pause` waits for a number of seconds.
    """

    ca: str = ""
    insecure: bool = False
    pause: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `retried` is False where a repeated request has another effect.

    `most` is the number of bytes that `Transport.fetch` accepts.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body = None
    retried: bool = True
    most: int = 4 << 20


class Transport:
    """Connections to a registry and to the servers that it names."""

    def __init__(self, settings: TransportSettings = TransportSettings()) -> None:
        self.settings = settings
        logging.getLogger("urllib3").setLevel(logging.ERROR)  # errors are reported here
        self._context = _tls_context(settings.ca)
        self._pools: dict[str, urllib3.PoolManager] = {}

    def close(self) -> None:
        """Close all connections."""
        for pool in self._pools.values():
            pool.clear()

    def base_url(self, server: str, loopback: bool) -> str:
        """Return the address of a registry.

        It is HTTPS, except for a server of this machine, or any with `insecure`, that speaks no
        TLS. A certificate that is not valid is an error everywhere.
        """
        if not loopback and not self.settings.insecure:
            return f"https://{server}"
        try:
            timeout = urllib3.Timeout(_LOOPBACK_PROBE_S if loopback else _CONNECT_S)
            url = f"https://{server}/v2/"
            self._pool(url).request("GET", url, retries=False, redirect=False, timeout=timeout)
        except SSLError as error:
            if _certificate_problem(error):
                raise tls_error(server, error) from None
            return f"http://{server}"
        except HTTPError:
            return f"http://{server}"
        return f"https://{server}"

    def fetch(self, call: Call) -> tuple[Response, bytes]:
        """Send a request; return its response and body of at most `call.most` bytes."""
        for attempt in range(ATTEMPTS):
            try:
                with self.open(call) as response:
                    return response, _read_bounded(response, call)
            except BodyLost:
                if attempt == ATTEMPTS - 1 or not call.retried:
                    raise
                self.settings.pause(_pause(attempt))
        raise AssertionError("the last attempt returns or raises")

    @contextmanager
    def open(self, call: Call) -> Iterator[Response]:
        """Send a request and yield the response, whose body is not read yet.

        Connection errors and the statuses of an overloaded server are retried. GET and HEAD follow
        redirects. Raises ConnectionLost if no attempt succeeds.
        """
        response = self._send_retried(call)
        try:
            yield response
        finally:
            _release(response)

    def _send_retried(self, call: Call) -> Response:
        attempts = ATTEMPTS if call.retried else 1
        problem, wait = "", 0.0
        for attempt in range(attempts):
            wait = _pause(attempt)
            try:
                response = self._send_redirected(call)
                if response.status not in _RETRIED:
                    return response
                problem = f"it answers with status {response.status}"
                wait = _retry_after(response.headers.get("Retry-After"), wait)
                _release(response)
            except SSLError as error:
                raise tls_error(urlsplit(call.url).netloc, error) from None
            except (HTTPError, OSError) as error:
                problem = str(error)
            if attempt < attempts - 1:
                self.settings.pause(wait)
        lost = lost_error(call.url, problem)
        lost.wait = wait
        raise lost

    def _send_redirected(self, call: Call) -> Response:
        url, headers = call.url, dict(call.headers)
        for _ in range(_MOST_REDIRECTS + 1):
            response = self._send(call.method, url, headers, call.body)
            target = response.headers.get("Location", "")
            is_followed = call.method in ("GET", "HEAD") and response.status in _REDIRECTS
            if not is_followed or not target:
                return response
            _release(response)
            new = urljoin(url, target)
            _check_redirect(url, new)
            if origin(new) != origin(url):
                headers = {k: v for k, v in headers.items() if k.lower() not in _SECRET_HEADERS}
            url = new
        raise refused_error(call.url, f"it redirects more than {_MOST_REDIRECTS} times")

    def _send(self, method: str, url: str, headers: dict[str, str], body: Body) -> Response:
        response = self._pool(url).request(
            method,
            url,
            body=body,
            headers={"Accept-Encoding": "identity", "User-Agent": "buildgraph", **headers},
            retries=False,
            redirect=False,
            preload_content=False,
            decode_content=False,
            timeout=urllib3.Timeout(connect=_CONNECT_S, read=_READ_S),
        )
        if _is_cut(response, method):
            response.close()
            raise urllib3.exceptions.ProtocolError("the connection ended within the headers")
        return response

    def _pool(self, url: str) -> urllib3.PoolManager:
        """Return the pool for an address: a proxy of the environment, or direct connections."""
        parts = urlsplit(url)
        proxy = "" if _is_direct(parts.hostname or "") else getproxies().get(parts.scheme, "")
        if proxy not in self._pools:
            options = {"ssl_context": self._context, "maxsize": 8}
            self._pools[proxy] = (
                urllib3.ProxyManager(proxy, **options)  # type: ignore[arg-type]
                if proxy
                else urllib3.PoolManager(**options)  # type: ignore[arg-type]
            )
        return self._pools[proxy]


def origin(url: str) -> tuple[str, str, int]:
    """Return (scheme, host, port) of an address."""
    parts = urlsplit(url)
    return (
        parts.scheme,
        parts.hostname or "",
        parts.port or (443 if parts.scheme == "https" else 80),
    )


def pieces(response: Response, most: int) -> Iterator[bytes]:
    """Yield the pieces of a body.

    Raises BuildError once it has more than `most` bytes or stalls, and ConnectionLost if it ends
    early.
    """
    count, mark, mark_count = 0, time.monotonic(), 0
    while piece := _read_piece(response):
        count += len(piece)
        if count > most:
            raise refused_error(str(response.geturl()), f"it sends more than {most} bytes")
        yield piece
        now = time.monotonic()
        if now - mark >= _SLOW_S:
            if count - mark_count < _SLOW_BYTES:
                raise refused_error(
                    str(response.geturl()), f"it sends {count - mark_count} B in 30 s"
                )
            mark, mark_count = now, count


def _is_cut(response: Response, method: str) -> bool:
    """Return True if the length of a body is unknown, as when the headers are incomplete.

    Python's HTTP parser takes the end of a connection for the end of the headers. Registries send
    the length of every body, or chunks.
    """
    has_body = method != "HEAD" and response.status >= 200 and response.status not in (204, 304)
    return has_body and not {"content-length", "transfer-encoding"} & {
        name.lower() for name in response.headers
    }


def _read_piece(response: Response) -> bytes:
    try:
        return response.read(_PIECE)
    except (HTTPError, OSError) as error:
        raise lost_error(str(response.geturl()), str(error), BodyLost) from None


def _release(response: Response) -> None:
    """Give the connection back if the body is known to be empty, else close it."""
    if getattr(response, "length_remaining", None) == 0:
        response.drain_conn()
    response.close()


def _read_bounded(response: Response, call: Call) -> bytes:
    if call.method == "HEAD":
        return b""
    return b"".join(pieces(response, call.most))


def _is_direct(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.") or bool(proxy_bypass(host))


def _tls_context(ca: str) -> ssl.SSLContext:
    """Return a context that verifies servers; OpenSSL reads SSL_CERT_FILE by itself."""
    context = ssl.create_default_context()
    if ca:
        try:
            context.load_verify_locations(cafile=ca)
        except (OSError, ssl.SSLError) as error:
            raise BuildError(
                f"--ca {ca}: {error}",
                fix="name a file of certificates in PEM format",
                reason="usage",
            ) from None
    return context


def _certificate_problem(error: SSLError) -> bool:
    return "CERTIFICATE" in str(error).upper() or "HOSTNAME" in str(error).upper()


def _pause(attempt: int) -> float:
    return float(min(_FIRST_PAUSE_S * 2**attempt, _LONGEST_PAUSE_S))


def _retry_after(header: str | None, default: float) -> float:
    """Return the seconds that a server asks to wait: a number or a date, bounded."""
    if not header:
        return default
    if header.isdecimal():
        return min(float(header[:6]), _LONGEST_RETRY_AFTER_S)
    try:
        seconds = email.utils.parsedate_to_datetime(header).timestamp() - time.time()
    except ValueError:
        return default
    return min(max(seconds, 0.0), _LONGEST_RETRY_AFTER_S)


def _check_redirect(url: str, new: str) -> None:
    scheme = urlsplit(new).scheme
    if scheme not in ("http", "https") or (scheme == "http" and url.startswith("https:")):
        raise refused_error(url, f"it redirects to {new!r}, which is not HTTPS")
