"""HTTP as RFC 9110 and RFC 9112 want it of a server: framing, targets, versions, fields,
connections that stay and that close.
"""

from __future__ import annotations

import json
import random
import re
import socket
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from tests.support.http_client import Answer, Server, answers, request
from tests.support.native_agents import Compiled, talk
from tests.support.native_runs import built, scout, seen, serving

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("native-requests")]
BODY = seen(1).encode()
CHUNKED = "Transfer-Encoding: chunked"


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """The agent of every program here."""
    return scout(tmp_path_factory.mktemp("agent"))


@pytest.fixture(scope="module")
def server(agent: Compiled, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One program behind a socket for all."""
    folder = tmp_path_factory.mktemp("program")
    with serving(built(agent, folder, "--http"), folder) as running:
        yield running


def head(line: str, *fields: str) -> bytes:
    """A request's head, with the fields given and no other."""
    return "\r\n".join([line, *fields, "", ""]).encode("latin-1")


def post(*fields: str, version: str = "HTTP/1.1") -> bytes:
    """The head of a step."""
    return head(f"POST /step {version}", "Host: a", *fields)


def chunked(*pieces: bytes, extension: bytes = b"", trailer: bytes = b"") -> bytes:
    """A body in chunks."""
    return (
        b"".join(b"%x%s\r\n%s\r\n" % (len(p), extension, p) for p in pieces)
        + b"0"
        + extension
        + b"\r\n"
        + trailer
        + b"\r\n"
    )


def closed(answer: Answer) -> bool:
    """Return whether the reply is the last of its connection."""
    return answer.headers.get("connection") == "close"


@pytest.mark.parametrize(
    "body",
    [
        chunked(BODY),
        chunked(BODY[:4], BODY[4:]),
        chunked(*(BODY[k : k + 1] for k in range(len(BODY)))),
        chunked(BODY, extension=b";a=b"),
        chunked(BODY, extension=b' ; a="b;c"'),
        chunked(BODY, trailer=b"X: y\r\nZ: 1\r\n"),
        chunked(BODY).replace(b"d\r\n", b"D\r\n", 1),
        chunked(BODY).replace(b"d\r\n", b"000000000000000D\r\n", 1),
        chunked(BODY).replace(b"\r\n0\r\n", b"\r\n0000\r\n"),
    ],
)
def test_chunks_are_put_together(server: Server, body: bytes) -> None:
    wanted = server.step(seen(1))  # the same step again and again, from the same start
    for coding in (CHUNKED, "transfer-ENCODING:  Chunked", "Transfer-Encoding: , chunked ,"):
        server.step('{"reset":true}')
        first, second = answers(
            server.raw(post(coding) + body + request("POST", "/step", '{"reset":true}'))
        )
        assert first.status == second.status == 200 and not closed(first)
        server.step('{"reset":true}')
        assert first.json == server.step(seen(1)) and list(first.json) == list(wanted)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"\r\n", 400),
        (b"x\r\n", 400),
        (b"-1\r\n", 400),
        (b"0x1\r\n", 400),
        (b"+1\r\n", 400),
        (b" 1\r\n", 400),
        (b";a\r\n", 400),
        (b"1\nx\r\n", 400),
        (b"1\r\nxy\r\n0\r\n\r\n", 400),
        (b"1\r\nx0\r\n\r\n", 400),
        (b"1;\x00\r\n", 400),
        (b"0\r\nX\n\r\n", 400),
        (b"1\rx", 400),
        (b"ffffffffffffffff\r\n", 413),
        (b"fffffffffffffffff\r\n", 413),
        (b"80000000\r\n", 413),
        (b"100000000\r\n", 413),
        (b"401\r\n", 413),
        (b"400\r\n" + b"x" * 1024 + b"\r\n1\r\n", 413),
        (b"0\r\n" + b"X: y\r\n" * 9000, 413),
        (b"1;" + b"x" * 50_000, 413),
        (b"0" * 50_000, 413),
    ],
)
def test_chunks_that_are_wrong_or_too_much_are_refused(
    server: Server, body: bytes, status: int
) -> None:
    (answer,) = answers(server.raw(post(CHUNKED) + body))
    assert answer.status == status and closed(answer) and answer.json["error"]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ((CHUNKED, "Content-Length: 3"), 400),
        (("Content-Length: 3", CHUNKED), 400),
        (("Transfer-Encoding: gzip, chunked",), 501),
        (("Transfer-Encoding: gzip",), 501),
        ((CHUNKED, CHUNKED), 400),
        (("Transfer-Encoding: chunked, chunked",), 400),
        (("Transfer-Encoding: chunked, gzip",), 400),
        (("Transfer-Encoding:",), 400),
        (("Transfer-Encoding: chunkedx",), 501),
        (("Transfer-Encoding: x chunked",), 501),
        (("Transfer-Encoding : chunked",), 400),
        (("Content-Length: 0, 0",), 400),
        (("Content-Length: 13", "Content-Length: 14"), 400),
        (("Content-Length: 13", "Content-Length: 13"), 400),
        (("Content-Length:",), 400),
        (("Content-Length: 1 3",), 400),
        (("Content-Length: 4294967309",), 413),
        (("Content-Length: 18446744073709551629",), 413),
        (("Content-Length: 1025",), 413),
        (("Expect: magic",), 417),
        (("Expect: 100-continue, magic",), 417),
    ],
)
def test_framing_that_could_be_read_in_two_ways_is_refused(
    server: Server, fields: tuple[str, ...], status: int
) -> None:
    """Bytes after such a head are not read as a request."""
    replies = answers(server.raw(post(*fields) + chunked(BODY) + request("GET", "/healthz")))
    assert [answer.status for answer in replies] == [status] and closed(replies[0])


