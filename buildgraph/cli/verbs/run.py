"""`buildgraph run LABEL [-- ARGS]`: build an image, load it, and run it as a device would: hardened."""

from __future__ import annotations

import sys
from argparse import Namespace

from ...lite import TYPE_CHECKING
from ...types.errors import BuildError
from ..parser import Parser
from . import load

if TYPE_CHECKING:
    from .load import Loaded

_FORM = "-p HOST:CONTAINER or -p ADDRESS:HOST:CONTAINER, such as -p 8080:8080"


def arguments(parser: Parser) -> None:
    """The words and options of the verb."""
    load.arguments(parser)
    parser.add_argument(
        "-p",
        "--publish",
        action="append",
        default=[],
        metavar="[ADDRESS:]HOST:CONTAINER",
        help="give the container a network and this port of the host (address: 127.0.0.1)",
    )
    parser.takes_rest = True
    parser.epilog = "words after -- are given to the program, whose stdin and stdout are yours"


def run(options: Namespace) -> int:
    """Build, load and run; the program's exit code is ours."""
    from ...docker.client import ContainerLimits, NotExecuted, attach
    from ...docker.foreign_platform import is_emulated, platform_error

    ports = tuple(map(published, options.publish))
    code, made = load.loaded(options, sys.stderr)  # stdout is the program's
    if made is None:
        return code
    fault = platform_error(made.named, made.platform, made.daemon)
    if made.is_foreign and is_emulated(made.platform) is False:
        raise fault
    for note in _notes(made, ports, options.rest):
        print(note, file=sys.stderr)
    try:
        return attach(made.image, options.rest, ContainerLimits(timeout=0, ports=ports))
    except NotExecuted:
        raise fault from None


def _notes(made: Loaded, ports: tuple[tuple[str, int, int], ...], words: list[str]) -> list[str]:
    """What to know before the program speaks; BuildError when a port is published that nothing listens on."""
    foreign = f"note: {made.named} is for {made.platform}, and runs on {made.daemon} by an emulator, if one is set up"
    found, listens = [foreign] if made.is_foreign else [], () if words else made.ports
    if words and "--listen" in words:
        return found  # a port given with --listen is published with -p
    for _, _, inner in ports:
        if inner not in listens:
            has = (
                f"it listens on {', '.join(map(str, listens))}"
                if listens
                else "it reads lines from stdin"
            )
            fix = has if made.ports else f'{has}; io = "http" in its coalition makes it listen'
            raise BuildError(
                f"nothing in {made.label} listens on port {inner}", fix=fix, reason="usage"
            )
    if listens and not ports:
        found.append(
            f"note: it listens on port {listens[0]} of a container without network, where nothing reaches it; "
            f"to reach it: buildgraph run {made.label} -p {listens[0]}:{listens[0]}"
        )
    return found + [
        f"note: it answers at http://{_shown(host)}:{outer}: /step, /healthz, /metrics"
        for host, outer, _ in ports
    ]


def _shown(host: str) -> str:
    return "localhost" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host


def published(text: str) -> tuple[str, int, int]:
    """(address of the host, its port, port of the container); BuildError on anything else."""
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
            f"--publish {text!r} is no port to publish", fix=_FORM, reason="usage"
        ) from None
    return host, outer, inner
