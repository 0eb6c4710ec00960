"""`buildgraph load LABEL`: build an image and give it to the Docker daemon."""
from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TextIO

from ..errors import BuildError
from ..events import Built, Event
from ..label import Label
from ..ui.json_document import document
from .build import choose, how, perform, request
from .here import Here


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
            raise BuildError(f"{label} makes no image", fix="name a target whose rule is `export`", reason="usage")
        if len(found) > 1:
            raise BuildError(f"{label} stands for {len(found)} images", fix=f"name one of {', '.join(sorted(found))}",
                             reason="usage")
        return next(iter(found.values()))


def arguments(parser: ArgumentParser) -> None:
    """The words and options of the verb."""
    parser.add_argument("label", metavar="LABEL", help="the target whose image to load, such as //exports:jetson")
    parser.add_argument("--tag", default="", metavar="NAME:TAG", help="its name in Docker (default: from the label)")
    how(parser)


def run(options: Namespace) -> int:
    """Build and load; prints the id that Docker knows the image by."""
    code, image, tag = loaded(options, sys.stdout if options.json else sys.stderr)
    if code == 0:
        print(document({"event": "loaded", "image": image, "tag": tag}) if options.json else image)
    return code


def loaded(options: Namespace, stream: TextIO) -> tuple[int, str, str]:
    """Build the image of `options.label` and load it: exit code, image id and tag (both empty when it failed).

    What is said of the build goes to `stream`.
    """
    from ..execute.container import load, version
    here = Here.find()
    label = here.label(options.label)
    version()   # no daemon: say so before the work, not after it
    images = Images()
    shown = choose(options, frozenset({"gates", "counts"}), stream)
    code = perform(here, request(here, options, (str(label),)), [*shown, images])
    if code:
        return code, "", ""
    tag = options.tag or tag_of(label)
    return 0, load(Path(here.root, images.one(label).path), tag), tag


def tag_of(label: Label) -> str:
    """A name that Docker accepts: `//exports:fleet.foragers.pi5` is `exports/fleet.foragers.pi5:latest`."""
    parts = [part for part in label.package.lower().split("/") if part]
    return "/".join([*parts, label.name.lower().replace("+", "-")]) + ":latest"
