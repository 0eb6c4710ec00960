"""Get a file by its hash: from files that are there, or from the address in the lock."""

from __future__ import annotations

import base64
import hashlib
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from packagelock.errors import PackageError

ATTEMPTS, TIMEOUT_S = 4, 60.0
CONNECTIONS = 8
LARGEST = 512 << 20  # bytes
ALGORITHMS = ("sha512", "sha384", "sha256")  # the strongest first; weaker ones prove nothing


@dataclass(frozen=True)
class Package:
    """A file of a lock: its address, and its hashes as hexadecimal text by algorithm."""

    name: str
    url: str
    hashes: Mapping[str, str]

    def check(self, data: bytes) -> None:
        """Compare the content with the strongest hash; PackageError if it differs."""
        algorithm = next((name for name in ALGORITHMS if name in self.hashes), "")
        if not algorithm:
            raise PackageError(f"{self.name}: the lock has no SHA-256 or SHA-512 of {self.url}")
        digest = hashlib.new(algorithm, data).hexdigest()
        if digest != self.hashes[algorithm]:
            raise PackageError(
                f"{self.name}: {self.url} has the {algorithm} {digest}, "
                f"and the lock says {self.hashes[algorithm]}"
            )


@dataclass
class Source:
    """A place of packages: `files` by their hashes, or addresses with `mirrors` replaced."""

    files: Sequence[Path] | None
    mirrors: Mapping[str, str]

    @cached_property
    def _by_hash(self) -> dict[str, Path]:
        """The files by each of their hashes."""
        return {
            hashlib.new(name, path.read_bytes()).hexdigest(): path
            for path in self.files or ()
            for name in ALGORITHMS
        }

    def get(self, package: Package) -> bytes:
        """The verified content of a package; PackageError without one."""
        data = self._fetch(package) if self.files is None else self._find(package)
        package.check(data)
        return data

    def _find(self, package: Package) -> bytes:
        for digest in package.hashes.values():
            if digest in self._by_hash:
                return self._by_hash[digest].read_bytes()
        raise PackageError(
            f"{package.name}: none of the {len(self.files or ())} files has the hash of "
            f"{package.url}"
        )

    def _fetch(self, package: Package) -> bytes:
        url = package.url
        for prefix, mirror in self.mirrors.items():
            if url.startswith(prefix):
                url = mirror + url.removeprefix(prefix)
                break
        if not url.startswith(("https://", "http://")):
            raise PackageError(f"{package.name}: {url!r} is not an address of a server")
        for attempt in range(ATTEMPTS):
            try:
                with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
                    data: bytes = answer.read(LARGEST + 1)
                    return data
            except urllib.error.HTTPError as error:
                if (error.code < 500 and error.code != 429) or attempt == ATTEMPTS - 1:
                    raise PackageError(f"{package.name}: {url}: {error}") from None
            except OSError as error:
                if attempt == ATTEMPTS - 1:
                    raise PackageError(f"{package.name}: {url}: {error}") from None
            time.sleep(2.0**attempt)
        raise AssertionError("the last attempt returns or raises")


def parse_integrity(text: str) -> dict[str, str]:
    """The hashes of a subresource integrity text, such as `sha512-<base64>`."""
    hashes = {}
    for word in text.split():
        algorithm, mark, encoded = word.partition("-")
        if mark and algorithm in ALGORITHMS:
            try:
                hashes[algorithm] = base64.b64decode(encoded.partition("?")[0], validate=True).hex()
            except ValueError:
                raise PackageError(f"{word!r} is no integrity of a package") from None
    return hashes
