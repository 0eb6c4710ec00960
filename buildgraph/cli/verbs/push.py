"""`buildgraph push LABEL|RELEASE REF`: push an image, or those of a release, to a registry."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from ...types.errors import OK, BuildError
from ...ui.json_document import document
from ..invocation import Invocation
from ..registry_options import add_registry_options, transport_settings
from .build import add_build_options, choose_listeners, run_request, to_request
from .load import ImageCollector

if TYPE_CHECKING:
    from ...registry.push import PushedItem, PushReport
    from ...registry.reference import Reference
    from ...registry.release_images import ReleaseImage

_RELEASES = "releases"


def arguments(parser: ArgumentParser) -> None:
    """Declare the arguments and options."""
    parser.add_argument(
        "what",
        metavar="LABEL|RELEASE",
        help="target whose image is built and pushed; or a release such as v1.4.0; "
        "or the folder of an OCI layout",
    )
    parser.add_argument(
        "reference",
        metavar="REF",
        help="where to: registry.example/robots/jetson:v1 (default tag: latest); for a release "
        "registry.example/robots, below which each image has a repository of its own",
    )
    parser.add_argument(
        "--mount",
        action="append",
        default=[],
        metavar="REPOSITORY",
        help="take blobs from this repository of the same registry instead of sending them; "
        "may be given several times",
    )
    add_registry_options(parser)
    add_build_options(parser)


def run(options: Namespace) -> int:
    """Push, and print what was sent and what was there."""
    from ...registry.reference import parse_reference
    from ...registry.release_images import is_release, release_images

    reference = parse_reference(options.reference)
    if is_label(options.what):
        code, source = build_layout(
            options.what, options, sys.stdout if options.json else sys.stderr
        )
        return code or _push_image(options, source, _tagged(reference))
    folder = _find_folder(options.what)
    if not is_release(folder):
        return _push_image(options, folder, _tagged(reference))
    if reference.tag or reference.digest:
        raise BuildError(
            f"{options.reference!r} has a tag or a digest, and a release has a tag of its own",
            fix=f"use {reference.name}: each image gets a repository below it",
            reason="usage",
        )
    for image in release_images(folder):
        _push_release_image(options, image, reference)
    return OK


def is_label(what: str) -> bool:
    """Return True for a word that names a target and no file or reference."""
    return what.startswith(("//", ":"))


def _tagged(reference: Reference) -> Reference:
    return reference if reference.tag or reference.digest else replace(reference, tag="latest")


def _find_folder(what: str) -> Path:
    """Return a folder, or that of a release of the workspace; BuildError if there is none."""
    candidates = [Path(what)]
    if "/" not in what:
        with suppress(BuildError):  # a layout can be pushed outside of a workspace
            candidates.insert(0, Path(Invocation.find().root, _RELEASES, what))
    for folder in candidates:
        if folder.is_dir():
            return folder
    raise BuildError(
        f"{what!r} is not a label, a release or a folder",
        fix="name a target such as //exports:jetson, or a release below `releases/`",
        reason="usage",
    )


def build_layout(word: str, options: Namespace, stream: TextIO) -> tuple[int, Path]:
    """Build a target; return the exit code and the layout. The build is printed on `stream`."""
    invocation = Invocation.find()
    label = invocation.label(word)
    collector = ImageCollector()
    listeners = choose_listeners(options, frozenset({"gates", "counts"}), stream)
    request = to_request(invocation, options, (str(label),))
    code = run_request(invocation, request, [*listeners, collector])
    return code, Path(invocation.root) if code else Path(
        invocation.root, collector.only_image(label).path
    )


def _push_image(options: Namespace, source: Path, reference: Reference) -> int:
    from ...registry.client import Repository
    from ...registry.push import PushOptions, push_layout

    with Repository(reference, transport_settings(options)) as repository:
        report = push_layout(source, repository, PushOptions(tuple(options.mount)))
    _print(report, options.json)
    return OK


def _push_release_image(options: Namespace, image: ReleaseImage, prefix: Reference) -> None:
    """Push an image under the tag of its release, then the documents about it."""
    from ...registry.client import Repository
    from ...registry.push import PushOptions, push_layout, read_layout
    from ...registry.referrers import attach

    root = read_layout(image.layout).descriptor
    if root.digest != image.digest:
        raise BuildError(
            f"the image of {image.label} is {root.digest}, and release.json names {image.digest}",
            fix="`buildgraph verify` compares a release; get an intact copy of it",
            reason="broken",
        )
    name = f"{prefix.repository}/{image.name}".lower()
    reference = replace(prefix, repository=name, tag=image.tag)
    with Repository(reference, transport_settings(options)) as repository:
        report = push_layout(image.layout, repository, PushOptions(tuple(options.mount)))
        items = attach(repository, root, list(image.attachments))
    _print(replace(report, items=(*report.items, *items)), options.json)


def _print(report: PushReport, as_json: bool) -> None:
    if as_json:
        print(
            document(
                {
                    "event": "pushed",
                    "reference": str(report.reference),
                    "digest": report.reference.digest,
                    "items": [asdict(item) for item in report.items],
                    "retries": report.retries,
                }
            )
        )
        return
    print(report.reference)
    print("\n".join(_format(report)), file=sys.stderr)


def _format(report: PushReport) -> Iterator[str]:
    from ...ui.format import format_size

    for item in report.items:
        if item.how != "present":
            yield f"  {item.how:<8} {item.kind:<9} {item.digest[:19]}  {format_size(item.size)}"
    for how in ("sent", "mounted", "present"):
        if items := report.select(how):
            size = format_size(sum(item.size for item in items))
            yield f"{how}: {_count(items)}, {size}"
    if report.retries:
        yield f"uploads that went on after a lost connection: {report.retries}"


def _count(items: tuple[PushedItem, ...]) -> str:
    """Return `3 blobs, 1 manifest` for some items."""
    kinds = dict.fromkeys(item.kind for item in items)
    plurals = {"index": "indexes"}
    counts = {kind: sum(item.kind == kind for item in items) for kind in kinds}
    return ", ".join(
        f"{count} {kind if count == 1 else plurals.get(kind, kind + 's')}"
        for kind, count in counts.items()
    )
