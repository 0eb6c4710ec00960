"""Compatibility of images with the system software of a Jetson: L4T lines and CUDA versions.

An image's L4T release and CUDA version are read from its tag, as NVIDIA and jetson-containers write
them. Nothing is assumed of an image or a board that does not say: never the newest.
"""

from __future__ import annotations

import re

from .kernel import version
from .types import Software

HOSTS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("32.7", ("32.7",), "jetson-containers#149: r34 images give CUDA initialization errors"),
    ("34", ("34",), "developer previews of JetPack 5 run their own images only"),
    ("35", ("35",), "jetson-containers#353: r36 images do not run on r35"),
    ("36.2", ("36.2", "36.3"), "jetson-containers#725: 36.4 came with another CUDA"),
    ("36.3", ("36.2", "36.3"), "jetson-containers#725: 36.4 came with another CUDA"),
    ("36.4", ("36.4", "36.5"), "jetson-containers#725: images before 36.4 need a rebuild"),
    ("36.5", ("36.4", "36.5"), "jetson-containers#725: images before 36.4 need a rebuild"),
)
"""L4T line of a host -> lines of the images that it runs, and why no others (source:
l4t-containers). A host of another line runs images of its own major and minor number.
"""
_RELEASE = re.compile(r"(?:^|[-_.])r([0-9]{2}(?:\.[0-9]{1,2}){1,2})(?![0-9.]*[0-9])")
_CUDA = (
    re.compile(r"(?:^|[-_])cuda-?([0-9]{2}\.[0-9])"),
    re.compile(r"(?:^|[-_])cu([0-9]{2})([0-9])(?![0-9])"),
)


def image_release(name: str) -> str:
    """Return the L4T release in the tag of an image, such as 36.4.0; empty without one."""
    release = _RELEASE.search(_tag(name))
    return release[1] if release else ""


def image_cuda(name: str) -> str:
    """Return the CUDA version in the name of an image, such as 12.6; empty without one."""
    tag = _tag(name)
    if re.search(r"/(?:l4t-)?cuda:", name):
        version_ = re.match(r"([0-9]{2}\.[0-9])", tag)
        return version_[1] if version_ else ""
    matches = [pattern.search(tag) for pattern in _CUDA]
    return next((".".join(match.groups()) for match in matches if match), "")


def _tag(name: str) -> str:
    last = name.partition("@")[0].rpartition("/")[2]
    return last.partition(":")[2]


def within(release: str, line: str) -> bool:
    """True if a release such as 36.4.3 belongs to a line such as 36.4."""
    return f"{release}.".startswith(f"{line}.")


def software_of(release: str, lines: tuple[Software, ...]) -> Software | None:
    """Return the line of system software that a release belongs to."""
    return next((line for line in lines if within(release, line.l4t)), None)


def refusal(image: str, host: str, cuda: str = "") -> str:
    """Say why a host with an L4T release cannot run an image; empty if it can.

    `cuda` is the host's CUDA version; it decides for images that name no L4T release.
    """
    release, toolkit = image_release(image), image_cuda(image)
    if release:
        return _line_refusal(release, host)
    if toolkit and cuda and version(toolkit) > version(cuda):
        return f"an L4T {host} host has CUDA {cuda}, and the image needs CUDA {toolkit}"
    return ""


def _line_refusal(release: str, host: str) -> str:
    for line, images, why in HOSTS:
        if within(host, line):
            runs = any(within(release, one) for one in images)
            return "" if runs else f"an L4T {host} host cannot run an r{release} image ({why})"
    if version(release)[:2] == version(host)[:2]:
        return ""
    return f"an L4T {host} host is known to run images of its own line only, and this is r{release}"
