"""Read blobs of a container registry by digest, with the standard library only.

It runs within an action, without credentials: a registry that needs a password is read with
`buildgraph pull`. Every byte is compared with the digest by the caller.
"""

from __future__ import annotations

import http.client
import json
import re
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ociimage.errors import ImageError

ATTEMPTS = 5
_PIECE = 1 << 16
_TIMEOUT_S, _PROBE_S, _LONGEST_PAUSE_S = 60.0, 5.0, 60.0
_LARGEST_TOKEN = 1 << 20
_RETRIED = (408, 429, 500, 502, 503, 504)
_IMAGE = re.compile(r"([^/@]+)/([^@]+)@(sha256:[0-9a-f]{64})")
_ACCEPT = ", ".join(
    f"application/vnd.{name}+json"
    for name in (
        "oci.image.index.v1",
        "oci.image.manifest.v1",
        "docker.distribution.manifest.list.v2",
        "docker.distribution.manifest.v2",
    )
)


@dataclass(frozen=True, slots=True)
class ImageName:
    """An image of a registry: its host, repository and digest."""

    host: str
    repository: str
    digest: str


def parse_image(text: str) -> ImageName:
    """Parse `HOST/REPOSITORY[:TAG]@sha256:<hex>`; ImageError if it is not of that form."""
    fields = _IMAGE.fullmatch(text)
    if fields is None:
        raise ImageError(f"{text!r} is not HOST/REPOSITORY@sha256:... with 64 hex digits")
    host, repository, digest = fields.groups()
    repository = re.sub(r":[\w.-]+$", "", repository)
    if host == "docker.io":
        host = "registry-1.docker.io"
        repository = repository if "/" in repository else f"library/{repository}"
    return ImageName(host, repository, digest)


class UnreachableError(ImageError):
    """The registry does not answer, or refuses the request."""


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but not from HTTPS to HTTP, and without the token."""

    def redirect_request(
        self, req: urllib.request.Request, *response: Any, **others: Any
    ) -> urllib.request.Request | None:
        address = str(response[-1])
        if req.full_url.startswith("https:") and not address.startswith("https:"):
            raise ImageError(f"{req.host} redirects to {address!r}, which is not HTTPS")
        return super().redirect_request(req, *response, **others)


@dataclass(slots=True)
class Registry:
    """Read access to one repository. `ca` is a file of further authorities, or ''."""

    image: ImageName
    ca: str = ""
    pause: Callable[[float], None] = time.sleep
    _base: str = ""
    _token: str = ""
    _opener: urllib.request.OpenerDirector = field(init=False)

    def __post_init__(self) -> None:
        context = ssl.create_default_context()
        if self.ca:
            context.load_verify_locations(cafile=self.ca)
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=context),
            _Redirects(),
        )

    def manifest(self, digest: str, most: int) -> bytes:
        """Return a manifest of at most `most` bytes; its digest is not checked here."""
        with self._open(f"manifests/{digest}", {"Accept": _ACCEPT}) as response:
            content = bytes(response.read(most + 1))
        if len(content) > most:
            raise ImageError(f"{self.image.host} sends more than {most} bytes for {digest}")
        return content

    def pieces(self, digest: str, size: int) -> Iterator[bytes]:
        """Yield the pieces of a blob; after a lost connection the rest is requested."""
        done = 0
        for attempt in range(ATTEMPTS):
            headers = {"Range": f"bytes={done}-"} if done else {}
            try:
                with self._open(f"blobs/{digest}", headers) as response:
                    if done and response.status != 206:
                        _skip(response, done)
                    while piece := response.read(_PIECE):
                        done += len(piece)
                        if done > size:
                            raise ImageError(
                                f"{self.image.host} sends more than {size} bytes for {digest}"
                            )
                        yield piece
                if done == size:
                    return
            except (OSError, http.client.HTTPException):
                if attempt == ATTEMPTS - 1:
                    raise
            self.pause(min(2.0**attempt, _LONGEST_PAUSE_S))
        raise ImageError(f"{self.image.host} sends {done} of {size} bytes for {digest}")

    @contextmanager
    def _open(self, path: str, headers: dict[str, str]) -> Iterator[Any]:
        self._base = self._base or self._find_base()
        url = f"{self._base}/v2/{self.image.repository}/{path}"
        with self._request(url, headers) as response:
            yield response

    def _request(self, url: str, headers: dict[str, str]) -> Any:
        for attempt in range(ATTEMPTS):
            request = urllib.request.Request(url, headers={"User-Agent": "buildgraph", **headers})
            if self._token:
                request.add_unredirected_header("Authorization", f"Bearer {self._token}")
            wait = 2.0**attempt
            try:
                return self._opener.open(request, timeout=_TIMEOUT_S)
            except urllib.error.HTTPError as error:
                if error.code == 401 and attempt < ATTEMPTS - 1:
                    self._token = self._fetch_token(error.headers.get("WWW-Authenticate", ""))
                    continue
                if error.code not in _RETRIED or attempt == ATTEMPTS - 1:
                    raise UnreachableError(f"{url}: status {error.code}") from None
                after = error.headers.get("Retry-After", "")
                wait = float(after[:4]) if after.isdecimal() else wait
            except (OSError, http.client.HTTPException) as error:
                if attempt == ATTEMPTS - 1 or "CERTIFICATE" in str(error):
                    raise UnreachableError(f"{self.image.host}: {error}") from None
            self.pause(min(wait, _LONGEST_PAUSE_S))
        raise AssertionError("the last attempt returns or raises")

    def _find_base(self) -> str:
        """Return the address: HTTPS, or HTTP for a registry of this machine without TLS."""
        host = self.image.host
        name = host.rpartition(":")[0] or host
        if name == "localhost" or name.startswith("127.") or name == "[::1]":
            try:
                self._opener.open(f"https://{host}/v2/", timeout=_PROBE_S).close()
            except urllib.error.HTTPError:
                pass
            except OSError as error:
                if "CERTIFICATE" not in str(error):
                    return f"http://{host}"
        return f"https://{host}"

    def _fetch_token(self, challenge: str) -> str:
        """Fetch a token without credentials from the server that a challenge names."""
        scheme, _, rest = challenge.partition(" ")
        try:
            fields = urllib.request.parse_keqv_list(urllib.request.parse_http_list(rest))
        except ValueError:
            fields = {}
        realm = fields.get("realm", "")
        is_safe = realm.startswith("https:") or self._base.startswith("http:")
        if scheme.lower() != "bearer" or not is_safe:
            raise ImageError(
                f"{self.image.host} asks for a password; get the image with `buildgraph pull`, and "
                "name its layout"
            )
        query = [(key, fields[key]) for key in ("service", "scope") if key in fields]
        url = f"{realm}?{urllib.parse.urlencode(query)}"
        try:
            with self._opener.open(url, timeout=_TIMEOUT_S) as response:
                answer = json.loads(response.read(_LARGEST_TOKEN))
            return str(answer.get("token") or answer["access_token"])
        except (OSError, ValueError, KeyError, AttributeError) as error:
            raise UnreachableError(f"{realm} gives no token: {error}") from None


def _skip(response: Any, count: int) -> None:
    while count > 0 and (piece := response.read(min(count, _PIECE))):
        count -= len(piece)
