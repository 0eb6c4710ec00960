"""References to images in registries: `HOST[:PORT]/REPOSITORY[:TAG][@DIGEST]`."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from ..types.errors import BuildError

DOCKER_HUB = "docker.io"
_HUB_SERVER = "registry-1.docker.io"
_PART = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_HOST = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:.]+\])(?::(?P<port>\d{1,5}))?"
)
_LONGEST_REPOSITORY = 255


@dataclass(frozen=True, slots=True)
class Reference:
    """An image in a registry. `host` has the port, if there is one; `tag` and `digest` may be ''.

    A digest is `sha256:<hex>`.
    """

    host: str
    repository: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        text = self.name
        if self.tag:
            text += f":{self.tag}"
        return f"{text}@{self.digest}" if self.digest else text

    @property
    def name(self) -> str:
        """The host and the repository, without tag and digest."""
        return f"{self.host}/{self.repository}"

    @property
    def version(self) -> str:
        """The digest, else the tag, else `latest`: the last part of a manifest's address."""
        return self.digest or self.tag or "latest"

    @property
    def server(self) -> str:
        """The host that answers for the registry; Docker Hub has another one than its name."""
        return _HUB_SERVER if self.host == DOCKER_HUB else self.host

    @property
    def is_loopback(self) -> bool:
        """True if the registry is on this machine."""
        match = _HOST.fullmatch(self.host)
        name = match["name"].strip("[]") if match else ""
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return name == "localhost"


def is_digest(text: object) -> bool:
    """Return True for a text of the form `sha256:<hex>`."""
    return isinstance(text, str) and _DIGEST.fullmatch(text) is not None


def looks_like_reference(text: str) -> bool:
    """Return True for a valid reference that names its registry."""
    try:
        parse_reference(text)
    except BuildError:
        return False
    return not text.startswith((".", "/"))


def parse_reference(text: str) -> Reference:
    """Parse a reference, which names its registry; raise BuildError if it is not valid."""
    rest, at, digest = text.partition("@")
    if at and not is_digest(digest):
        raise _invalid(text, f"{digest!r} is not a digest", "a digest is sha256: and 64 hex digits")
    host, slash, path = rest.partition("/")
    is_host = "." in host or ":" in host or host == "localhost"
    if not slash or not is_host:
        raise _invalid(
            text, "it names no registry", f"for Docker Hub write {DOCKER_HUB}/{_hub_path(rest)}"
        )
    match = _HOST.fullmatch(host)
    if not match or int(match["port"] or 1) not in range(1, 1 << 16):
        raise _invalid(text, f"{host!r} is not a host", "a host is a name and a port, host:5000")
    repository, colon, tag = path.partition(":")
    if host == DOCKER_HUB:
        repository = _hub_path(repository)
    if len(repository) > _LONGEST_REPOSITORY or not _REPOSITORY.fullmatch(repository):
        raise _invalid(
            text,
            f"{repository!r} is not a repository",
            "use lower-case letters and digits, with single . _ or - between them, and /",
        )
    if colon and not _TAG.fullmatch(tag):
        raise _invalid(
            text,
            f"{tag!r} is not a tag",
            "a tag has at most 128 letters, digits, dots, underscores and dashes",
        )
    return Reference(host, repository, tag, digest)


def _hub_path(path: str) -> str:
    return path if "/" in path else f"library/{path}"


def _invalid(text: str, problem: str, fix: str) -> BuildError:
    return BuildError(
        f"{text!r} is not a reference to an image: {problem}", fix=fix, reason="usage"
    )
