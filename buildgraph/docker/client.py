"""Load images into Docker and run them confined. The only module that imports the Docker SDK.

A container has a read-only file system, no capabilities, no network unless ports are published, and
is removed when it ends. Nothing here builds images.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..types.errors import BuildError
from . import oci_layout
from .attached_stream import AttachedStream, read_until
from .foreign_platform import EXEC_FORMAT_ERROR
from .missing_daemon import missing_daemon_error

if TYPE_CHECKING:
    from docker import APIClient as APIClient, DockerClient

_USER = "65532:65532"
_TIMEOUT_S = 600  # of a request to the daemon, such as a load


class NotExecuted(BuildError):
    """The program is for another processor, and no emulator is set up."""

    def __init__(self) -> None:
        super().__init__(
            "Docker cannot execute the program: it is for another processor", reason="failed"
        )


class ContainerExit(NamedTuple):
    """The exit code of a container (137: killed, for example for lack of memory) and its output."""

    code: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True, slots=True)
class ContainerLimits:
    """Limits of a container; 0 is no limit.

    `memory` and `output` are in bytes, `timeout` in seconds, `cpus` in cores. `user` is `UID:GID`.
    `ports` are published, each as (address of the host, port of the host, port of the container);
    without ports there is no network. The named `volume` is mounted at /data.
    """

    memory: int = 0
    cpus: float = 0.0
    pids: int = 64
    timeout: float = 60.0
    output: int = 64 << 20
    user: str = _USER
    ports: tuple[tuple[str, int, int], ...] = ()
    volume: str = ""


def load(source: Path, tag: str = "") -> str:
    """Load the image of an OCI layout (folder or tar) unless Docker has it; return its id.

    The id is Docker's. Of a layout for several platforms, the image for the daemon's platform is
    loaded. Raises BuildError if no daemon answers, the layout is damaged, or the daemon refuses the
    image.
    """
    selected = oci_layout.select_image(source, platform().rpartition("/")[2])
    with _daemon() as client:
        image = _image_id(client, selected.config, selected.manifest)
        if not image:
            # requests sends any iterable; its type stubs only know files.
            archive: Any = oci_layout.docker_archive(source, selected)
            client.images.load(archive)
            image = _image_id(client, selected.config, selected.manifest)
        if not image:
            raise BuildError(
                f"the daemon loaded {source.name} but has no image {selected.config}",
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
    """Run an image, send it `stdin`, and wait for it; raise BuildError if it exceeds a limit."""
    output = {1: bytearray(), 2: bytearray()}

    def collect(stream: int, data: bytes) -> None:
        output[stream] += data
        if limits.output and len(output[1]) + len(output[2]) > limits.output:
            raise BuildError(
                f"{image} wrote more than {limits.output} bytes and was stopped",
                fix="make it write less, or raise the output limit",
                reason="failed",
            )

    code = _run_container(image, args, limits, source=iter((stdin,)), sink=collect)
    return ContainerExit(code, bytes(output[1]), bytes(output[2]))


def attach(
    image: str,
    args: Sequence[str] = (),
    limits: ContainerLimits = ContainerLimits(timeout=0),
    streams: tuple[int, int, int] = (0, 1, 2),
) -> int:
    """Run an image on file descriptors of this process, without buffering; return its exit code.

    Raises NotExecuted for a program of another processor, and BuildError as `run` does.
    """
    done = threading.Event()

    def write(stream: int, data: bytes) -> None:
        if stream == 2 and EXEC_FORMAT_ERROR in data:
            raise NotExecuted
        view = memoryview(data)
        while view:
            view = view[os.write(streams[stream], view) :]

    try:
        source = read_until(streams[0], done)
        return _run_container(image, args, limits, source=source, sink=write)
    finally:
        done.set()


@contextmanager
def connect() -> Iterator[APIClient]:
    """Connect to the daemon; errors of its client become BuildErrors."""
    with _daemon() as client:
        yield client.api


def version() -> str:
    """Return the version of the daemon; raise BuildError if none answers."""
    with connect() as api:
        return str(api.version()["Version"])


def platform() -> str:
    """Return the platform of the daemon, such as `linux/amd64`; BuildError if none answers."""
    with connect() as api:
        return "{Os}/{Arch}".format_map(api.version())


def _run_container(
    image: str,
    args: Sequence[str],
    limits: ContainerLimits,
    *,
    source: Iterable[bytes],
    sink: Callable[[int, bytes], None],
) -> int:
    """Run a container and return its exit code; it is removed on return and on an exception."""
    with _daemon() as client:
        container = _create(client.api, image, args, limits)
        try:
            return _supervise(client.api, container, limits.timeout, source=source, sink=sink)
        finally:
            _remove(client.api, container)


def _create(api: APIClient, image: str, args: Sequence[str], limits: ContainerLimits) -> str:
    """Create a confined container and return its id."""
    from docker.types import LogConfig

    host_config = api.create_host_config(
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
        binds={limits.volume: {"bind": "/data", "mode": "rw"}} if limits.volume else None,
        log_config=LogConfig(type="none"),
    )
    container = api.create_container(
        image,
        command=list(args),
        user=limits.user,
        stdin_open=True,
        ports=[inner for _, _, inner in limits.ports] or None,
        host_config=host_config,
        network_disabled=not limits.ports,
    )
    return str(container["Id"])


def _supervise(
    api: APIClient,
    container: str,
    timeout: float,
    *,
    source: Iterable[bytes],
    sink: Callable[[int, bytes], None],
) -> int:
    """Start a container, pass its streams on, and return its exit code."""
    # Subscribe and attach before the start: a container may end and be removed at once.
    events = api.events(filters={"container": container, "event": ["die"]}, decode=True)
    flags = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
    stream = AttachedStream(api.attach_socket(container, flags))
    expired = threading.Event()
    timer = threading.Timer(timeout, _expire, (api, container, expired)) if timeout else None
    try:
        api.start(container)
        threading.Thread(target=stream.send, args=(source,), daemon=True).start()
        if timer:
            timer.start()
        for number, data in stream.frames():
            sink(number, data)
        code = _exit_code(events)
    finally:
        if timer:
            timer.cancel()
            if timer.is_alive():  # it removes the container now, with a client that is closed next
                timer.join()
        stream.close()
        events.close()
    if expired.is_set():
        raise BuildError(
            f"the container ran longer than {timeout:g} s and was stopped",
            fix="find why it does not end, or raise the time limit",
            reason="failed",
        )
    return code


def _expire(api: APIClient, container: str, expired: threading.Event) -> None:
    from requests.exceptions import RequestException

    expired.set()
    with suppress(RequestException):  # if the daemon is gone, the waiting thread reports it
        _remove(api, container)


def _remove(api: APIClient, container: str) -> None:
    """Kill and remove a container; usually the daemon has removed it already."""
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


def _image_id(client: DockerClient, *digests: str) -> str:
    """Return Docker's id of an image that has one of the digests; '' if there is none.

    The id is the digest of the configuration, or of the manifest with the containerd store.
    """
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
    """Connect to the daemon of DOCKER_HOST with its API version; errors become BuildErrors."""
    try:
        import docker
        from docker import errors
        from requests.exceptions import RequestException
    except ImportError as error:
        raise BuildError(
            "the Python package docker is not installed",
            fix="pip install docker",
            reason="environment",
        ) from error
    try:
        client = docker.from_env(version="auto", timeout=_TIMEOUT_S)
    except errors.DockerException as error:
        raise missing_daemon_error(error) from error
    try:
        yield client
    except errors.ImageNotFound as error:
        raise BuildError(
            f"the Docker daemon has no such image: {error.explanation}",
            fix="load it first: buildgraph load TARGET",
        ) from error
    except errors.APIError as error:
        why = error.explanation or error
        if EXEC_FORMAT_ERROR.decode() in str(why):
            raise NotExecuted from error
        raise BuildError(f"the Docker daemon refused: {why}", reason="failed") from error
    except errors.ImageLoadError as error:
        raise BuildError(
            f"the Docker daemon refused the image: {error}",
            fix="build it again, then load it",
            reason="failed",
        ) from error
    except RequestException as error:
        raise missing_daemon_error(error) from error
    finally:
        client.close()
