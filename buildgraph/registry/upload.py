"""Upload of blobs: in one request, or in chunks that go on after a lost connection."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO
from urllib.parse import urlencode, urlsplit

from ..types.errors import BuildError
from .client import Repository
from .connection_errors import ConnectionLost
from .documents import Descriptor
from .transport import Call, Response

CHUNK = 16 << 20
"""Bytes of one request."""
_RESTARTS = 5
_RESUMES = 10  # after losses one after the other, in which nothing was stored
_FIRST_PAUSE_S = 0.5


@dataclass(slots=True)
class Upload:
    """The upload of one blob. `open_blob` opens its bytes; `resumed` counts lost connections.

    `sent` counts the bytes that were sent, with those that were sent again.
    """

    repository: Repository
    descriptor: Descriptor
    open_blob: Callable[[], IO[bytes]]
    chunk: int = CHUNK
    resumed: int = 0
    sent: int = 0

    def run(self, url: str = "") -> None:
        """Send the blob. `url` is an upload that the registry already began."""
        failure: BuildError | None = None
        for _ in range(_RESTARTS):
            try:
                self._send(url or self.repository.begin_upload())
                return
            except (_UploadGone, ConnectionLost) as lost:
                failure, url = lost, ""
            if self.repository.blob_size(self.descriptor.digest) is not None:
                return  # the answer was lost, not the blob
            self.repository.pause(_FIRST_PAUSE_S)
        assert failure is not None
        raise failure

    def _send(self, url: str) -> None:
        size = self.descriptor.size
        with self.open_blob() as file:
            if size <= self.chunk:
                self._finish(url, _read(file, size, self.descriptor), 0)
                return
            offset, losses = 0, 0
            while offset < size:
                file.seek(offset)
                body = _read(file, min(self.chunk, size - offset), self.descriptor)
                try:
                    url, offset = self._patch(url, body, offset)
                    losses = 0
                except ConnectionLost as lost:
                    self.resumed += 1
                    losses += 1
                    if losses > _RESUMES:
                        raise
                    self.repository.pause(max(lost.wait, _FIRST_PAUSE_S * losses))
                    url, offset = self._status(url)
            self._finish(url, b"", size)

    def _patch(self, url: str, body: bytes, offset: int) -> tuple[str, int]:
        """Send a chunk; return the address for the next one, and its offset."""
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Range": f"{offset}-{offset + len(body) - 1}",
        }
        self.sent += len(body)
        response = self.repository.send_once("PATCH", url, headers, body)
        if response.status in (401, 416):  # an expired token, or a chunk that is there already
            raise ConnectionLost(
                f"{self.repository.reference.name} answers an upload with status {response.status}",
                fix="try again",
                reason="environment",
            )
        self._expect(response, 202)
        return self.repository.location(response, url), offset + len(body)

    def _status(self, url: str) -> tuple[str, int]:
        """Ask how much of the upload the registry has; return its address and the next offset."""
        with self.repository.open(Call("GET", url), writes=True) as response:
            if response.status not in (204, 202):
                raise _gone(self.repository, f"status {response.status}")
            offset = _end_of_range(response.headers.get("Range", "")) + 1
            if offset > self.descriptor.size:
                raise _gone(self.repository, f"it has {offset} bytes")
            if response.headers.get("Location"):
                url = self.repository.location(response, url)
            return url, offset

    def _finish(self, url: str, body: bytes, offset: int) -> None:
        """Close the upload, with the whole blob if nothing was sent before."""
        mark = "&" if urlsplit(url).query else "?"
        url += mark + urlencode({"digest": self.descriptor.digest})
        headers = {"Content-Type": "application/octet-stream"}
        self.sent += len(body)
        try:
            response = self.repository.send_once("PUT", url, headers, body)
        except ConnectionLost as lost:
            self.resumed += 1
            raise _gone(self.repository, lost.what) from None
        if response.status in (401, 404, 416):
            raise _gone(self.repository, f"status {response.status}")
        self._expect(response, 201)

    def _expect(self, response: Response, status: int) -> None:
        if response.status == 404:
            raise _gone(self.repository, "status 404")
        if response.status != status:
            what = f"status {response.status} for the upload of {self.descriptor.digest}"
            raise self.repository.error(response, what, failed=True)


class _UploadGone(BuildError):
    """The registry does not know the upload, or its end is uncertain: it begins again."""


def _gone(repository: Repository, problem: str) -> _UploadGone:
    return _UploadGone(
        f"{repository.reference.name}: an upload failed {_RESTARTS} times: {problem}",
        fix="try again later; what was sent is kept",
        reason="environment",
    )


def _end_of_range(header: str) -> int:
    """Return the last byte of a range such as `0-1023`; -1 if there is none.

    Registries send `0-0` for an upload without bytes.
    """
    match = re.fullmatch(r"(?:bytes=)?0-(\d{1,15})", header)
    return int(match[1]) or -1 if match else -1


def _read(file: IO[bytes], size: int, descriptor: Descriptor) -> bytes:
    body = file.read(size)
    if len(body) != size:
        raise BuildError(
            f"the blob {descriptor.digest} has fewer bytes than its manifest says",
            fix="build the image again",
            reason="broken",
        )
    return body
