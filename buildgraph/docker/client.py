"""The door to Docker: load an image, run it confined, talk to it; nothing here builds."""

from __future__ import annotations

import os
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from buildgraph.docker import oci_layout
from buildgraph.docker.foreign_platform import REFUSAL
from buildgraph.docker.missing_daemon import missing_daemon_error
from buildgraph.types.errors import BuildError

if TYPE_CHECKING:
    from docker import APIClient, DockerClient

USER = "65532:65532"
_PIECE = 1 << 20
_PATIENCE = 600
_POLL = 0.1


class NotExecuted(BuildError):
    """The program is for another processor, and no emulator takes it."""

    def __init__(self) -> None:
        super().__init__(
            "Docker cannot execute the program: it is for another processor", reason="failed"
        )


class ContainerExit(NamedTuple):
    """How a container ended: exit code (137: killed, as for want of memory), all it wrote."""

    code: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True, slots=True)
class ContainerLimits:
    """What a container may use: memory and output in bytes, time in seconds, cpus in cores; 0 is no limit.

    `ports` are published: (address of the host, its port, port of the container). Without any there is no network.
    """

    memory: int = 0
    cpus: float = 0.0
    pids: int = 64
    timeout: float = 60.0
    output: int = 64 << 20
    user: str = USER
    ports: tuple[tuple[str, int, int], ...] = ()


def load(source: Path, tag: str = "") -> str:
    """The daemon's id of the image in a layout folder or hybrid tar, given to it unless it has it.

    Of a layout for several platforms it is the daemon's own.
    """
    picked = oci_layout.pick(source, platform().rpartition("/")[2])
    with _daemon() as client:
        image = _known(client, picked.config, picked.manifest)
        if not image:
            stream: Any = oci_layout.packed(
                source, picked
            )  # requests sends any iterable; its stubs know files only
            client.images.load(stream)
            image = _known(client, picked.config, picked.manifest)
        if not image:
            raise BuildError(
                f"the daemon loaded {source.name} but has no image {picked.config}",
                fix="build the image again, then load it",
                reason="broken",
            )
        if tag:
            _tag(client.api, image, tag)
        return image


def run(
    image: str,
    args: Sequence[str] = (),
    stdin: bytes = b"",
    limits: ContainerLimits = ContainerLimits(),
) -> ContainerExit:
    """Run `image` confined, feed it `stdin`, and wait; BuildError(reason="failed") past a limit."""
    kept = {1: bytearray(), 2: bytearray()}

    def keep(stream: int, data: bytes) -> None:
        kept[stream] += data
        if limits.output and len(kept[1]) + len(kept[2]) > limits.output:
            raise BuildError(
                f"{image} wrote more than {limits.output} bytes and was stopped",
                fix="make it write less, or raise the output limit",
                reason="failed",
            )

    code = _converse((image, args, limits), iter((stdin,)), keep)
    return ContainerExit(code, bytes(kept[1]), bytes(kept[2]))


def attach(
    image: str,
    args: Sequence[str] = (),
    limits: ContainerLimits = ContainerLimits(timeout=0),
    streams: tuple[int, int, int] = (0, 1, 2),
) -> int:
    """Run `image` confined on this process's own file descriptors, as bytes come; its exit code."""
    done = threading.Event()

    def show(stream: int, data: bytes) -> None:
        if stream == 2 and REFUSAL in data:
            raise NotExecuted
        view = memoryview(data)
        while view:
            view = view[os.write(streams[stream], view) :]

    try:
        return _converse((image, args, limits), _pieces(streams[0], done), show)
    finally:
        done.set()


def version() -> str:
    """Version of the daemon that answers; BuildError when none does."""
    with _daemon() as client:
        return str(client.version()["Version"])


def platform() -> str:
    """What the daemon that answers runs, such as `linux/amd64`; BuildError when none does."""
    with _daemon() as client:
        told = client.version()
        return f"{told['Os']}/{told['Arch']}"


def _pieces(descriptor: int, done: threading.Event) -> Iterator[bytes]:
    """What arrives at a descriptor until its end or `done`; a blocked read would swallow a later line."""
    while not done.is_set():
        ready, _, _ = select.select([descriptor], [], [], _POLL)
        if ready and not done.is_set():
            piece = os.read(descriptor, 1 << 16)
            if not piece:
                return
            yield piece


def _converse(
    what: tuple[str, Sequence[str], ContainerLimits],
    source: Iterable[bytes],
    sink: Callable[[int, bytes], None],
) -> int:
    """Exit code of a container that is gone, or going, when this returns or raises."""
    with _daemon() as client:
        container = _create(client.api, *what)
        try:
            return _supervise(client.api, container, what[2].timeout, (source, sink))
        finally:
            _discard(client.api, container)


def _create(api: APIClient, image: str, args: Sequence[str], limits: ContainerLimits) -> str:
    from docker.types import LogConfig

    confined = api.create_host_config(
        read_only=True,
        cap_drop=["ALL"],
        network_mode="bridge" if limits.ports else "none",
        port_bindings={inner: (host, outer) for host, outer, inner in limits.ports} or None,
        security_opt=["no-new-privileges"],
        pids_limit=limits.pids or None,
        mem_limit=limits.memory or None,
        memswap_limit=limits.memory or None,
        nano_cpus=int(limits.cpus * 10**9) or None,
        init=False,
        auto_remove=True,
        log_config=LogConfig(type="none"),
    )
    made = api.create_container(
        image,
        command=list(args),
        user=limits.user,
        stdin_open=True,
        ports=[inner for _, _, inner in limits.ports] or None,
        host_config=confined,
        network_disabled=not limits.ports,
    )
    return str(made["Id"])


