"""Debian's docker-registry on loopback for tests, with a password, and TLS of our authority."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.requirements import need

USER, PASSWORD = "robot", "R2 d2:c3po"
_START_S = 60.0


@dataclass
class RegistryServer:
    """A running registry: its host and port, its folder, and its log."""

    host: str
    folder: Path
    log: Path

    def stored_blobs(self) -> set[str]:
        """The digests of all blobs and manifests in its storage."""
        top = self.folder / "data/docker/registry/v2/blobs/sha256"
        return {f"sha256:{path.name}" for path in top.glob("*/*")}

    def requests(self) -> list[str]:
        """The requests in its log: `METHOD /path STATUS`."""
        lines = []
        for line in self.log.read_text(errors="replace").splitlines():
            if '] "' in line and "HTTP/" in line:
                request, _, rest = line.partition('] "')[2].partition('" ')
                method, path, _ = request.split(" ", 2)
                lines.append(f"{method} {path} {rest.split(' ')[0]}")
        return lines


@dataclass(frozen=True)
class RegistryOptions:
    """Options of a registry: a password, TLS with a certificate, and further configuration."""

    password: bool = False
    tls: Path | None = None
    more: dict[str, object] = field(default_factory=dict)


def free_port() -> int:
    """A port of loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def registry_server(
    folder: Path, options: RegistryOptions = RegistryOptions()
) -> Iterator[RegistryServer]:
    """Run a registry in a folder; skip the calling test where docker-registry is missing."""
    program, port = need("docker-registry"), free_port()
    http: dict[str, object] = {"addr": f"127.0.0.1:{port}", "secret": "of the tests"}
    config: dict[str, object] = {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": False}},
        "storage": {
            "filesystem": {"rootdirectory": str(folder / "data")},
            "delete": {"enabled": True},
        },
        "http": http,
        **options.more,
    }
    if options.tls:
        http["tls"] = {
            "certificate": str(options.tls / "server.pem"),
            "key": str(options.tls / "server.key"),
        }
    if options.password:
        words = [need("htpasswd"), "-nbB", USER, PASSWORD]
        line = subprocess.run(words, capture_output=True, check=True).stdout
        (folder / "htpasswd").write_bytes(line)
        config["auth"] = {"htpasswd": {"realm": "tests", "path": str(folder / "htpasswd")}}
    (folder / "config.yml").write_text(json.dumps(config))  # JSON is YAML
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "serve", str(folder / "config.yml")],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={key: value for key, value in os.environ.items() if not key.startswith("OTEL")},
        )
    try:
        _wait(port, process)
        yield RegistryServer(f"127.0.0.1:{port}", folder, folder / "log")
    finally:
        process.terminate()
        process.wait(30)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _START_S
    while time.monotonic() < until:
        assert process.poll() is None, "docker-registry ended"
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise AssertionError("docker-registry does not listen")


def make_certificates(folder: Path) -> Path:
    """Make a certificate authority and a certificate for 127.0.0.1; return the CA's file."""
    openssl = need("openssl")
    folder.mkdir(parents=True, exist_ok=True)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"]

    def run(*words: str) -> None:
        subprocess.run([openssl, *words], cwd=folder, check=True, capture_output=True)

    run(*("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Tests"))
    run(*("req", *key[:5], "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=registry"))
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    sign = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30")
    run(*("x509", "-req", "-in", "server.csr", *sign, "-extfile", "names", "-out", "server.pem"))
    return folder / "ca.pem"


@dataclass
class CuttingProxy:
    """A TCP proxy that cuts connections: `cuts` are numbers of bytes, one for each connection.

    A connection for which no number is left, or 0, is passed on whole. Bytes of a client that
    sends TLS are passed on as well.
    """

    upstream: str
    cuts: list[int] = field(default_factory=list)
    after_reply: bool = False  # count bytes of the server instead of the client
    cut: int = 0  # the number of connections that were cut
    host: str = ""

    @contextmanager
    def running(self) -> Iterator[CuttingProxy]:
        """Listen until the end of the block."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.host = f"127.0.0.1:{listener.getsockname()[1]}"
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
            yield self

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            name, _, port = self.upstream.partition(":")
            server = socket.create_connection((name, int(port)))
            most = self.cuts.pop(0) if self.cuts else 0
            up, down = (0, most) if self.after_reply else (most, 0)
            for source, target, limit in ((client, server, up), (server, client, down)):
                threading.Thread(
                    target=self._copy, args=(source, target, limit), daemon=True
                ).start()

    def _copy(self, source: socket.socket, target: socket.socket, most: int) -> None:
        count = 0
        with suppress(OSError):
            while piece := source.recv(1 << 16):
                if most and count + len(piece) >= most:
                    target.sendall(piece[: most - count])
                    self.cut += 1
                    break
                count += len(piece)
                target.sendall(piece)
        for end in (target, source):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def http_status(url: str) -> int:
    """The status of a GET request."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