def test_a_coding_in_a_request_of_http_1_0_is_refused(server: Server) -> None:
    (answer,) = answers(
        server.raw(post(CHUNKED, "Connection: keep-alive", version="HTTP/1.0") + chunked(BODY))
    )
    assert answer.status == 400 and closed(answer)


def test_lengths_with_zeros_in_front_and_empty_bodies(server: Server) -> None:
    assert (
        answers(server.raw(post("Content-Length: 0000000000000000000013") + BODY))[0].status == 200
    )
    for data in (post("Content-Length: 0"), post(CHUNKED) + b"0\r\n\r\n"):
        (answer,) = answers(server.raw(data))
        assert (
            answer.status == 400
            and "expected an object" in answer.json["error"]
            and not closed(answer)
        )
    (answer,) = answers(server.raw(post()))
    assert answer.status == 411 and "Content-Length" in answer.json["error"] and not closed(answer)


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/metrics?name=x", 200),
        ("/healthz?", 200),
        ("/healthz?verbose&x=/step", 200),
        ("/h%65althz", 200),
        ("/%48ealthz", 404),
        ("/he%61lth%7A?%", 200),
        ("/%", 404),
        ("/%6", 404),
        ("/%zz", 404),
        ("/healthz%", 404),
        ("/healthz/", 404),
        ("/", 404),
        ("/?x", 404),
        ("http://a/healthz", 200),
        ("HTTP://a:8080/metrics?x", 200),
        ("https://[::1]:1/healthz", 200),
        ("http://other/healthz", 200),
        ("http://a", 404),
        ("http://a?x", 404),
        ("http:///healthz", 400),
        ("healthz", 400),
        ("a:80", 400),
        ("*", 400),
        ("ftp://a/healthz", 400),
    ],
)
def test_targets(server: Server, target: str, status: int) -> None:
    assert server.ask("GET", target).status == status


def test_a_step_may_have_a_query(server: Server) -> None:
    assert (
        server.ask("POST", "/step?trace=1", BODY).status
        == server.ask("POST", "http://a/step", BODY).status
        == 200
    )


