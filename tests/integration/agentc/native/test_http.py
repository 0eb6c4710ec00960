"""The HTTP face: the same answers as lines, strict and bounded requests, many connections, metrics
that add up.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.http_client import LIMIT, Server, answers, request
from tests.support.native_agents import Compiled, linked, main_text, talk
from tests.support.native_runs import built, proved_scout, seen, serving
from tests.support.requirements import need

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("native-http")]
GOOD = request("POST", "/step", seen(1))


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """The agent of every program here, proved, so that its health can be bad."""
    return proved_scout(tmp_path_factory)


@pytest.fixture(scope="module")
def program(agent: Compiled, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One agent and the HTTP face."""
    return built(agent, tmp_path_factory.mktemp("program"), "--http")


@pytest.fixture
def server(program: Path, tmp_path: Path) -> Iterator[Server]:
    """The program behind a socket."""
    with serving(program, tmp_path) as running:
        yield running


def metrics(server: Server) -> dict[str, float]:
    """Every sample of /metrics by its name and labels."""
    answer = server.ask("GET", "/metrics")
    assert answer.status == 200 and answer.headers["content-type"].startswith(
        "text/plain; version=0.0.4"
    )
    lines = [
        line.rsplit(" ", 1)
        for line in answer.body.decode().splitlines()
        if not line.startswith("#")
    ]
    return {name: float(value) for name, value in lines}


def test_steps_are_answered_as_lines_are(program: Path, server: Server) -> None:
    asked = [seen(k) for k in range(30)]
    wanted = talk(program, [*asked[:20], '{"reset":true}', *asked[20:]])
    assert [server.step(line) for line in asked[:20]] == wanted[:20]
    assert server.step('{"reset":true}') == {"reset": True}
    with server.connect() as link:  # one connection, requests back to back
        link.sendall(b"".join(request("POST", "/step", line) for line in asked[20:]))
        link.shutdown(socket.SHUT_WR)
        replies = answers(b"".join(iter(lambda: link.recv(7), b"")))
    assert [answer.json for answer in replies] == wanted[21:]


def test_a_refused_body_is_a_400_that_keeps_the_connection_and_the_state(
    program: Path, server: Server
) -> None:
    data = b"".join(
        request("POST", "/step", body)
        for body in (seen(0), '{"scout":[5]}', "", "x" * 900, seen(1))
    )
    replies = answers(server.raw(data))
    assert [answer.status for answer in replies] == [200, 400, 400, 400, 200]
    assert [replies[0].json, replies[4].json] == talk(program, [seen(0), seen(1)])
    assert replies[1].json == {
        "error": "agent scout, modality 0: expected an index from 0 to 4, not 5, at byte 11"
    }


