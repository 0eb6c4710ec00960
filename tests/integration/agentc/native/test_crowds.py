"""Many clients: none whose request is under way is cut off, idle ones make room, and nobody holds
the program up for ever.
"""

from __future__ import annotations

import resource
import select
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.http_client import LIMIT, Server, answers, request
from tests.support.native_agents import Compiled, talk
from tests.support.native_runs import built, scout, seen, serving

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("native-crowds")]
CONNECTIONS, BUFFERS, STEPS_WAITING, TIME_LIMIT = (
    128,
    16,
    12,
    10,
)  # as native/connections.h and native/reply.h have them
GOOD = request("POST", "/step", seen(1))
LAST = request("GET", "/metrics", "", "Connection: close")


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """The agent of every program here."""
    return scout(tmp_path_factory.mktemp("agent"))


@pytest.fixture(scope="module")
def program(agent: Compiled, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The agent behind HTTP."""
    return built(agent, tmp_path_factory.mktemp("program"), "--http")


@pytest.fixture
def server(program: Path, tmp_path: Path) -> Iterator[Server]:
    """The program behind a socket."""
    with serving(program, tmp_path) as running:
        yield running


def reply(link: socket.socket) -> int:
    """The status of the one answer that comes next; 0 when the connection is closed."""
    data, size = b"", -1
    while size < 0 or len(data.partition(b"\r\n\r\n")[2]) < size:
        more = link.recv(65536)
        if not more:
            return 0
        data += more
        if b"\r\n\r\n" in data:
            size = int(data.partition(b"Content-Length: ")[2].split(b"\r")[0])
    return answers(data)[0].status


class Clients:
    """Threads that step on connections of their own, as fast as possible except for a pause."""

    def __init__(self, server: Server, count: int, pause: float) -> None:
        self.server, self.pause, self.answered, self.cut, self.stop = server, pause, 0, 0, False
        self.threads = [threading.Thread(target=self._step) for _ in range(count)]
        for thread in self.threads:
            thread.start()

    def _step(self) -> None:
        with self.server.connect() as link:
            while not self.stop:
                try:
                    link.sendall(GOOD)
                    if reply(link) != 200:
                        raise OSError
                    self.answered += 1
                except OSError:
                    self.cut += 1
                    return
                time.sleep(self.pause)

    def end(self) -> None:
        """Stop them all."""
        self.stop = True
        for thread in self.threads:
            thread.join(LIMIT)


@pytest.mark.parametrize("count", [BUFFERS, 2 * BUFFERS, CONNECTIONS - 2])
def test_busy_clients_and_newcomers_are_all_answered(server: Server, count: int) -> None:
    clients = Clients(server, count, 0.002)
    try:
        for _ in range(20):
            with server.connect() as scraper:
                scraper.sendall(LAST)
                assert reply(scraper) == 200
            time.sleep(0.02)
    finally:
        clients.end()
    assert clients.cut == 0 and clients.answered > count


def test_half_sent_requests_stay_while_others_come(program: Path, server: Server) -> None:
    """As many requests as buffers: later clients wait, and none is cut off."""
    half, parts = [server.connect() for _ in range(BUFFERS)], (GOOD[:30], GOOD[30:])
    for link in half:
        link.sendall(parts[0])
    waiting = [server.connect() for _ in range(2 * BUFFERS)]
    for link in waiting:
        link.sendall(GOOD)
    time.sleep(1)
    for link in half:
        link.sendall(parts[1])
    assert [reply(link) for link in half] == [200] * BUFFERS
    assert [reply(link) for link in waiting] == [200] * 2 * BUFFERS
    for link in half + waiting:
        link.close()
    assert server.step(seen(1)) == talk(program, [seen(1)] * (3 * BUFFERS + 1))[-1]


def test_who_is_silent_in_the_middle_of_a_request_has_only_so_long(server: Server) -> None:
    begin, slow = time.monotonic(), [server.connect() for _ in range(2 * BUFFERS)]
    for k, link in enumerate(slow):  # in the first line, the fields, the body, a chunk
        chunked = b"POST /step HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"
        link.sendall((GOOD[:6], GOOD[:40], GOOD[:-3], chunked)[k % 4])
    with server.connect() as newcomer:
        newcomer.sendall(GOOD)
        assert reply(newcomer) == 200
    assert TIME_LIMIT / 2 < time.monotonic() - begin < 6 * TIME_LIMIT
    for link in slow[:BUFFERS]:
        (answer,) = answers(b"".join(iter(lambda: link.recv(4096), b"")))
        assert answer.status == 408 and answer.headers["connection"] == "close"
    for link in slow:
        link.close()


def test_bytes_that_trickle_do_not_win_time(server: Server) -> None:
    with server.connect() as slow:
        begin = time.monotonic()
        while (
            not select.select([slow], [], [], 0.2)[0] and time.monotonic() - begin < 3 * TIME_LIMIT
        ):
            slow.sendall(b"P")
        assert (
            slow.recv(4096).startswith(b"HTTP/1.1 408 ")
            and time.monotonic() - begin < 2 * TIME_LIMIT
        )


def test_clients_that_do_not_read_do_not_hold_the_others_up(server: Server) -> None:
    deaf = []
    for _ in range(BUFFERS):
        link = server.connect()
        link.settimeout(0.3)
        deaf.append(link)
        with pytest.raises(TimeoutError):
            while True:
                link.sendall(request("GET", "/metrics") * 100)
    assert "scout" in server.step(seen(1))  # once their time is up
    for link in deaf:
        link.close()


def test_idle_connections_make_room(server: Server) -> None:
    idle = [server.connect() for _ in range(CONNECTIONS + 60)]
    for link in idle[-3:]:  # these wait to be accepted
        link.sendall(GOOD)
    assert [reply(link) for link in idle[-3:]] == [200] * 3
    assert "scout" in server.step(seen(1))
    assert idle[0].recv(1) == b""
    for link in idle:
        link.close()


def test_when_all_places_are_busy_an_answer_says_that_its_connection_closes(server: Server) -> None:
    """A client that heeds Connection: close loses nothing, and a newcomer gets its turn."""
    stop, lost = threading.Event(), list[Any]()

    def client() -> None:
        link = server.connect()
        while not stop.is_set():
            try:
                link.sendall(GOOD)
                data = link.recv(4096)
                if not data.startswith(b"HTTP/1.1 200"):
                    lost.append(data)
            except OSError as error:
                lost.append(error)
            if lost or b"Connection: close" in data:
                link.close()
                link = server.connect()
            time.sleep(0.01)
        link.close()

    threads = [threading.Thread(target=client) for _ in range(CONNECTIONS + 20)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            assert b"coalition_steps_total" in server.ask("GET", "/metrics").body
    finally:
        stop.set()
        for thread in threads:
            thread.join(LIMIT)
    assert not lost


def test_more_files_than_it_may_open(program: Path, tmp_path: Path) -> None:
    """The server does not spin or end: idle connections make room, other clients wait."""
    process = subprocess.Popen(
        [program, "--listen", f"unix:{tmp_path}/s"],
        stderr=subprocess.PIPE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (12, 12)),
    )
    with process:
        assert process.stderr and process.stderr.readline()
        server = Server(f"{tmp_path}/s")
        links = [server.connect() for _ in range(20)]
        time.sleep(1.5)
        spent = sum(
            map(
                int, Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
            )
        )
        assert spent < 50  # hundredths of a second
        for link in links[:3]:
            link.close()
        for link in links[3:8]:
            link.sendall(GOOD)
            assert reply(link) == 200
        for link in links[3:]:
            link.close()
        assert server.ask("GET", "/healthz").status == 200
        process.terminate()
        assert process.wait(LIMIT) == 0


def test_steps_that_wait_for_their_tick_leave_room_for_probes(
    agent: Compiled, tmp_path: Path
) -> None:
    paced = built(agent, tmp_path / "paced", "--http", "--tick", "3000000000")
    with serving(paced, tmp_path) as server:
        server.step(seen(1))
        waiting = [server.connect() for _ in range(2 * BUFFERS)]
        for link in waiting:
            link.sendall(GOOD)
        assert server.ask("GET", "/healthz").status == 200
        time.sleep(0.3)
        refused = select.select(waiting, [], [], 0)[0]
        assert [reply(link) for link in refused] == [503] * (2 * BUFFERS - STEPS_WAITING)
        rest = [link for link in waiting if link not in refused]
        first = select.select(rest, [], [], LIMIT)[0][0]
        assert reply(first) == 200 and server.ask("GET", "/metrics").status == 200
    assert {reply(link) for link in rest if link != first} <= {
        200,
        503,
    }  # clients that still waited get an error
    for link in waiting:
        link.close()
