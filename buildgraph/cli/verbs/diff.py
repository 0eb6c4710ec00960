"""`buildgraph diff KEY KEY` and `buildgraph diff LABEL`: what differs in keys, and in what came of them."""

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
from .why import asked, memory, parts

if TYPE_CHECKING:
    from ...explain.why import KeyChange
    from ...store.disk import DiskStore
    from ...types.digest import Digest

_KEY = re.compile(r"[0-9a-f]{6,64}(/\d+)?\Z")


def arguments(parser: ArgumentParser) -> None:
    """The words and options of the verb."""
    parser.add_argument(
        "what",
        nargs="+",
        metavar="LABEL | KEY KEY",
        help="a target, whose actions are compared with "
        "what they were before; or two keys, of which the first 6 digits or more will do",
    )
    parser.epilog = (
        "keys stand in `buildgraph why LABEL --json` and in the events of `buildgraph build --json`"
    )


def run(options: Namespace) -> int:
    """Print what differs."""
    reasons = (
        _of_label(options.what[0]) if len(options.what) == 1 else [_of_keys(*_two(options.what))]
    )
    if options.json:
        print_document({"differences": [asdict(reason) for reason in reasons]})
    else:
        print("\n".join(line for reason in reasons for line in _told(reason)))
    return OK


def _two(words: list[str]) -> tuple[str, str]:
    wrong = next((word for word in words if not _KEY.match(word)), None)
    if len(words) != 2 or wrong:
        what = f"{wrong!r} is no key" if wrong else f"two keys are compared, not {len(words)}"
        raise BuildError(
            what,
            reason="usage",
            fix="`buildgraph diff //package:target`, or two keys of 6 hex digits or more",
        )
    return words[0], words[1]


def _of_label(word: str) -> list[KeyChange]:
    here = Invocation.find()
    label = here.label(word)
    found = [reason for reason in asked(here, label, False) if reason.state != "first"]
    if not found:
        raise BuildError(
            f"no action of {label} was ever another in this workspace",
            reason="usage",
            fix="two builds that differ are needed",
        )
    return found


def _of_keys(before: str, after: str) -> KeyChange:
    from ...explain.diff import diff_keys
    from ...explain.why import KeyChange

    store = memory()
    pair = _key(store, before), _key(store, after)
    found = diff_keys(store, *pair)
    names = (str(pair[0]), str(pair[1]))
    if found is None:
        return KeyChange("", "", "forgotten", keys=names)
    return KeyChange("", "", "changed", found.parts, found.outputs, names)


def _key(store: DiskStore, word: str) -> Digest:
    """The one key of the store that begins so."""
    name = word.partition("/")[0]
    folder = os.path.dirname(store.record_path(_whole(name)))
    names = (
        sorted(one for one in os.listdir(folder) if one.startswith(name))
        if os.path.isdir(folder)
        else []
    )
    if len(names) != 1:
        if names:
            raise BuildError(
                f"{word} begins {len(names)} keys", reason="usage", fix="write more of it"
            )
        raise BuildError(
            f"the cache holds no key {word}",
            reason="usage",
            fix="it was never made here, or is gone",
        )
    found = store.read_record_file(os.path.join(folder, names[0]))
    if found is None:
        raise BuildError(
            f"the record of {word} is damaged", reason="broken", fix="build what makes it again"
        )
    return found[0]


def _whole(name: str) -> Digest:
    from ...types.digest import Digest

    return Digest(name.ljust(64, "0"), 0)


def _told(reason: KeyChange) -> Iterator[str]:
    from ...ui.format import strip_controls

    before, after = (key[:12] for key in reason.keys)
    yield (
        f"{reason.label}: {strip_controls(reason.title)}  {before} -> {after}"
        if reason.label
        else f"key {before} -> {after}"
    )
    if reason.state == "forgotten":
        yield "  the cache no longer holds one of the two"
        return
    yield from parts(reason.parts) if reason.parts else iter(["  the keys are equal"])
    if reason.outputs is None:
        yield "  the cache no longer holds one of the results"
    elif reason.outputs:
        yield " what came of it:"
        yield from parts(reason.outputs)
    else:
        yield "  the outputs are equal"
