"""`buildgraph load LABEL`: build an image and give it to the Docker daemon."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import NamedTuple, TextIO

from ...types.errors import BuildError
from ...types.events import Built, Event
from ...types.label import Label
from ...ui.json_document import document
from ..invocation import Invocation
from .build import choose, how, perform, request


class Images:
    """A listener that keeps the images that were built."""

    def __init__(self) -> None:
        self.found: list[Built] = []

    def __call__(self, event: Event) -> None:
        """Keep an output that is an image."""
        if isinstance(event, Built) and event.image:
            self.found.append(event)

    def close(self) -> None:
        """Nothing to put away."""

    def one(self, label: Label) -> Built:
        """The image that a label makes; BuildError when it makes none, or stands for several."""
        found = {built.label: built for built in self.found}
        if not found:
            raise BuildError(
                f"{label} makes no image",
                fix="name a target whose rule is `export`",
                reason="usage",
            )
        if len(found) > 1:
            raise BuildError(
                f"{label} stands for {len(found)} images",
                fix=f"name one of {', '.join(sorted(found))}",
                reason="usage",
            )
        return next(iter(found.values()))


def arguments(parser: ArgumentParser) -> None:
    """The words and options of the verb."""
    parser.add_argument(
        "label", metavar="LABEL", help="the target whose image to load, such as //exports:jetson"
    )
    parser.add_argument(
        "--tag",
        default="",
        metavar="NAME:TAG",
        help="its name in Docker (default: from the workspace and the label)",
    )
    how(parser)


class Loaded(NamedTuple):
    """An image in Docker: its id and tag there, what it is for, what the daemon runs, the ports that it listens on."""

    label: Label
    image: str
    tag: str
    platform: str
    daemon: str
    is_foreign: bool
    ports: tuple[int, ...]
    board: str = ""

    @property
    def named(self) -> str:
        """Its label, with the board where that is known."""
        return f"{self.label} (board {self.board})" if self.board else str(self.label)

    @property
    def command(self) -> str:
        """How Docker runs it as `buildgraph run` does, and so that its port is reached."""
        network = (
            "".join(f" -p 127.0.0.1:{port}:{port}" for port in self.ports) or " -i --network none"
        )
        return f"docker run --rm{network} --read-only --cap-drop ALL {self.tag}"


def run(options: Namespace) -> int:
    """Build and load; prints the id that Docker knows the image by."""
    code, made = loaded(options, sys.stdout if options.json else sys.stderr)
    if made is None:
        return code
    if options.json:
        print(
            document(
                {"event": "loaded", "image": made.image, "tag": made.tag, "platform": made.platform}
            )
        )
        return code
    print(made.image)
    print(f"loaded {made.tag} for {made.platform}", file=sys.stderr)
    print("\n".join(_next(made)), file=sys.stderr)
    return code


def _next(made: Loaded) -> list[str]:
    """How to run it here; for another processor what that needs."""
    if not made.is_foreign:
        return [f"next: {made.command}"]
    from ...docker.foreign_platform import emulator_help, is_emulated

    note = f"note: {made.named} is for {made.platform}, another processor: Docker here runs {made.daemon}"
    if is_emulated(made.platform):
        return [f"{note}, with an emulator", f"next: {made.command}"]
    return [note, f"help: {emulator_help(made.platform)}"]


def loaded(options: Namespace, stream: TextIO) -> tuple[int, Loaded | None]:
    """Build the image of `options.label` and load it: exit code, and what was loaded (None when it failed).

    What is said of the build goes to `stream`.
    """
    from ...docker import oci_layout
    from ...docker.client import load, platform

    here = Invocation.find()
    label = here.label(options.label)
    daemon = platform()  # no daemon: say so before the work, not after it
    images = Images()
    shown = choose(options, frozenset({"gates", "counts"}), stream)
    code = perform(here, request(here, options, (str(label),)), [*shown, images])
    if code:
        return code, None
    built = images.one(label)
    source, tag = Path(here.root, built.path), options.tag or _name_of(here, label)
    architecture = daemon.rpartition("/")[2]
    image = oci_layout.select_image(source, architecture)
    return 0, Loaded(
        label,
        load(source, tag),
        tag,
        image.platform,
        daemon,
        not image.runs_on(architecture),
        image.ports,
        _board(source),
    )


def _name_of(here: Invocation, label: Label) -> str:
    """Its name in Docker: the workspace's name is in it, for other workspaces have such labels too."""
    from ...types.image_name import image_name
    from ...workspace.workspace import Workspace

    return image_name(Workspace(here.root).settings.name, label)


def _board(source: Path) -> str:
    """The board that an export's report names; the report stands beside the image."""
    try:
        return str(json.loads((source.parent / "report/report.json").read_bytes())["board"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
