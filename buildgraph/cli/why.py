"""`buildgraph why LABEL`: what changed in the keys of a target's actions since they had others."""
from __future__ import annotations

import json
import os
import re
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from ..errors import OK, BuildError
from ..label import Label
from .here import Here

if TYPE_CHECKING:
    from ..why import Parts, Reason

_LONG = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")
_SAID = {"first": "it had no other key here before", "forgotten": "the cache no longer holds what it was before"}


def arguments(parser: ArgumentParser) -> None:
    """The words and options of the verb."""
    parser.add_argument("label", metavar="LABEL", help="the target to explain")
    parser.add_argument("--deps", action="store_true", help="explain all that it depends on as well")


def run(options: Namespace) -> int:
    """Print the parts that changed, action by action."""
    from ..why import why
    here = Here.find()
    label = here.label(options.label)
    labels = _with_deps(here, label) if options.deps else [label]
    history, parts = _remembered(here)
    reasons = [reason for each in labels for reason in why(history, str(each), parts)]
    if not reasons:
        raise BuildError(f"no action of {label} has been done in this workspace", reason="usage",
                         fix=f"`buildgraph build {label}` first; if it only stands for others, --deps looks at them")
    if options.json:
        print(json.dumps({"reasons": [asdict(reason) for reason in reasons]}))
    else:
        print("\n".join(line for reason in reasons for line in told(reason)))
    return OK


def told(reason: Reason) -> Iterator[str]:
    """A reason as lines: the action, then each part of its key that differs."""
    from ..ui.words import clean
    yield f"{reason.label}: {clean(reason.title)}" + (f": {_SAID[reason.state]}" if reason.state in _SAID else "")
    wide = max((len(part) for part, _, _ in reason.parts), default=0)
    for part, before, after in reason.parts:
        yield clean(f"  {part:<{wide}}  {_short(before)} -> {_short(after)}")


def _short(value: str) -> str:
    return _LONG.sub(r"\1", value) or "nothing"


def _with_deps(here: Here, label: Label) -> list[Label]:
    from .query import answer
    return [label, *(found for found in answer(here, "deps", [str(label)]).labels if found != label)]


def _remembered(here: Here) -> tuple[dict[str, list[str]], Parts]:
    from ..store.disk import DiskStore
    from ..store.place import default_root
    from ..why import History
    return History(here.root).keys(), DiskStore(default_root(os.environ)).parts