def test_pretty_json_and_beliefs(program: Path, tmp_path: Path) -> None:
    with serving(program, tmp_path, "--beliefs") as server:
        assert (
            server.step('{\n  "scout": [\n    1\n  ]\n}\n')
            == talk(program, [seen(1)], "--beliefs")[0]
        )


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        (b"GET /step?x HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        (b"GET /step HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        (b"PUT /metrics HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        (b"POST /step HTTP/1.1\r\nHost: a\r\n\r\n", 411),
        (b"GET /healthz HTTP/1.1\r\n\r\n", 400),
        (b"GET /healthz HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        (b"GET /healthz HTTP/1.1 \r\nHost: a\r\n\r\n", 400),
        (b"GET  /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /healthz\r\n\r\n", 400),
        (b"\r\n\r\n", 400),
        (b" GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\nHost: a\n\n\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\n X: folded\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost: \x80\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost: a\rb\r\n\r\n", 400),
        (b"GET /health\0 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (GOOD.replace(b"Content-Length: ", b"Content-Length: +"), 400),
        (GOOD.replace(b"13", b"13, 13"), 400),
        (GOOD.replace(b"Content-Length: 13", b"Content-Length: 13\r\nContent-Length: 13"), 400),
        (GOOD.replace(b"Content-Length: 13", b"Content-Length: 0x0d"), 400),
        (GOOD.replace(b"13", b"-1"), 400),
        (GOOD.replace(b"13", b"99999999999999999999"), 413),
        (GOOD.replace(b"13", b"999999999"), 413),
        (
            GOOD.replace(
                b"Content-Length: 13", b"Content-Length: 13\r\nTransfer-Encoding: chunked"
            ),
            400,
        ),
        (GOOD.replace(b"Host", b"Expect: 200-ok\r\nHost"), 417),
        (b"GET /" + b"a" * 5000, 414),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 900 + b"\r\n", 431),
    ],
)
def test_what_is_no_request_is_refused(
    program: Path, server: Server, data: bytes, status: int
) -> None:
    answer, *more = answers(server.raw(data))
    assert answer.status == status and answer.json["error"] and not more
    if status not in (404, 405, 411):
        assert answer.headers["connection"] == "close"
    assert server.step(seen(0)) == talk(program, [seen(0)])[0]


def test_heads_and_allow(server: Server) -> None:
    assert server.ask("GET", "/healthz").json == {"health": "ok"}
    bare = server.raw(request("HEAD", "/healthz"))
    assert (
        bare.startswith(b"HTTP/1.1 200 OK\r\n")
        and bare.endswith(b"\r\n\r\n")
        and b"Content-Length: 16\r\n" in bare
    )
    assert server.ask("DELETE", "/step").headers["allow"] == "POST"
    assert server.ask("DELETE", "/metrics").headers["allow"] == "GET, HEAD"


def test_closing_and_keeping(server: Server) -> None:
    two = request("GET", "/healthz", "", "Connection: close") * 2
    assert len(answers(server.raw(two))) == 1
    assert len(answers(server.raw(request("GET", "/healthz").replace(b"1.1", b"1.0") * 2))) == 1
    old = request("GET", "/healthz", "", "Connection: Keep-Alive").replace(b"HTTP/1.1", b"HTTP/1.0")
    assert len(answers(server.raw(old * 2))) == 2


def test_the_body_is_asked_for(server: Server) -> None:
    head, _, body = request("POST", "/step", seen(1), "Expect: 100-continue").partition(b"\r\n\r\n")
    with server.connect() as link:
        link.sendall(head + b"\r\n\r\n")
        assert link.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        link.sendall(body)
        assert answers(link.recv(4096))[0].status == 200


def test_a_body_that_is_too_long_gets_its_answer_before_the_end(server: Server) -> None:
    with server.connect() as link:
        link.sendall(request("POST", "/step", b"x" * 3_000_000)[:200_000])
        assert answers(link.recv(4096))[0].status == 413


def test_one_byte_at_a_time_beside_others(program: Path, server: Server) -> None:
    wanted = iter(talk(program, [seen(1)] * (len(GOOD) + 1)))
    with server.connect() as slow:
        for byte in GOOD:
            assert server.step(seen(1)) == next(wanted)
            slow.sendall(bytes([byte]))
        assert answers(slow.recv(4096))[0].json == next(wanted)


def test_clients_that_step_together_get_every_step_once(program: Path, server: Server) -> None:
    results: list[Any] = []

    def client() -> None:
        with server.connect() as link:
            for _ in range(50):
                link.sendall(GOOD)
                results.append(answers(link.recv(4096))[0].json)

    clients = [threading.Thread(target=client) for _ in range(8)]
    for each in clients:
        each.start()
    for each in clients:
        each.join(LIMIT)
    wanted = [json.dumps(answer) for answer in talk(program, [seen(1)] * 400)]
    assert sorted(json.dumps(answer) for answer in results) == sorted(wanted)


def test_metrics_add_up(server: Server) -> None:
    assert not any("nats" in name for name in metrics(server))
    for k in range(5):
        last = server.step(seen(k))["scout"]
    server.ask("POST", "/step", "nonsense")
    server.ask("GET", "/nowhere")
    values = metrics(server)
    assert values["coalition_steps_total"] == values["coalition_step_seconds_count"] == 5
    assert values["coalition_errors_total"] == 2 and values["coalition_late_steps_total"] == 0
    assert values['coalition_variational_free_energy_nats{agent="scout"}'] == last["vfe"]
    assert values['coalition_expected_free_energy_nats{agent="scout"}'] == last["efe"]
    buckets = [value for name, value in values.items() if "_bucket" in name]
    assert buckets == sorted(buckets) and buckets[-1] == 5
    assert 0 < values["coalition_step_seconds_sum"] < 5


def test_the_text_is_what_prometheus_reads(server: Server) -> None:
    """Text format 0.0.4: HELP and TYPE before the samples of a family, each family once, labels
    quoted.
    """
    server.step(seen(1))
    kinds: dict[str, str] = {}
    for line in server.ask("GET", "/metrics").body.decode().splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in kinds and kind in ("counter", "gauge", "histogram")
            kinds[name] = kind
        elif not line.startswith("# HELP "):
            sample = re.fullmatch(
                r"([a-z_]+?)(_bucket|_sum|_count)?"
                r'(\{[a-z]+="[^"\\]*"(,[a-z]+="[^"\\]*")*\})? (\S+)',
                line,
            )
            assert sample, line
            last = list(kinds)[-1]
            assert last in (sample[1], sample[1] + (sample[2] or "")), line
            float(sample[5])


def test_late_steps_replicas_and_copies_in_metrics(agent: Compiled, tmp_path: Path) -> None:
    many = built(
        agent,
        tmp_path / "many",
        "--http",
        "--replicas",
        "scout=2",
        "--copies",
        "3",
        "--deadline",
        "1",
    )
    with serving(many, tmp_path) as server:
        assert server.step('{"copy":2,"scout.0":[1],"scout.1":[2]}')["late"] == 1
        values = metrics(server)
        assert values["coalition_late_steps_total"] == 1
        names = [name for name in values if "variational" in name]
        assert names == [
            f'coalition_variational_free_energy_nats{{agent="scout.{r}",copy="2"}}'
            for r in range(2)
        ]


def test_a_tick_holds_steps_back_and_nothing_else(agent: Compiled, tmp_path: Path) -> None:
    paced = built(
        agent, tmp_path / "paced", "--http", "--tick", "3000000000", "--deadline", "3000000000"
    )
    with serving(paced, tmp_path) as server:
        begin = time.monotonic()
        server.step(seen(0))
        with server.connect() as waiting:
            waiting.sendall(GOOD)
            assert server.ask("GET", "/healthz").status == 200
            assert time.monotonic() - begin < 2.9
            assert answers(waiting.recv(4096))[0].status == 200
            assert time.monotonic() - begin >= 3


def test_the_state_is_on_the_disk_before_the_answer(program: Path, tmp_path: Path) -> None:
    state, wanted = tmp_path / "state", talk(program, [seen(k) for k in range(6)])
    with serving(program, tmp_path, "--state", str(state)) as server:
        assert [server.step(seen(k)) for k in range(3)] == wanted[:3]
        (tmp_path / "copy").write_bytes(state.read_bytes())  # what a power cut now would leave
    with serving(program, tmp_path, "--state", str(tmp_path / "copy")) as server:
        assert server.step(seen(3)) == wanted[3]
        values = metrics(server)
        assert values["coalition_steps_total"] == 4 and values["coalition_step_seconds_count"] == 1
        assert values["coalition_state_writes_total"] == 2


def test_a_damaged_program_is_not_healthy(program: Path, agent: Compiled, tmp_path: Path) -> None:
    content = program.read_bytes()
    wanted = json.loads((agent.folder / "proof.json").read_bytes())["golden"]
    place = content.index(bytes.fromhex(wanted)[::-1])
    damaged = tmp_path / "damaged"
    damaged.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    damaged.chmod(0o755)
    with serving(damaged, tmp_path) as server:
        answer = server.ask("GET", "/healthz")
        assert answer.status == 503 and answer.json == {"health": "failed"}


def test_healthz_leaves_the_agents_alone(program: Path, server: Server) -> None:
    wanted = talk(program, [seen(k) for k in range(8)])
    for k in range(8):
        assert server.step(seen(k)) == wanted[k]
        assert server.ask("GET", "/healthz").status == 200


def test_addresses(program: Path, tmp_path: Path) -> None:
    for bad in (
        "",
        "8080",
        "127.0.0.1",
        "1.2.3:80",
        "1.2.3.4.5:80",
        "256.0.0.1:80",
        "127.0.0.1:65536",
        "127.0.0.1:",
        "unix:",
        "unix:" + "x" * 108,
        "localhost:80",
        "127.0.0.1:80x",
        "1.2.3.:80",
        "::1:80",
    ):
        done = subprocess.run(
            [program, "--listen", bad], capture_output=True, timeout=LIMIT, check=False
        )
        assert done.returncode == 2 and b"write unix:PATH, IPV4:PORT or :PORT" in done.stderr, bad
    for where, message in (
        ("unix:/nonexistent/s", b"no such file or folder"),
        ("192.0.2.1:0", b"no such address"),
    ):
        done = subprocess.run(
            [program, "--listen", where], capture_output=True, timeout=LIMIT, check=False
        )
        assert done.returncode == 2 and message in done.stderr


def test_a_socket_left_behind_is_taken_over_and_one_in_use_is_not(
    program: Path, tmp_path: Path
) -> None:
    with serving(program, tmp_path) as server:
        done = subprocess.run(
            [program, "--listen", f"unix:{server.path}"],
            capture_output=True,
            timeout=LIMIT,
            check=False,
        )
        assert done.returncode == 2 and b"the address is in use" in done.stderr
        assert server.ask("GET", "/healthz").status == 200
    assert not Path(server.path).exists()
    left = socket.socket(socket.AF_UNIX)
    left.bind(server.path)
    left.close()
    with serving(program, tmp_path) as again:
        assert again.ask("GET", "/healthz").status == 200


@pytest.mark.parametrize(
    "target",
    [
        "",
        "aarch64-linux-musl cortex_a53 qemu-aarch64-static",
        "arm-linux-musleabihf cortex_a7 qemu-arm-static",
        "riscv64-linux-musl baseline_rv64 qemu-riscv64-static",
    ],
)
def test_curl_over_tcp_on_every_processor(
    program: Path, agent: Compiled, target: str, tmp_path: Path
) -> None:
    curl, wrap, chosen = need("curl"), [], program
    if target:
        triple, cpu, emulator = target.split()
        wrap = [need(emulator)]
        chosen = linked([agent], main_text([agent], tmp_path / "main", (), "--http"), (triple, cpu))
    process = subprocess.Popen(
        [*wrap, str(chosen), "--listen", "127.0.0.1:0", "--state", str(tmp_path / "state")],
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )
    with process:
        assert process.stderr
        place = process.stderr.readline().decode().split()[-1]
        asked = [f"http://{place}/{name}" for name in ("step", "healthz", "metrics")]
        words = [
            curl,
            "-sS",
            "--fail",
            "--max-time",
            "20",
            "-d",
            seen(1),
            asked[0],
            "--next",
            "-sS",
            *asked[1:],
        ]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        process.terminate()
        assert process.wait(LIMIT) == 0
    step, health, *text = done.stdout.splitlines()
    assert json.loads(step) == talk(program, [seen(1)])[0] and json.loads(health) == {
        "health": "ok"
    }
    assert "coalition_steps_total 1" in text and "coalition_state_writes_total 2" in text


def test_nothing_is_allocated_after_the_start(program: Path, tmp_path: Path) -> None:
    """No call that could give memory, and no page more than its segments, whatever is asked."""
    strace, log = need("strace"), tmp_path / "log"
    with serving(
        program,
        tmp_path,
        "--state",
        str(tmp_path / "state"),
        wrap=[strace, "-D", "-o", str(log), "-e", "trace=%memory"],
    ) as server:
        for k in range(50):
            server.step(seen(k))
            server.ask("GET", "/metrics")
            server.raw(b"x" * 5000)
    assert log.exists() and not [line for line in log.read_text().splitlines() if "(" in line]
