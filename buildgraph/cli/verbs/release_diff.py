"""`buildgraph release diff OLD NEW`: compare two releases."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...types.errors import OK, BuildError
from ...ui.json_document import print_document
from ..invocation import Invocation

if TYPE_CHECKING:
    from ...release.compare import TargetChange


def add_diff_options(parser: ArgumentParser) -> None:
    """Declare the options of `release diff`."""
    parser.add_argument(
        "--no-behaviour",
        action="store_true",
        help="diff: do not run the programs of both releases on their probe sets",
    )


def diff_releases(words: Sequence[str], options: Namespace) -> int:
    """Print the differences of two releases, which are named by tag or folder."""
    from ...release.compare import Release, compare_releases
    from ...release.documents import load_release
    from ...release.format_diff import format_targets

    if len(words) != 2:
        raise BuildError(
            f"{len(words)} releases instead of two",
            fix="name two tags or folders: `buildgraph release diff v1.3.0 v1.4.0`",
            reason="usage",
        )
    old, new = (Release(folder, load_release(folder)) for folder in map(_folder, words))
    changes = list(compare_releases(old, new, not options.no_behaviour))
    if options.json:
        targets = [_to_document(change) for change in changes]
        print_document({"old": old.tag, "new": new.tag, "targets": targets})
        return OK
    print(f"{old.tag} -> {new.tag}")
    print("\n".join(format_targets(changes)))
    return OK


def _to_document(change: TargetChange) -> dict[str, Any]:
    document = asdict(change)
    for agent in document["agents"]:
        agent["labels"] = json.loads(agent["labels"])
    return document


def _folder(word: str) -> Path:
    """Return the folder of a release; BuildError if there is none."""
    folder = Path(word) if os.sep in word else Path(Invocation.find().root, "releases", word)
    if not folder.is_dir():
        raise BuildError(
            f"there is no release {word}: no folder {folder}",
            fix="copy the release there, or name its folder, such as ./v1.4.0",
            reason="usage",
        )
    return folder
