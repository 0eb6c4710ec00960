"""One repository of a registry: manifests, blobs and referrers (OCI distribution 1.1)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

from ..types.errors import BuildError
from .authentication import Authentication
from .connection_errors import ConnectionLost
from .credentials import Credentials, find_credentials
from .documents import (
    INDEX,
    INDEXES,
    LARGEST_DOCUMENT,
    MANIFESTS,
    Descriptor,
    digest_of,
    parse_descriptor,
)
from .reference import Reference
from .transport import Body, Call, Response, Transport, TransportSettings, origin

_ACCEPT = ", ".join((*MANIFESTS, *INDEXES))
_LARGEST_ERROR = 1 << 16


@dataclass(frozen=True, slots=True)
class Document:
    """A manifest as the registry sent it; `digest` is computed from its bytes."""

    media_type: str
    content: bytes

    @property
    def digest(self) -> str:
        """The digest of the bytes."""
        return digest_of(self.content)


class Repository:
    """A repository of a registry. The first request finds out how the registry is reached.

    Methods raise BuildError with a message of the registry's where it refuses a request.
    """

    def __init__(
        self,
        reference: Reference,
        settings: TransportSettings = TransportSettings(),
        credentials: Callable[[str], Credentials] = find_credentials,
    ) -> None:
        self.reference = reference
        self.transport = Transport(settings)
        self.pause = settings.pause
        self._base = self.transport.base_url(reference.server, reference.is_loopback)
        self._authentication = Authentication(
            self.transport, self._base, lambda: credentials(reference.host)
        )

    def __enter__(self) -> Repository:
        return self

    def __exit__(self, *_: object) -> None:
        self.transport.close()

    def blob_size(self, digest: str) -> int | None:
        """Return the size of a blob in bytes, None if the repository does not have it."""
        with self.open(Call("HEAD", self.url("blobs", digest))) as response:
            if response.status == 404:
                return None
            self.expect(response, 200)
            return int(response.headers.get("Content-Length", "0"))

    def mount(self, digest: str, origin_repository: str) -> str:
        """Take a blob from another repository of the registry without sending it.

        Returns '' if it was taken, else the address of the upload that the registry began.
        """
        query = urlencode({"mount": digest, "from": origin_repository})
        return self.begin_upload(f"?{query}")

    def begin_upload(self, query: str = "") -> str:
        """Begin an upload; return its address, '' if a mount made it unnecessary."""
        url = self.url("blobs", "uploads") + "/"
        with self.open(Call("POST", url + query), writes=True) as response:
            if query and response.status == 201:
                return ""
            self.expect(response, 202)
            return self.location(response, url)

    def location(self, response: Response, url: str) -> str:
        """Return the address of `Location`, which may be relative; it must be HTTP."""
        target = response.headers.get("Location", "")
        new = urljoin(url, target)
        if not target:
            raise ConnectionLost(
                f"{self.reference.name}: an answer names no address for an upload",
                fix="try again; if it stays, ask the operators of the registry",
                reason="failed",
            )
        if urlsplit(new).scheme not in ("http", "https"):
            raise self.error(response, f"it names no address for an upload but {target[:80]!r}")
        if urlsplit(new).scheme == "http" and self._base.startswith("https:"):
            new = "https" + new.removeprefix("http")  # a registry behind a proxy with TLS
        return new

    def manifest(self, version: str) -> Document | None:
        """Return the manifest of a tag or digest; None if there is none.

        The bytes are compared with a digest; a tag has none to compare.
        """
        call = Call("GET", self.url("manifests", version), {"Accept": _ACCEPT})
        response, body = self.fetch(replace(call, most=LARGEST_DOCUMENT))
        if response.status == 404:
            return None
        self.expect(response, 200, body)
        document = Document(response.headers.get("Content-Type", "").partition(";")[0], body)
        if version.startswith("sha256:") and document.digest != version:
            raise BuildError(
                f"{self.reference.name} sends wrong bytes for {version}: {document.digest}",
                fix="ask the operators of the registry; nothing was kept",
                reason="broken",
            )
        return document

    def has_manifest(self, digest: str) -> bool:
        """Return True if the repository has a manifest."""
        call = Call("HEAD", self.url("manifests", digest), {"Accept": _ACCEPT})
        with self.open(call) as response:
            if response.status == 404:
                return False
            self.expect(response, 200)
            return True

    def put_manifest(self, version: str, media_type: str, content: bytes) -> Mapping[str, str]:
        """Store a manifest under a tag or its digest; return the headers of the answer."""
        call = Call("PUT", self.url("manifests", version), {"Content-Type": media_type}, content)
        response, body = self.fetch(call, writes=True)
        self.expect(response, 201, body)
        stored = response.headers.get("Docker-Content-Digest", digest_of(content))
        if stored != digest_of(content):
            raise BuildError(
                f"{self.reference.name} stored {stored} instead of {digest_of(content)}",
                fix="ask the operators of the registry: it must store manifests as they are",
                reason="broken",
            )
        return response.headers

    def referrers(self, digest: str) -> tuple[Descriptor, ...] | None:
        """Return the manifests that refer to one; None if the registry cannot list them."""
        call = Call("GET", self.url("referrers", digest), {"Accept": INDEX}, most=LARGEST_DOCUMENT)
        response, body = self.fetch(call)
        if response.status != 200 or INDEX not in response.headers.get("Content-Type", ""):
            return None
        return _parse_referrers(body)

    def tagged_referrers(self, digest: str) -> tuple[Document | None, tuple[Descriptor, ...]]:
        """Return the index of the fallback tag `sha256-<hex>`, if there is one, and its entries."""
        document = self.manifest(digest.replace(":", "-", 1))
        return document, _parse_referrers(document.content) if document else ()

    @contextmanager
    def blob(self, descriptor: Descriptor, start: int = 0) -> Iterator[tuple[Response, int]]:
        """Request a blob from an offset; yield (response, offset at which its body begins)."""
        headers = {"Range": f"bytes={start}-"} if start else {}
        with self.open(Call("GET", self.url("blobs", descriptor.digest), headers)) as response:
            if response.status == 404:
                raise self.error(response, f"it has no blob {descriptor.digest}", failed=True)
            self.expect(response, 200, partial=bool(start))
            ranged = response.status == 206
            begins = f"bytes {start}-"
            if ranged and not response.headers.get("Content-Range", "").startswith(begins):
                raise self.error(response, "it sends another range than was requested")
            yield response, start if ranged else 0

    def fetch(self, call: Call, writes: bool = False) -> tuple[Response, bytes]:
        """Send a request with authorization and read the body."""
        for _ in range(3):
            prepared = self._authentication.authorize(call, self._scope(writes))
            response, body = self.transport.fetch(prepared)
            if response.status != 401 or not self._answered(response, prepared, writes):
                break
        return response, body

    @contextmanager
    def open(self, call: Call, writes: bool = False) -> Iterator[Response]:
        """Send a request with authorization and yield the response.

        The body of a request must be bytes, because it is sent again after a challenge.
        """
        for attempt in range(3):
            prepared = self._authentication.authorize(call, self._scope(writes))
            with self.transport.open(prepared) as response:
                if response.status == 401 and attempt < 2:
                    response.read(_LARGEST_ERROR)
                    if self._answered(response, prepared, writes):
                        continue
                yield response
                return

    def authorized_headers(self, url: str) -> Mapping[str, str]:
        """Return the headers for a request whose body cannot be sent twice."""
        return self._authentication.authorize(Call("PATCH", url), self._scope(True)).headers

    def send_once(self, method: str, url: str, headers: Mapping[str, str], body: Body) -> Response:
        """Send a part of an upload without retries; ConnectionLost if that fails."""
        call = Call(method, url, {**headers, **self.authorized_headers(url)}, body, retried=False)
        with self.transport.open(call) as response:
            response.read(_LARGEST_ERROR)
            return response

    def expect(
        self, response: Response, status: int, body: bytes = b"", partial: bool = False
    ) -> None:
        """Raise BuildError unless a response has a status; `partial` also accepts 206."""
        if response.status == status or (partial and response.status == 206):
            return
        if not body and response.status >= 400:
            body = response.read(_LARGEST_ERROR) or b""
        raise self.error(response, _message(response.status, body), failed=True)

    def error(self, response: Response, problem: str, failed: bool = False) -> BuildError:
        """Return the error for a response: a request `failed`, or else a promise is broken."""
        fixes = {
            401: f"run `docker login {self.reference.host}`",
            403: "ask for the right to do it, or log in as another user",
            404: "check the name of the repository, the tag and the digest",
        }
        return BuildError(
            f"{self.reference.name}: {problem}",
            fix=fixes.get(response.status, "ask the operators of the registry"),
            reason="failed" if failed else "broken",
        )

    def url(self, kind: str, name: str) -> str:
        """Return the address of a manifest, a blob or the like."""
        return f"{self._base}/v2/{self.reference.repository}/{kind}/{quote(name, safe=':')}"

    def same_server(self, url: str) -> bool:
        """Return True for an address on the server of the registry."""
        return origin(url) == origin(self._base)

    def _scope(self, writes: bool) -> str:
        return f"repository:{self.reference.repository}:{'pull,push' if writes else 'pull'}"

    def _answered(self, response: Response, call: Call, writes: bool) -> bool:
        return self._authentication.answer(response, call, self._scope(writes))


def _parse_referrers(body: bytes) -> tuple[Descriptor, ...]:
    where = "the list of referrers"
    try:
        entries = json.loads(body)["manifests"]
        return tuple(parse_descriptor(entry, where) for entry in entries)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BuildError(
            f"{where} is not valid: {type(error).__name__}",
            fix="ask the operators of the registry",
            reason="broken",
        ) from None


def _message(status: int, body: bytes) -> str:
    """Return the registry's own words for an error, with its code."""
    try:
        errors: Any = json.loads(body)["errors"]
        text = "; ".join(f"{one.get('code')}: {one.get('message')}" for one in errors[:3])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        text = ""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)[:300]
    return f"status {status}" + (f", {printable}" if printable else "")
