"""`buildgraph release PATTERN... --tag TAG`: build targets and release them under a tag.

`buildgraph release diff OLD NEW` compares two releases.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from typing import TYPE_CHECKING

from ...types.errors import OK, BuildError
from ...ui.json_document import print_document
from ..invocation import Invocation
from .release_diff import add_diff_options, diff_releases

if TYPE_CHECKING:
    from ...release.collect import Collector
    from ...release.run_release import Build, Released, ReleaseOptions
    from ...types.request import Request

KEY_VARIABLE = "BUILDGRAPH_SIGNING_KEY"


def arguments(parser: ArgumentParser) -> None:
    """Declare the arguments and options."""
    parser.add_argument(
        "patterns",
        nargs="*",
        metavar="PATTERN",
        help="targets to release, such as //exports:..., or `diff OLD NEW` to compare two releases",
    )
    parser.add_argument("--tag", default="", help="tag of the release, such as v1.4.0")
    parser.add_argument(
        "--key",
        default="",
        metavar="PATH",
        help=f"private key that signs the release (default: ${KEY_VARIABLE})",
    )
    parser.add_argument(
        "--unsigned", action="store_true", help="release without a key and signatures"
    )
    parser.add_argument(
        "--once",
        action="store_true",
        help="do not run the actions a second time in a varied environment",
    )
    _add_requirements(parser)
    parser.add_argument("--no-git-tag", action="store_true", help="create no git tag")
    parser.add_argument(
        "--lock",
        action="store_true",
        help="build, write buildgraph.lock with the identities of the tools, and release nothing",
    )
    add_diff_options(parser)
    parser.add_argument(
        "-j",
        "--jobs",
        type=int,
        default=0,
        metavar="N",
        help="number of actions to run in parallel (default: number of cores)",
    )


def _add_requirements(parser: ArgumentParser) -> None:
    """Declare the options that say what the gates and results of a release must be."""
    parser.add_argument(
        "--strict",
        action=BooleanOptionalAction,
        default=True,
        help='refuse a gate that is "not checked" (default), except for those in `unchecked` of '
        "[workspace.release]",
    )
    parser.add_argument(
        "--sandbox",
        choices=("namespaces", "landlock", "none"),
        default="",
        help="weakest sandbox level of results (default: `sandbox` of [workspace.release], "
        "else landlock)",
    )


def run(options: Namespace) -> int:
    """Release the targets, and print the folder and the digests of the images."""
    from ...release.run_release import lock, release
    from ...types.request import Request

    if options.patterns[:1] == ["diff"]:
        return diff_releases(options.patterns[1:], options)
    invocation = Invocation.find()
    patterns = invocation.patterns(options.patterns)
    request = Request(patterns, options.jobs, package=invocation.package, list_all=True)
    if options.lock:
        code, path = lock(invocation.root, request, _builder(invocation))
        if code == OK:
            _print_lock(options, path)
        return code
    released = release(invocation.root, request, _to_options(options), _builder(invocation))
    if released.release is None:
        print("not released: see above", file=sys.stderr)
        return released.code
    _print(options, released)
    return released.code


def _builder(invocation: Invocation) -> Build:
    """Return the function that builds a request, with its progress on stderr."""
    from .build import progress_listener, run_request

    def build(request: Request, collector: Collector) -> int:
        return run_request(invocation, request, [progress_listener(False), collector])

    return build


def _to_options(options: Namespace) -> ReleaseOptions:
    from ...release.run_release import ReleaseOptions

    if not options.tag:
        raise BuildError("no tag is given", fix="add one: --tag v1.4.0", reason="usage")
    key = "" if options.unsigned else options.key or os.environ.get(KEY_VARIABLE, "")
    if not key and not options.unsigned:
        raise BuildError(
            "a release is signed, and no key is given",
            fix="make one: `buildgraph key new ~/.config/buildgraph/release.key`, and add "
            "--key PATH; or --unsigned",
            reason="usage",
        )
    return ReleaseOptions(
        options.tag,
        key=key,
        twice=not options.once,
        strict=options.strict,
        sandbox=options.sandbox,
        git_tag=not options.no_git_tag,
    )


def _print_lock(options: Namespace, path: str) -> None:
    if options.json:
        print_document({"lock": path})
    else:
        print(path)
        print("next: commit it, then `buildgraph release ... --tag TAG`", file=sys.stderr)


def _print(options: Namespace, released: Released) -> None:
    assert released.release is not None and released.folder is not None, "it was released"
    folder = os.path.relpath(released.folder)
    if options.json:
        answer = {"folder": folder, "new": released.is_new, "record": released.number}
        print_document({**answer, "release": released.release})
        return
    targets = released.release["targets"]
    width = max(len(target["label"]) for target in targets)
    print(folder)
    for target in targets:
        image = target.get("image")
        facts = f"{image['digest']}  {image['content_tag']}" if image else target["provenance"]
        print(f"  {target['label']:<{width}}  {facts}")
    if not released.is_new:
        print(f"{released.release['tag']} was released before, with equal content", file=sys.stderr)
