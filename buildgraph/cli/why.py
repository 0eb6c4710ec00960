"""`buildgraph why LABEL`: what changed in the keys of a target's actions since they had others."""
from __future__ import annotations

import os
import re
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from ..errors import OK, BuildError
from ..ui.json_document import print_document
from .here import Here

if TYPE_CHECKING:
    from ..analysis import Analysis
    from ..diff import Part
    from ..label import Label
    from ..store.disk import DiskStore
    from ..why import Reason

_LONG = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")
_SAID = {"first": "it had no other key here before", "forgotten": "the cache no longer holds what it was before"}


def arguments(parser: ArgumentParser) -> None:
    """The words and options of the verb."""
    parser.add_argument("label", metavar="LABEL", help="the target to explain")
    parser.add_argument("--deps", action="store_true", help="explain all that it depends on as well")


def run(options: Namespace) -> int:
    """Print the parts that changed, action by action."""
    here = Here.find()
    label = here.label(options.label)
    reasons = asked(here, label, options.deps)
    if not reasons:
        raise BuildError(f"no action of {label} has been done in this workspace", reason="usage",
                         fix=f"`buildgraph build {label}` first; if it only stands for others, --deps looks at them")
    if options.json:
        print_document({"reasons": [asdict(reason) for reason in reasons]})
    else:
        print("\n".join(line for reason in reasons for line in told(reason)))
    return OK


def asked(here: Here, label: Label, deps: bool) -> list[Reason]:
    """The reasons of a target, and of all that it depends on when `deps`."""
    from ..history import History
    from ..why import declared, why
    analysis = _analysis(here, label, deps)
    labels = [label, *(one for one in analysis.order[::-1] if one != label)] if analysis and deps else [label]
    history, store = History(here.root).keys(), memory()
    return [reason for each in labels
            for reason in why(history, str(each), store, declared(analysis, each) if analysis else None)]


def memory() -> DiskStore:
    """The user's store."""
    from ..store.disk import DiskStore
    from ..store.place import default_root
    return DiskStore(default_root(os.environ))


def _analysis(here: Here, label: Label, needed: bool) -> Analysis | None:
    """The target as it stands now; a workspace with faults still has a past."""
    from ..loading import load
    try:
        return load(here.root, (str(label),)).analysis
    except BuildError as fault:
        if needed or fault.what == f"no target {label}":
            raise
        return None


def told(reason: Reason) -> Iterator[str]:
    """A reason as lines: the action, each part of its key that differs, and what came of it."""
    from ..ui.words import clean, plural
    yield f"{reason.label}: {clean(reason.title)}" + (f": {_SAID[reason.state]}" if reason.state in _SAID else "")
    yield from parts(reason.parts)
    if reason.outputs == ():
        yield "  its outputs came out equal: nothing behind it had to run"
    elif reason.outputs and not any(part.first for part in reason.parts):
        shown = next((part for part in reason.outputs if part.first), reason.outputs[0])
        more = f" (and {plural(len(reason.outputs) - 1, 'more file')})" if len(reason.outputs) > 1 else ""
        yield clean(f"  so its output {shown.name} differs{': ' * bool(shown.first)}{shown.first}{more}")


def parts(found: Sequence[Part]) -> Iterator[str]:
    """Lines for things that differ: what it was and is, whence it comes, where it differs first."""
    from ..ui.words import clean
    wide = max((len(part.name) for part in found), default=0)
    for part in found:
        yield clean(f"  {part.name:<{wide}}  {_short(part.before)} -> {_short(part.after)}")
        yield from (clean(f"    {line}") for line in (part.origin, part.first) if line)


def _short(value: str) -> str:
    return _LONG.sub(r"\1", value) or "nothing"
