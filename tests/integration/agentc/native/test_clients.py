"""The clients that people use against the program: ab, wrk, curl, Python, a Prometheus server, the
probes of a kubelet.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.http_client import LIMIT
from tests.support.native_agents import Compiled, talk
from tests.support.native_runs import built, scout, seen
from tests.support.requirements import need

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("native-clients")]


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """The agent of the program."""
    return scout(tmp_path_factory.mktemp("agent"))


@pytest.fixture(scope="module")
def program(agent: Compiled, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The agent behind HTTP."""
    return built(agent, tmp_path_factory.mktemp("program"), "--http")


@pytest.fixture
def place(program: Path) -> Iterator[str]:
    """Address and port of a program that runs."""
    with subprocess.Popen(
        [program, "--listen", "127.0.0.1:0"], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
    ) as process:
        assert process.stderr
        yield process.stderr.readline().decode().split()[-1]
        process.terminate()
        assert process.wait(LIMIT) == 0


def steps(place: str) -> int:
    """How many steps the program has made."""
    with urllib.request.urlopen(f"http://{place}/metrics", timeout=LIMIT) as answer:
        match = re.search(r"^coalition_steps_total (\d+)$", answer.read().decode(), re.MULTILINE)
    assert match
    return int(match[1])


def client_output(*words: str) -> str:
    """Output of a client that succeeds."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=2 * LIMIT, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("keep", [["-k"], []])
def test_ab(place: str, tmp_path: Path, keep: list[str]) -> None:
    """HTTP/1.0; with -k it waits for a connection that stays, or for its end."""
    (tmp_path / "body").write_text(seen(1))
    words = [
        *keep,
        "-q",
        "-n",
        "600",
        "-c",
        "20",
        "-s",
        "20",
        "-p",
        str(tmp_path / "body"),
        "-T",
        "application/json",
    ]
    text = client_output(need("ab"), *words, f"http://{place}/step")
    assert re.search(r"Complete requests: +600\n", text) and re.search(r"Non-2xx", text) is None
    kept = re.search(r"Keep-Alive requests: +(\d+)\n", text)
    assert (int(kept[1]) if kept else 0) == (600 if keep else 0)
    assert steps(place) >= 600


def test_wrk(place: str, tmp_path: Path) -> None:
    """More connections than there are buffers, pipelined by nobody, all kept."""
    script = tmp_path / "step.lua"
    script.write_text(f"wrk.method = 'POST'\nwrk.body = '{seen(1)}'\n")
    text = client_output(
        need("wrk"), "-t1", "-c50", "-d1s", "-s", str(script), f"http://{place}/step"
    )
    done = re.search(r"(\d+) requests in", text)
    assert done and int(done[1]) > 100 and "Non-2xx" not in text and "Socket errors" not in text
    assert steps(place) >= int(done[1])


def test_curl(program: Path, place: str, tmp_path: Path) -> None:
    curl, wanted = need("curl"), talk(program, [seen(1)] * 5)
    (tmp_path / "body").write_text(seen(1))
    base = [curl, "-sS", "--fail", "--max-time", "20"]
    forms = [
        ["-d", seen(1)],
        ["--http1.0", "-d", seen(1)],
        ["-H", "Transfer-Encoding: chunked", "-d", seen(1)],
        ["-T", str(tmp_path / "body"), "-X", "POST", "-H", "Expect: 100-continue"],
        ["--request-target", f"http://{place}/step", "-d", seen(1)],
    ]
    assert [
        json.loads(client_output(*base, *form, f"http://{place}/step?n=1")) for form in forms
    ] == wanted
    assert "HTTP/1.1 200 OK" in client_output(*base, "-I", f"http://{place}/healthz")
    pages = [f"http://{place}/healthz", f"http://{place}/metrics"]
    trace = subprocess.run([*base, "-v", *pages], capture_output=True, text=True, check=True)
    assert "Re-using existing connection" in trace.stderr


def test_python_streams_a_body(program: Path, place: str) -> None:
    """http.client sends what has no length in chunks."""
    link = http.client.HTTPConnection(place, timeout=LIMIT)
    result = []
    for k in range(4):
        text = seen(k).encode()
        link.request("POST", "/step", iter([text[:5], text[5:]]))
        result.append(json.loads(link.getresponse().read()))
    link.close()
    assert result == talk(program, [seen(k) for k in range(4)])


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_probes_of_a_kubelet(place: str, version: str) -> None:
    """GET with the fields of Go's client and Connection: close; the probe waits for the end of the
    connection.
    """
    host, _, port = place.partition(":")
    head = (
        f"GET /healthz?verbose HTTP/{version}\r\nHost: {place}\r\nUser-Agent: "
        "kube-probe/1.31\r\nAccept: */*\r\n"
        "Accept-Encoding: gzip\r\nConnection: close\r\n\r\n"
    )
    for _ in range(30):
        with socket.create_connection((host, int(port)), timeout=1) as link:
            link.sendall(head.encode())
            data = b"".join(iter(lambda: link.recv(4096), b""))
        assert data.startswith(b"HTTP/1.1 200 OK\r\n") and data.endswith(b'{"health":"ok"}\n')


def test_promtool_finds_nothing_wrong(place: str) -> None:
    promtool = need("promtool")
    urllib.request.urlopen(f"http://{place}/step", seen(1).encode(), timeout=LIMIT).close()
    with urllib.request.urlopen(f"http://{place}/metrics", timeout=LIMIT) as answer:
        text = answer.read()
    done = subprocess.run(
        [promtool, "check", "metrics"], input=text, capture_output=True, timeout=LIMIT, check=False
    )
    assert (done.returncode, done.stderr, done.stdout) == (0, b"", b"")


def test_a_prometheus_server_scrapes(place: str, tmp_path: Path) -> None:
    """With a query in the scrape's parameters, as the server asks."""
    server = need("prometheus")
    job = {
        "job_name": "agents",
        "params": {"verbose": ["1"]},
        "static_configs": [{"targets": [place]}],
    }
    config = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [job]}
    (tmp_path / "prometheus.yml").write_text(json.dumps(config))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = "127.0.0.1:%d" % free.getsockname()[1]
    words = [
        server,
        f"--config.file={tmp_path}/prometheus.yml",
        f"--storage.tsdb.path={tmp_path}/data",
        f"--web.listen-address={address}",
    ]
    urllib.request.urlopen(f"http://{place}/step", seen(1).encode(), timeout=LIMIT).close()
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(words, stdout=log, stderr=log) as process,
    ):
        try:
            until = time.monotonic() + 2 * LIMIT
            while (
                not (result := _asked(address, "coalition_steps_total"))
                and time.monotonic() < until
            ):
                time.sleep(0.2)
            assert result == ["1"], (tmp_path / "log").read_text()[-2000:]
            assert _asked(address, "up") == ["1"] and _asked(
                address, "coalition_step_seconds_count"
            ) == ["1"]
        finally:
            process.terminate()
            process.wait(LIMIT)


def _asked(address: str, query: str) -> list[str]:
    """The values that a Prometheus server has for a query; none while it starts."""
    try:
        with urllib.request.urlopen(
            f"http://{address}/api/v1/query?query={query}", timeout=5
        ) as answer:
            return [one["value"][1] for one in json.load(answer)["data"]["result"]]
    except OSError:
        return []
