"""`buildgraph init [DIR]`: a workspace that works at once, with a tiny agent; nothing is ever overwritten."""

from __future__ import annotations

import os
import re
from argparse import ArgumentParser, Namespace

from ...types.errors import OK, BuildError
from ...ui.json_document import print_document
from .. import starter_model

_BUILD = """\
[workspace]
name = "{name}"

# An agent: its matrices are models/forager.npz, what they mean stands beside it in models/forager.json.
[models.forager]
rule = "model"
source = "models/forager.npz"

[coalitions.foragers]
rule = "coalition"
agents = {{ forager = "//models:forager" }}

[hardware.pi5]
rule = "hardware"
profile = "raspberry-pi-5"

[hardware.x86]
rule = "hardware"
profile = "x86-64-generic"

# `buildgraph build //exports:pi5` makes an image for the board and proves it ready under emulation.
[exports.pi5]
rule = "export"
coalition = "//coalitions:foragers"
hardware = "//hardware:pi5"

# `buildgraph run //exports:x86` runs it here: give it {{"forager":[0,0]}} on stdin, one tick a line.
[exports.x86]
rule = "export"
coalition = "//coalitions:foragers"
hardware = "//hardware:x86"
"""


def arguments(parser: ArgumentParser) -> None:
    """The words and options of the verb."""
    parser.add_argument(
        "folder", nargs="?", default=".", metavar="DIR", help="where to start it (default: here)"
    )


def run(options: Namespace) -> int:
    """Write the files and say what to do next."""
    folder = os.path.abspath(options.folder)
    made = start(folder)
    if options.json:
        print_document({"folder": folder, "files": made})
        return OK
    print(
        "\n".join(f"wrote {os.path.normpath(os.path.join(options.folder, name))}" for name in made)
    )
    inside = "" if os.path.samefile(folder, ".") else f"cd {options.folder} && "
    print(f"next: {inside}buildgraph build //...")
    return OK


def start(folder: str) -> list[str]:
    """Write the example into a folder; the names written. BuildError when one is there already."""
    files = {
        "BUILD.toml": _BUILD.format(name=_name(folder)).encode(),
        "models/forager.json": starter_model.spec(),
        "models/forager.npz": starter_model.npz(),
    }
    held = [name for name in files if os.path.lexists(os.path.join(folder, name))]
    if held:
        raise BuildError(
            f"{', '.join(held)} already there: nothing was written",
            reason="usage",
            fix="name another folder, such as `buildgraph init example`",
        )
    try:
        for name, data in files.items():
            _write(os.path.join(folder, name), data)
    except OSError as fault:
        raise BuildError(
            f"{folder} cannot be written: {fault.strerror}",
            reason="environment",
            fix="name a folder of yours",
        ) from fault
    return list(files)


def _name(folder: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", os.path.basename(folder)).strip("-") or "workspace"


def _write(path: str, data: bytes) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "xb") as file:
        file.write(data)
