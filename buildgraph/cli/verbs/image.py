"""`buildgraph image show|diff`: layers, sizes, files and configuration, and what differs."""

from __future__ import annotations

import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ...types.errors import OK, BuildError
from ...ui.json_document import print_document
from ..registry_options import add_registry_options, transport_settings
from .build import add_build_options
from .push import build_layout, is_label

if TYPE_CHECKING:
    from ...explain.image_content import BlobSource, Image
    from ...explain.image_diff import ImageDifference

COMMANDS = {
    "show": "show layers, sizes, configuration and labels; with --files all files",
    "diff": "show all differences of two images, down to the file and the byte",
}
_MARKS = {"added": "+", "removed": "-", "changed": "~"}


def arguments(parser: ArgumentParser) -> None:
    """Declare the arguments and options."""
    parser.add_argument("command", choices=tuple(COMMANDS), help="command to run (see below)")
    parser.add_argument(
        "images",
        nargs="+",
        metavar="REF|LABEL|DIR",
        help="image in a registry (host/name:tag or host/name@sha256:...), target to build, or "
        "folder of an OCI layout; diff takes two",
    )
    parser.add_argument(
        "--platform", default="", metavar="OS/ARCH", help="of an index, only this platform"
    )
    parser.add_argument("--files", action="store_true", help="show: list the files of each layer")
    add_registry_options(parser)
    add_build_options(parser)
    commands = (f"  {name:<6}{summary}" for name, summary in COMMANDS.items())
    parser.epilog = "\n".join(["commands:", *commands])


def run(options: Namespace) -> int:
    """Run the command that the first argument names."""
    expected = 1 if options.command == "show" else 2
    if len(options.images) != expected:
        raise BuildError(
            f"image {options.command} takes {expected} "
            f"{'image' if expected == 1 else 'images'}, not {len(options.images)}",
            fix="`buildgraph image --help` shows the arguments",
            reason="usage",
        )
    with ExitStack() as stack:
        images: list[list[Image]] = []
        for word in options.images:
            code, source = _open(word, options, stack)
            if source is None:
                return code
            images.append(_read(source, options.platform))
        return _show(images[0], options) if expected == 1 else _diff(images, options)


def _read(source: BlobSource, platform: str) -> list[Image]:
    from ...explain.image_content import read_images

    return read_images(source, platform)


def _open(word: str, options: Namespace, stack: ExitStack) -> tuple[int, BlobSource | None]:
    """Return (exit code of a build, source of an image); None if the build failed."""
    from ...explain.image_content import LayoutSource, RegistrySource
    from ...registry.client import Repository
    from ...registry.reference import parse_reference

    if is_label(word):
        code, folder = build_layout(word, options, sys.stderr)
        return code, None if code else LayoutSource(folder)
    if Path(word).exists():
        return OK, LayoutSource(Path(word))
    reference = parse_reference(word)
    repository = stack.enter_context(Repository(reference, transport_settings(options)))
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="buildgraph-")))
    return OK, RegistrySource(repository, folder)


def _show(images: list[Image], options: Namespace) -> int:
    if options.json:
        print_document({"images": [_document(image, options.files) for image in images]})
        return OK
    for image in images:
        print("\n".join(_format(image, options.files)))
    return OK


def _document(image: Image, with_files: bool) -> dict[str, object]:
    layers = [
        layer.descriptor.document()
        | {"created_by": layer.created_by, "unpacked": layer.unpacked, "count": len(layer.files)}
        | ({"files": [asdict(file) for file in layer.files]} if with_files else {})
        for layer in image.layers
    ]
    return {
        "digest": image.descriptor.digest,
        "platform": image.platform,
        "config": image.config,
        "annotations": dict(image.manifest.annotations),
        "layers": layers,
    }


def _format(image: Image, with_files: bool) -> Iterator[str]:
    from ...ui.format import format_size, strip_controls

    size = sum(blob.size for blob in image.manifest.blobs) + image.descriptor.size
    yield f"{image.descriptor.digest}  {image.platform}  {format_size(size)}"
    process = image.config.get("config") or {}
    for name in ("Entrypoint", "Cmd", "User", "WorkingDir", "Env", "ExposedPorts"):
        if process.get(name):
            value = process[name]
            text = " ".join(map(str, value)) if isinstance(value, (list, dict)) else str(value)
            yield f"  {name:<12} {strip_controls(text)}"
    labels = {**image.manifest.annotations, **(process.get("Labels") or {})}
    for name, value in sorted(labels.items()):
        yield f"  label        {strip_controls(f'{name} = {value}')}"
    for number, layer in enumerate(image.layers, 1):
        sizes = f"{format_size(layer.descriptor.size)}, {format_size(layer.unpacked)} unpacked"
        facts = f"{sizes}, {len(layer.files)} files"
        yield f"  layer {number}      {layer.descriptor.digest[:19]}  {facts}"
        if layer.created_by:
            yield f"               {strip_controls(layer.created_by)}"
        for file in layer.files if with_files else ():
            name = f"{file.path} -> {file.target}" if file.target else file.path
            slash = "/" if file.kind == "directory" else ""
            facts = f"{file.mode:04o} {file.owner:<12} {format_size(file.size):>10}"
            yield f"    {facts}  {strip_controls(name)}{slash}"


def _diff(images: list[list[Image]], options: Namespace) -> int:
    """Compare the images of two sources, by platform; one image is compared with any other one."""
    from ...explain.image_diff import diff_images

    before, after = ({image.platform: image for image in one} for one in images)
    if len(before) == len(after) == 1:
        pairs = [(next(iter(before.values())), next(iter(after.values())))]
    else:
        pairs = [(before[name], after[name]) for name in before if name in after]
    lonely = sorted(before.keys() ^ after.keys()) if len(pairs) != 1 or len(before) > 1 else []
    results = [(old, new, diff_images(old, new)) for old, new in pairs]
    if options.json:
        print_document(
            {
                "images": [
                    {
                        "platform": new.platform,
                        "before": old.descriptor.digest,
                        "after": new.descriptor.digest,
                        "differences": [asdict(one) for one in differences],
                    }
                    for old, new, differences in results
                ],
                "unpaired": lonely,
            }
        )
        return OK
    for old, new, differences in results:
        print("\n".join(_format_differences(old, new, differences)))
    for name in lonely:
        print(f"{'-' if name in before else '+'} the image for {name}")
    return OK


def _format_differences(
    old: Image, new: Image, differences: list[ImageDifference]
) -> Iterator[str]:
    from ...ui.format import strip_controls

    yield f"{old.descriptor.digest} -> {new.descriptor.digest}  {new.platform}"
    if not differences:
        same = old.descriptor.digest == new.descriptor.digest
        yield "  the images are equal" if same else "  only the form of the manifest differs"
    for one in differences:
        yield strip_controls(f"  {_MARKS[one.change]} {one.what} {one.name}: {one.detail}")
