"""`buildgraph diff LABEL` and `buildgraph diff KEY KEY`: compare keys, and their results."""

from __future__ import annotations

import os
import re
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from ...types.errors import OK, BuildError
from ...ui.json_document import print_document
from ..invocation import Invocation
from .why import format_parts, key_changes, open_store

if TYPE_CHECKING:
    from ...explain.why import KeyChange
    from ...store.disk import DiskStore
    from ...types.digest import Digest

_KEY = re.compile(r"[0-9a-f]{6,64}(/\d+)?\Z")


def arguments(parser: ArgumentParser) -> None:
    """Declare the arguments and options."""
    parser.usage = f"{parser.prog} [-h] [--json] LABEL\n       {parser.prog} [-h] [--json] KEY KEY"
    parser.add_argument(
        "what",
        nargs="+",
        metavar="LABEL | KEY KEY",
        help="target whose actions are compared with their previous keys, or two keys "
        "(at least the first 6 digits of each)",
    )
    parser.epilog = "`buildgraph why LABEL --json` and `buildgraph build --json` print the keys."


def run(options: Namespace) -> int:
    """Print the differences."""
    if len(options.what) == 1:
        changes = _changes_of_label(options.what[0])
    else:
        changes = [_compare_keys(*_check_two_keys(options.what))]
    if options.json:
        print_document({"differences": [asdict(change) for change in changes]})
    else:
        print("\n".join(line for change in changes for line in _format(change)))
    return OK


def _check_two_keys(words: list[str]) -> tuple[str, str]:
    invalid = next((word for word in words if not _KEY.match(word)), None)
    if len(words) != 2 or invalid:
        raise BuildError(
            f"{invalid!r} is not a key" if invalid else f"{len(words)} keys instead of two",
            reason="usage",
            fix="use `buildgraph diff //package:target`, or two keys of at least 6 hex digits",
        )
    return words[0], words[1]


def _changes_of_label(word: str) -> list[KeyChange]:
    invocation = Invocation.find()
    label = invocation.label(word)
    changes = [
        change for change in key_changes(invocation, label, False) if change.state != "first"
    ]
    if not changes:
        raise BuildError(
            f"no action of {label} has had two different keys in this workspace",
            reason="usage",
            fix="build it, change an input, and build it again",
        )
    return changes


def _compare_keys(before: str, after: str) -> KeyChange:
    from ...explain.diff import diff_keys
    from ...explain.why import KeyChange

    store = open_store()
    old, new = _find_key(store, before), _find_key(store, after)
    difference = diff_keys(store, old, new)
    keys = (str(old), str(new))
    if difference is None:
        return KeyChange("", "", "forgotten", keys=keys)
    return KeyChange("", "", "changed", difference.parts, difference.outputs, keys)


def _find_key(store: DiskStore, word: str) -> Digest:
    """Find the only key of the store that begins with these digits."""
    prefix = word.partition("/")[0]
    folder = os.path.dirname(store.record_path(_pad(prefix)))
    names: list[str] = []
    if os.path.isdir(folder):
        names = sorted(name for name in os.listdir(folder) if name.startswith(prefix))
    if not names:
        raise BuildError(
            f"the cache has no key {word}",
            reason="usage",
            fix="its action never ran with this cache, or its result was removed",
        )
    if len(names) > 1:
        raise BuildError(
            f"{word} is ambiguous: {len(names)} keys begin with it",
            reason="usage",
            fix="use more digits of the key",
        )
    record = store.read_record_file(os.path.join(folder, names[0]))
    if record is None:
        raise BuildError(
            f"the record of {word} is damaged",
            reason="broken",
            fix="build its target again",
        )
    return record[0]


def _pad(prefix: str) -> Digest:
    from ...types.digest import Digest

    return Digest(prefix.ljust(64, "0"), 0)


def _format(change: KeyChange) -> Iterator[str]:
    from ...ui.format import strip_controls

    before, after = (key[:12] for key in change.keys)
    if change.label:
        yield f"{change.label}: {strip_controls(change.title)}  {before} -> {after}"
    else:
        yield f"key {before} -> {after}"
    if change.state == "forgotten":
        yield "  the cache no longer has both keys"
        return
    if change.parts:
        yield from format_parts(change.parts)
    else:
        yield "  the keys are equal"
    if change.outputs is None:
        yield "  the cache no longer has both results"
    elif change.outputs:
        yield " outputs:"
        yield from format_parts(change.outputs)
    else:
        yield "  the outputs are equal"
