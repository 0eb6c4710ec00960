"""`buildgraph pull REF@DIGEST`: pull an image from a registry into an OCI layout, verified."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ...types.errors import OK, BuildError
from ...ui.json_document import print_document
from ..registry_options import add_registry_options, transport_settings

if TYPE_CHECKING:
    from ...registry.client import Repository


def arguments(parser: ArgumentParser) -> None:
    """Declare the arguments and options."""
    parser.add_argument(
        "reference",
        metavar="REF@DIGEST",
        help="image with its digest: registry.example/robots/jetson@sha256:...",
    )
    parser.add_argument(
        "--to",
        default="",
        metavar="DIR",
        help="new folder for the OCI layout (default: last part of the repository)",
    )
    parser.add_argument(
        "--platform",
        default="",
        metavar="OS/ARCH",
        help="of an index, pull the image of one platform such as linux/arm64/v8",
    )
    parser.add_argument(
        "--documents",
        default="",
        metavar="DIR",
        help="also write the documents that are attached to the image, such as its SBOM, its "
        "provenance and signatures, to this new folder",
    )
    add_registry_options(parser)


def run(options: Namespace) -> int:
    """Pull, and print the digest and the folder."""
    from ...registry.client import Repository
    from ...registry.pull import Pull
    from ...registry.reference import parse_reference
    from ...ui.format import format_size

    reference = parse_reference(options.reference)
    target = Path(options.to or reference.repository.rpartition("/")[2])
    with Repository(reference, transport_settings(options)) as repository:
        if not reference.digest:
            raise _no_digest(repository)
        names = _write_documents(repository, options.documents) if options.documents else []
        report = Pull(repository, target.absolute(), options.platform).run()
    if options.json:
        print_document(asdict(report) | {"documents": names})
        return OK
    print(report.digest)
    kept = f", {format_size(report.kept)} kept from an earlier pull" if report.kept else ""
    received = f"{format_size(report.received)} received{kept}"
    print(f"{target}: {report.blobs} blobs, {received}", file=sys.stderr)
    return OK


def _write_documents(repository: Repository, folder: str) -> list[str]:
    """Write the attached documents to a new folder; return their names."""
    from ...files.regular_file import replace_file
    from ...registry.referrers import fetch_attachments

    if os.path.lexists(folder):
        raise BuildError(
            f"{folder} exists",
            fix="remove it, or name another folder with `--documents DIR`",
            reason="usage",
        )
    names: list[str] = []
    for _, file in fetch_attachments(repository, repository.reference.digest):
        count = names.count(file.name)
        name = f"{file.name}.{count + 1}" if count else file.name
        names.append(file.name)
        if not replace_file(os.path.join(folder, name), [file.content]):
            raise BuildError(
                f"{os.path.join(folder, name)} cannot be written",
                fix="free space on the disk, or name another folder",
                reason="environment",
            )
        print(f"{os.path.join(folder, name)}: {file.media_type}", file=sys.stderr)
    return names


def _no_digest(repository: Repository) -> BuildError:
    """Return the error for a tag, with the digest that it has now."""
    reference = repository.reference
    document = repository.manifest(reference.version)
    if document is None:
        return BuildError(
            f"{reference.host} has no {reference.repository}:{reference.version}",
            fix="check the names of the repository and the tag",
            reason="usage",
        )
    return BuildError(
        f"{reference} names no digest, and a tag can move",
        fix=f"use {reference}@{document.digest}, which the tag names now, after a check that it is "
        "the image that you expect",
        reason="usage",
    )
