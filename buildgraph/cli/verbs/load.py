"""`buildgraph load LABEL`: build an image and load it into the Docker daemon."""

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
from .build import add_build_options, choose_listeners, run_request, to_request


class ImageCollector:
    """A listener that collects the images that were built."""

    def __init__(self) -> None:
        self.images: dict[str, Built] = {}

    def __call__(self, event: Event) -> None:
        """Keep the event if its output is an image."""
        if isinstance(event, Built) and event.image:
            self.images[event.label] = event

    def close(self) -> None:
        """Do nothing: there is nothing to release."""

    def only_image(self, label: Label) -> Built:
        """Return the image of a label; BuildError unless the label produces exactly one."""
        if not self.images:
            raise BuildError(
                f"{label} produces no image",
                fix="name a target whose rule is `export`",
                reason="usage",
            )
        if len(self.images) > 1:
            raise BuildError(
                f"{label} produces {len(self.images)} images",
                fix=f"name one of {', '.join(sorted(self.images))}",
                reason="usage",
            )
        return next(iter(self.images.values()))


def arguments(parser: ArgumentParser) -> None:
    """Declare the arguments and options."""
    parser.add_argument(
        "label", metavar="LABEL", help="target whose image is loaded, such as //exports:jetson"
    )
    parser.add_argument(
        "--tag",
        default="",
        metavar="NAME:TAG",
        help="name of the image in Docker (default: made from the workspace's name and the label)",
    )
    add_build_options(parser)


class LoadedImage(NamedTuple):
    """An image in Docker.

    `image` is its id, `platform` the platform it was built for, `daemon` the platform of the Docker
    daemon, and `is_foreign` says that these differ. The program listens on `ports`.
    """

    label: Label
    image: str
    tag: str
    platform: str
    daemon: str
    is_foreign: bool
    ports: tuple[int, ...]
    board: str = ""

    @property
    def description(self) -> str:
        """The label, with the name of the board if it is known."""
        return f"{self.label} (board {self.board})" if self.board else str(self.label)

    @property
    def command(self) -> str:
        """The `docker run` command with the limits of `buildgraph run`, and all ports published."""
        network = (
            "".join(f" -p 127.0.0.1:{port}:{port}" for port in self.ports) or " -i --network none"
        )
        return f"docker run --rm{network} --read-only --cap-drop ALL {self.tag}"


def run(options: Namespace) -> int:
    """Build and load the image, and print the id that Docker gives it."""
    code, image = load_image(options, sys.stdout if options.json else sys.stderr)
    if image is None:
        return code
    if options.json:
        event = {
            "event": "loaded",
            "image": image.image,
            "tag": image.tag,
            "platform": image.platform,
        }
        print(document(event))
        return code
    print(image.image)
    print(f"loaded {image.tag} for {image.platform}", file=sys.stderr)
    print("\n".join(_next_steps(image)), file=sys.stderr)
    return code


def _next_steps(image: LoadedImage) -> list[str]:
    """Return lines that say how to run the image; for another processor, what that requires."""
    if not image.is_foreign:
        return [f"next: {image.command}"]
    from ...docker.foreign_platform import emulator_help, is_emulated

    note = (
        f"note: {image.description} is for {image.platform}, another processor: "
        f"Docker here runs {image.daemon}"
    )
    if is_emulated(image.platform):
        return [f"{note}, with an emulator", f"next: {image.command}"]
    return [note, f"help: {emulator_help(image.platform)}"]


def load_image(options: Namespace, stream: TextIO) -> tuple[int, LoadedImage | None]:
    """Build the image of `options.label` and load it.

    Return the exit code and the image, None if the build failed. The build is printed on `stream`.
    """
    from ...docker import oci_layout
    from ...docker.client import load, platform

    invocation = Invocation.find()
    label = invocation.label(options.label)
    daemon = platform()  # first of all: without a daemon there is no point in building
    collector = ImageCollector()
    listeners = choose_listeners(options, frozenset({"gates", "counts"}), stream)
    request = to_request(invocation, options, (str(label),))
    code = run_request(invocation, request, [*listeners, collector])
    if code:
        return code, None
    source = Path(invocation.root, collector.only_image(label).path)
    tag = options.tag or _image_name(invocation, label)
    architecture = daemon.rpartition("/")[2]
    selected = oci_layout.select_image(source, architecture)
    return 0, LoadedImage(
        label,
        image=load(source, tag),
        tag=tag,
        platform=selected.platform,
        daemon=daemon,
        is_foreign=not selected.runs_on(architecture),
        ports=selected.ports,
        board=_board(source),
    )


def _image_name(invocation: Invocation, label: Label) -> str:
    """Return the image's name in Docker.

    It contains the workspace's name, because other workspaces may have the same labels.
    """
    from ...types.image_name import image_name
    from ...workspace.workspace import Workspace

    return image_name(Workspace(invocation.root).settings.name, label)


def _board(source: Path) -> str:
    """Return the board that the report beside the image names; '' if there is no report."""
    try:
        return str(json.loads((source.parent / "report/report.json").read_bytes())["board"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