def _supervise(
    api: APIClient,
    container: str,
    timeout: float,
    ends: tuple[Iterable[bytes], Callable[[int, bytes], None]],
) -> int:
    # Listening and attaching come before the start: a container may end, and be gone, at once.
    events = api.events(filters={"container": container, "event": ["die"]}, decode=True)
    wire, wrapper = _wire(api, container)
    expired = threading.Event()
    timer = threading.Timer(timeout, _expire, (api, container, expired)) if timeout else None
    try:
        api.start(container)
        threading.Thread(target=_feed, args=(wire, ends[0]), daemon=True).start()
        if timer:
            timer.start()
        for stream, data in _frames(wire):
            ends[1](stream, data)
        code = _exit_code(events)
    finally:
        if timer:
            timer.cancel()
            if timer.is_alive():  # it ends the container already, by a client that will be closed
                timer.join()
        _hang_up(wire)
        wrapper.close()
        events.close()
    if expired.is_set():
        raise BuildError(
            f"the container ran longer than {timeout:g} s and was stopped",
            fix="find why it does not end, or raise the time limit",
            reason="failed",
        )
    return code


def _wire(api: APIClient, container: str) -> tuple[socket.socket, Any]:
    """The attached stream and the SDK's wrapper of it; only the socket itself can close one direction."""
    wrapped = api.attach_socket(container, {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
    wire: socket.socket = getattr(wrapped, "_sock", wrapped)
    wire.settimeout(None)
    return wire, wrapped  # who lets the wrapper be collected has the socket closed


def _hang_up(wire: socket.socket) -> None:
    """Close for good: the SDK's pool holds the same socket, and a daemon blocked on it cannot even kill."""
    with suppress(OSError):
        wire.shutdown(socket.SHUT_RDWR)
    wire.close()


def _feed(wire: socket.socket, source: Iterable[bytes]) -> None:
    with suppress(OSError):  # the program may end without reading: its exit code tells the story
        for piece in source:
            wire.sendall(piece)
        wire.shutdown(socket.SHUT_WR)


def _frames(wire: socket.socket) -> Iterator[tuple[int, bytes]]:
    """Docker's multiplexed stream: 8 bytes of stream number and big-endian size, then so many bytes."""
    while len(head := _exactly(wire, 8)) == 8:
        stream, size = struct.unpack(">BxxxL", head)
        while size and (data := _received(wire, min(size, _PIECE))):
            size -= len(data)
            yield stream, data


def _exactly(wire: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size and (data := _received(wire, size - len(got))):
        got += data
    return got


def _received(wire: socket.socket, size: int) -> bytes:
    """What comes next. It looks up now and then: a signal that came just before a long wait would be heard after it only."""
    poller = select.poll()
    poller.register(wire, select.POLLIN)
    deciphered = getattr(wire, "pending", lambda: 0)  # what TLS holds already, no poll tells
    while not deciphered() and not poller.poll(_POLL * 1000):
        pass
    return wire.recv(size)


def _expire(api: APIClient, container: str, expired: threading.Event) -> None:
    from requests.exceptions import RequestException

    expired.set()
    with suppress(
        RequestException
    ):  # the daemon is gone: who waits for the container finds that out
        _discard(api, container)


def _discard(api: APIClient, container: str) -> None:
    """Kill and remove; that the daemon removed it first is the usual case."""
    from docker.errors import APIError

    with suppress(APIError):
        api.remove_container(container, force=True, v=True)


def _exit_code(events: Iterable[dict[str, Any]]) -> int:
    for event in events:
        return int(event["Actor"]["Attributes"]["exitCode"])
    raise BuildError(
        "the Docker daemon went away while a container ran",
        fix="see the daemon's log, then try again",
        reason="environment",
    )


def _known(client: DockerClient, *digests: str) -> str:
    """The daemon's id of an image: its configuration's digest; its manifest's with the containerd store."""
    from docker.errors import ImageNotFound

    for digest in digests:
        with suppress(ImageNotFound):
            return str(client.images.get(digest).id)
    return ""


def _tag(api: APIClient, image: str, tag: str) -> None:
    repository, colon, version = tag.rpartition(":")
    if not colon or "/" in version:
        repository, version = tag, "latest"
    api.tag(image, repository, version)


@contextmanager
def _daemon() -> Iterator[DockerClient]:
    """A client of the daemon that DOCKER_HOST names, at its own API version; its faults as BuildErrors."""
    try:
        import docker
        from docker import errors
        from requests.exceptions import RequestException
    except ImportError as fault:
        raise BuildError(
            "the Python package docker is not installed",
            fix="pip install docker",
            reason="environment",
        ) from fault
    try:
        client = docker.from_env(version="auto", timeout=_PATIENCE)
    except errors.DockerException as fault:
        raise missing_daemon_error(fault) from fault
    try:
        yield client
    except errors.ImageNotFound as fault:
        raise BuildError(
            f"the Docker daemon has no such image: {fault.explanation}",
            fix="load it first: buildgraph load TARGET",
        ) from fault
    except errors.APIError as fault:
        why = fault.explanation or fault
        if REFUSAL.decode() in str(why):
            raise NotExecuted from fault
        raise BuildError(f"the Docker daemon refused: {why}", reason="failed") from fault
    except errors.ImageLoadError as fault:
        raise BuildError(
            f"the Docker daemon refused the image: {fault}",
            fix="build it again, then load it",
            reason="failed",
        ) from fault
    except RequestException as fault:
        raise missing_daemon_error(fault) from fault
    finally:
        client.close()
