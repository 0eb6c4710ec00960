"""Images for another processor than the machine's: whether an emulator is set up, and what to do where none is."""

from __future__ import annotations

import os
from pathlib import Path

from buildgraph.types.errors import BuildError

HANDLERS = Path("/proc/sys/fs/binfmt_misc")
_NAMES = {"amd64": "x86_64", "arm64": "aarch64", "386": "i386", "ppc64le": "ppc64le"}
REFUSAL = b"exec format error"


def is_emulated(platform: str) -> bool | None:
    """Whether this machine's kernel hands programs of a platform to an emulator; None where that cannot be seen from here."""
    if (
        os.environ.get("DOCKER_HOST", "unix:").partition(":")[0] != "unix"
        or not (HANDLERS / "status").exists()
    ):
        return None
    architecture = platform.split("/")[1]
    wanted = f"qemu-{_NAMES.get(architecture, architecture)}"
    return any(
        handler.name.startswith(wanted) and handler.read_text().startswith("enabled")
        for handler in HANDLERS.iterdir()
    )


def emulator_help(platform: str) -> str:
    """What makes images of a platform run here."""
    architecture = platform.split("/")[1]
    return (
        "run it on the board, or set up an emulator: sudo apt install qemu-user-static binfmt-support (or docker run "
        f"--privileged --rm tonistiigi/binfmt --install {architecture}), then try again"
    )


def platform_error(what: str, platform: str, here: str) -> BuildError:
    """The fault of an image that this Docker cannot run; `what` names it with its board."""
    return BuildError(
        f"{what} is for {platform}, another processor: Docker here runs {here}, and no emulator (binfmt_misc, "
        "qemu) is set up",
        fix=emulator_help(platform),
        reason="environment",
    )