@pytest.mark.parametrize(
    ("version", "status"),
    [
        ("HTTP/1.1", 200),
        ("HTTP/1.0", 200),
        ("HTTP/1.2", 200),
        ("HTTP/1.9", 200),
        ("HTTP/2.0", 505),
        ("HTTP/0.9", 505),
        ("HTTP/3.1", 505),
        ("http/1.1", 400),
        ("HTTP/1.10", 400),
        ("HTTP/1", 400),
        ("HTTP/1,1", 400),
        ("HTTP/x.1", 400),
        ("", 400),
    ],
)
def test_versions(server: Server, version: str, status: int) -> None:
    assert answers(server.raw(head(f"GET /healthz {version}", "Host: a")))[0].status == status


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ((), 400),
        (("Host:",), 200),
        (("Host: a:80",), 200),
        (("HOST: [::1]:8080",), 200),
        (("host: a_b.c-d~e%20",), 200),
        (("Host: a", "Host: a"), 400),
        (("Host: a b",), 400),
        (("Host: a/b",), 400),
        (("Host: a@b",), 400),
        (("Host: \xe4",), 400),
        (("Host: a", "X: \xe4\xff"), 200),
        (("Host: a", "X:"), 200),
        (("Host: a", "X:\ta \t "), 200),
        (("Host: a", "X: \x7f"), 400),
        (("Host: a", "X: a\0b"), 400),
        (("Host: a", "X: a\rb"), 400),
        (("Host: a", "X : b"), 400),
        (("Host: a", " X: b"), 400),
        (("Host: a", "X: b", "\tfolded"), 400),
        ((" Host: a",), 400),
        (("Host: a", "X y: b"), 400),
        (("Host: a", "(X): b"), 400),
    ],
)
def test_fields(server: Server, fields: tuple[str, ...], status: int) -> None:
    replies = answers(server.raw(head("GET /healthz HTTP/1.1", *fields)))
    assert [answer.status for answer in replies] == [status] and closed(replies[0]) == (
        status != 200
    )
    assert (
        answers(server.raw(head("GET /healthz HTTP/1.0")))[0].status == 200
    )  # which knows no Host


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\n",
        b"GET / HTTP/1.1\r\nHost: a\n",
        b"\n",
        b"GET /\r\n",
        b"\r\n\r\n",
        b"\x16\x03\x01\x02\0\n",
        b"PRI * HTTP/2.0\r\n",
        b"GET /healthz HTTP/1.1\r\nHost a\r\n",
    ],
)
def test_what_is_wrong_is_said_as_soon_as_a_line_shows_it(server: Server, data: bytes) -> None:
    """A client that waits for its answer gets one, though the head never ends."""
    with server.connect() as link:
        link.settimeout(5)
        link.sendall(data)
        assert link.recv(4096)[9:12] in (b"400", b"505")


def test_one_empty_line_before_a_request_is_skipped(server: Server) -> None:
    one = request("POST", "/step", BODY) + b"\r\n"
    assert [answer.status for answer in answers(server.raw(b"\r\n" + one * 3))] == [200] * 3


def test_methods(server: Server) -> None:
    assert [
        server.ask(method, "/step").status
        for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS")
    ] == [405] * 5
    assert [
        server.ask(method, "/step").status for method in ("get", "BREW", "TRACE", "CONNECT")
    ] == [501] * 4
    assert server.ask("OPTIONS", "/metrics").headers["allow"] == "GET, HEAD"
    about = server.ask("OPTIONS", "*")
    assert (
        about.status == 200
        and about.headers["allow"] == "GET, HEAD, POST, OPTIONS"
        and about.body == b""
    )


@pytest.mark.parametrize("target", ["/healthz", "/metrics", "/nowhere", "/step"])
def test_head_is_get_without_its_body(server: Server, target: str) -> None:
    bare = server.raw(request("HEAD", target))
    fields, _, body = bare.partition(b"\r\n\r\n")
    assert body == b""
    full = server.raw(request("GET", target)).partition(b"\r\n\r\n")[0]
    for name in (b"Content-Type", b"Content-Length", b"Allow", b"HTTP/1.1"):
        same = [
            [line for line in text.split(b"\r\n") if line.startswith(name)]
            for text in (fields, full)
        ]
        assert same[0] == same[1] or target == "/metrics"
    assert server.raw(request("HEAD", target) * 3).count(b"HTTP/1.1 ") == 3


