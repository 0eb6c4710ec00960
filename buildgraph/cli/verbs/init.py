"""`buildgraph init [DIR]`: write a workspace with a small agent; existing files are kept."""

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

# An agent: its matrices are in models/forager.npz, their meaning is in models/forager.json.
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

# `buildgraph build //exports:pi5` builds an image for the board and tests it under emulation.
[exports.pi5]
rule = "export"
coalition = "//coalitions:foragers"
hardware = "//hardware:pi5"

# `buildgraph run //exports:x86` runs it on this machine. It reads one tick per line from stdin,
# such as {{"forager":[0,0]}}.
[exports.x86]
rule = "export"
coalition = "//coalitions:foragers"
hardware = "//hardware:x86"
"""


def arguments(parser: ArgumentParser) -> None:
    """Declare the arguments and options."""
    parser.add_argument(
        "folder",
        nargs="?",
        default=".",
        metavar="DIR",
        help="folder of the workspace (default: the current folder)",
    )


def run(options: Namespace) -> int:
    """Write the files, and print the next command."""
    folder = os.path.abspath(options.folder)
    names = write_example(folder)
    if options.json:
        print_document({"folder": folder, "files": names})
        return OK
    for name in names:
        print(f"wrote {os.path.normpath(os.path.join(options.folder, name))}")
    change_folder = "" if os.path.samefile(folder, ".") else f"cd {options.folder} && "
    print(f"next: {change_folder}buildgraph build //...")
    return OK


def write_example(folder: str) -> list[str]:
    """Write the example into a folder and return the names of its files.

    If one of them exists, nothing is written and BuildError is raised.
    """
    files = {
        "BUILD.toml": _BUILD.format(name=_workspace_name(folder)).encode(),
        "models/forager.json": starter_model.spec(),
        "models/forager.npz": starter_model.npz(),
    }
    existing = [name for name in files if os.path.lexists(os.path.join(folder, name))]
    if existing:
        verb = "exists" if len(existing) == 1 else "exist"
        raise BuildError(
            f"{', '.join(existing)} already {verb}: nothing was written",
            reason="usage",
            fix="name another folder, such as `buildgraph init example`",
        )
    try:
        for name, data in files.items():
            _write(os.path.join(folder, name), data)
    except OSError as error:
        raise BuildError(
            f"cannot write to {folder}: {error.strerror}",
            reason="environment",
            fix="name a folder that you can write to",
        ) from error
    return list(files)


def _workspace_name(folder: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", os.path.basename(folder)).strip("-") or "workspace"


def _write(path: str, data: bytes) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "xb") as file:
        file.write(data)
