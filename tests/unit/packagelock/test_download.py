"""Packages by their hashes, from servers and from files."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from packagelock.download import Package, Source, parse_integrity
from packagelock.errors import PackageError

DATA = b"a package"
HASHES = {"sha256": hashlib.sha256(DATA).hexdigest()}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:  # the name is that of the method of HTTP
        self.send_response(200 if self.path == "/mirror/a.tgz" else 404)
        self.end_headers()
        self.wfile.write(DATA)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a server with one package."""
    running = HTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}/"
    running.shutdown()


def test_a_package_comes_from_a_mirror(server: str) -> None:
    source = Source(None, {"https://registry.example.org/": f"{server}mirror/"})
    assert source.get(Package("a", "https://registry.example.org/a.tgz", HASHES)) == DATA


def test_a_missing_package_names_its_address(server: str) -> None:
    with pytest.raises(PackageError, match="404"):
        Source(None, {}).get(Package("a", f"{server}other", HASHES))


@pytest.mark.parametrize(
    ("hashes", "message"),
    [({"sha256": "0" * 64}, "and the lock says 0000"), ({"sha1": "0"}, "no SHA-256 or SHA-512")],
)
def test_other_content_is_refused(server: str, hashes: dict[str, str], message: str) -> None:
    with pytest.raises(PackageError, match=message):
        Source(None, {}).get(Package("a", f"{server}mirror/a.tgz", hashes))


def test_only_servers_are_asked() -> None:
    with pytest.raises(PackageError, match="not an address of a server"):
        Source(None, {}).get(Package("a", "file:///etc/passwd", HASHES))


def test_weak_hashes_of_an_integrity_do_not_count() -> None:
    assert parse_integrity("sha1-AAAA sha256-AQID?x") == {"sha256": "010203"}
    with pytest.raises(PackageError, match="no integrity"):
        parse_integrity("sha512-!")