@pytest.mark.parametrize(
    ("version", "fields", "message"),
    [
        ("1.1", (), None),
        ("1.1", ("Connection: close",), "close"),
        ("1.1", ("Connection: Close",), "close"),
        ("1.1", ("Connection: x, CLOSE ,y",), "close"),
        ("1.1", ("Connection: x", "connection: close"), "close"),
        ("1.1", ("Connection: keep-alive",), None),
        ("1.1", ("Connection: keep-alive, close",), "close"),
        ("1.1", ("Connection: closed",), None),
        ("1.0", (), "close"),
        ("1.0", ("Connection: Keep-Alive",), "keep-alive"),
        ("1.0", ("Connection: te, keep-alive",), "keep-alive"),
        ("1.0", ("Connection: keep-alive, close",), "close"),
    ],
)
def test_connections_stay_or_close_and_the_answer_says_which(
    server: Server, version: str, fields: tuple[str, ...], message: str | None
) -> None:
    one = head(f"GET /healthz HTTP/{version}", "Host: a", *fields)
    replies = answers(server.raw(one + one))
    assert replies[0].headers.get("connection") == message and len(replies) == (
        1 if message == "close" else 2
    )
    with server.connect() as link:
        link.sendall(one)
        link.settimeout(0.3 if message != "close" else 10)
        got = link.recv(4096)
        assert got.startswith(b"HTTP/1.1 200")
        if message == "close":
            assert link.recv(1) == b""
        else:
            with pytest.raises(TimeoutError):
                link.recv(1)


def test_expectations(server: Server) -> None:
    for fields, body in (((f"Content-Length: {len(BODY)}",), BODY), ((CHUNKED,), chunked(BODY))):
        with server.connect() as link:
            link.sendall(post("Expect: 100-Continue", *fields))
            assert link.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
            link.sendall(body)
            assert answers(link.recv(4096))[0].status == 200
        (old,) = answers(
            server.raw(
                post("Expect: 100-continue", f"Content-Length: {len(BODY)}", version="HTTP/1.0")
                + BODY
            )
        )
        assert old.status == 200  # HTTP/1.0 has no such answer
    (too_much,) = answers(server.raw(post("Expect: 100-continue", "Content-Length: 5000")))
    assert too_much.status == 413 and "1024 bytes" in too_much.json["error"]


def test_a_coded_body_is_refused_by_name(server: Server) -> None:
    for coding, status in (("gzip", 415), ("Identity", 200)):
        (answer,) = answers(
            server.raw(post(f"Content-Encoding: {coding}", f"Content-Length: {len(BODY)}") + BODY)
        )
        assert answer.status == status and not closed(answer)


def test_every_answer_has_a_date(server: Server) -> None:
    for method, target in (
        ("GET", "/healthz"),
        ("GET", "/nowhere"),
        ("BREW", "/step"),
        ("POST", "/step"),
    ):
        date = server.ask(method, target).headers["date"]
        assert re.fullmatch(
            r"[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT", date
        )
        moment = parsedate_to_datetime(date)
        assert (
            abs(moment.timestamp() - time.time()) < 60 and moment.strftime("%a, %d %b") == date[:11]
        )


def test_requests_in_any_pieces_are_answered_alike(
    agent: Compiled, server: Server, tmp_path: Path
) -> None:
    """Ten requests of every form on one connection, cut at random places."""
    draw = random.Random(3)
    lines = [seen(k) for k in range(10)]
    data = b""
    for k, line in enumerate(lines):
        if k % 3 or not k:
            data += b"\r\n" * (k % 2) + request("POST", "/step?x", line)
        else:
            data += post(CHUNKED) + chunked(
                line.encode()[:k], line.encode()[k:], trailer=b"A: b\r\n"
            )
    plain = built(agent, tmp_path / "plain")
    wanted = talk(plain, lines)
    for _ in range(20):
        server.step('{"reset":true}')
        with server.connect() as link:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
            rest = data
            while rest:
                size = draw.randrange(1, 40)
                link.sendall(rest[:size])
                rest = rest[size:]
                if draw.random() < 0.2:
                    time.sleep(0.001)
            link.shutdown(socket.SHUT_WR)
            replies = answers(b"".join(iter(lambda: link.recv(65536), b"")))
        assert [answer.json for answer in replies] == wanted


def test_refusals_of_bodies_say_the_same_as_lines_do(
    agent: Compiled, server: Server, tmp_path: Path
) -> None:
    plain = built(agent, tmp_path)
    for line in ('{"cat":[0]}', '{"scout":[0.0]}', '{"scout":[9]}', "nonsense"):
        for data in (
            request("POST", "/step", line),
            post(CHUNKED) + chunked(line[:3].encode(), line[3:].encode()),
        ):
            (answer,) = answers(server.raw(data))
            assert answer.status == 400 and [answer.json] == talk(plain, [line]) == [
                json.loads(answer.body)
            ]
