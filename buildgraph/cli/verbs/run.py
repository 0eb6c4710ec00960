"""`buildgraph run LABEL [-- ARGS]`: build an image, load it into Docker and run it hardened."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import TypeAlias

from ...types.errors import BuildError
from ..parser import Parser
from . import load
from .load import LoadedImage

_PUBLISH_HELP = "use -p HOST:CONTAINER or -p ADDRESS:HOST:CONTAINER, such as -p 8080:8080"
PublishedPort: TypeAlias = tuple[str, int, int]  # address and port of the host, container's port


def arguments(parser: Parser) -> None:
    """Declare the arguments and options."""
    load.arguments(parser)
    parser.add_argument(
        "-p",
        "--publish",
        action="append",
        default=[],
        metavar="[ADDRESS:]HOST:CONTAINER",
        help="connect the container to a network, and publish its port on a port of the host "
        "(default address: 127.0.0.1)",
    )
    parser.takes_rest = True
    parser.epilog = "Arguments after -- are passed to the program. It inherits stdin and stdout."


def run(options: Namespace) -> int:
    """Build, load and run the image; return the exit code of its program."""
    from ...docker.client import ContainerLimits, NotExecuted, attach
    from ...docker.foreign_platform import is_emulated, platform_error

    ports = tuple(map(parse_port, options.publish))
    code, image = load.load_image(options, sys.stderr)  # stdout is the program's
    if image is None:
        return code
    error = platform_error(image.description, image.platform, image.daemon)
    if image.is_foreign and is_emulated(image.platform) is False:
        raise error
    for note in _notes(image, ports, options.rest):
        print(note, file=sys.stderr)
    try:
        return attach(image.image, options.rest, ContainerLimits(timeout=0, ports=ports))
    except NotExecuted:
        raise error from None


def _notes(image: LoadedImage, ports: Sequence[PublishedPort], words: list[str]) -> list[str]:
    """Return notes for the user; BuildError if nothing listens on a published port."""
    notes = []
    if image.is_foreign:
        notes.append(
            f"note: {image.description} is for {image.platform}; "
            f"{image.daemon} needs an emulator to run it"
        )
    if "--listen" in words:
        return notes  # the program's arguments choose the port
    listening = () if words else image.ports
    for _, _, port in ports:
        if port not in listening:
            raise _unused_port(image, listening, port)
    if listening and not ports:
        port = listening[0]
        notes.append(
            f"note: the program listens on port {port}, but its container has no network; "
            f"to reach it: buildgraph run {image.label} -p {port}:{port}"
        )
    return notes + [
        f"note: serving http://{_format_host(host)}:{port}: /step, /healthz, /metrics"
        for host, port, _ in ports
    ]


def _unused_port(image: LoadedImage, listening: Sequence[int], port: int) -> BuildError:
    if listening:
        reads = f"it listens on {', '.join(map(str, listening))}"
    else:
        reads = "it reads lines from stdin"
    if not image.ports:
        reads += '; `io = "http"` in its coalition makes it listen'
    return BuildError(f"nothing in {image.label} listens on port {port}", fix=reads, reason="usage")


def _format_host(host: str) -> str:
    return "localhost" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host


def parse_port(text: str) -> PublishedPort:
    """Parse a value of `--publish`; BuildError if it is not valid."""
    from ipaddress import ip_address

    address, *numbers = (
        text.rsplit(":", 2) if text.count(":") > 1 else ("127.0.0.1", *text.split(":"))
    )
    try:
        host = str(ip_address(address.removeprefix("[").removesuffix("]")))
        outer, inner = (
            int(number) if number.isascii() and number.isdecimal() else 0 for number in numbers
        )
        if not (0 < outer < 1 << 16 and 0 < inner < 1 << 16):
            raise ValueError(text)
    except ValueError:
        raise BuildError(
            f"--publish {text!r}: not a valid port mapping", fix=_PUBLISH_HELP, reason="usage"
        ) from None
    return host, outer, inner
