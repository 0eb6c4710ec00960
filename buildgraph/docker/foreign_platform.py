"""Images for another processor: detect an emulator, and say how to set one up."""

from __future__ import annotations

import os
from pathlib import Path

from ..types.errors import BuildError

HANDLERS = Path("/proc/sys/fs/binfmt_misc")
_NAMES = {"amd64": "x86_64", "arm64": "aarch64", "386": "i386", "ppc64le": "ppc64le"}
EXEC_FORMAT_ERROR = b"exec format error"


def is_emulated(platform: str) -> bool | None:
    """True if the kernel passes programs of a platform, such as `linux/arm64`, to an emulator.

    Returns None if that is unknown: Docker runs elsewhere, or binfmt_misc is not mounted.
    """
    if (
        os.environ.get("DOCKER_HOST", "unix:").partition(":")[0] != "unix"
        or not (HANDLERS / "status").exists()
    ):
        return None
    architecture = platform.split("/")[1]
    name = f"qemu-{_NAMES.get(architecture, architecture)}"
    return any(
        handler.name.startswith(name) and handler.read_text().startswith("enabled")
        for handler in HANDLERS.iterdir()
    )


def emulator_help(platform: str) -> str:
    """Say how to run images of a platform."""
    architecture = platform.split("/")[1]
    return (
        "run it on the board, or set up an emulator: sudo apt install qemu-user-static "
        "binfmt-support (or docker run --privileged --rm tonistiigi/binfmt --install "
        f"{architecture}), then try again"
    )


def platform_error(what: str, platform: str, here: str) -> BuildError:
    """Return the error for an image that Docker cannot run here.

    `what` names the image and its board, `here` is the platform of the daemon.
    """
    return BuildError(
        f"{what} is for {platform}, another processor: Docker here runs {here}, and no emulator "
        "(binfmt_misc, qemu) is set up",
        fix=emulator_help(platform),
        reason="environment",
    )
