"""`buildgraph why LABEL`: what made a target's actions run again, from what changed first to the target."""

from __future__ import annotations

import json
import os
import re
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from ...types.errors import OK, BuildError
from ...ui.json_document import print_document
from ..invocation import Invocation

if TYPE_CHECKING:
    from ...analysis.analysis import Analysis
    from ...explain.cause import Cause
    from ...explain.diff import ChangedPart
    from ...explain.key_rows import KeyHistory
    from ...explain.root_cause import Explanation
    from ...explain.why import KeyChange
    from ...store.disk import DiskStore
    from ...types.label import Label
    from ...workspace.workspace import Workspace

_LONG = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")
_SAID = {
    "first": "it had no other key here before",
    "forgotten": "the cache no longer holds what it was before",
}
_SHOWN = 3
_MORE = """\
Two lines name what changed and how many actions ran because of it; the chain of actions from there to the target follows.

  buildgraph why //exports:jetson
  buildgraph why //exports:jetson --all       every action, with each part of its key that changed"""


def arguments(parser: ArgumentParser) -> None:
    """The words and options of the verb."""
    parser.epilog = _MORE
    parser.add_argument("label", metavar="LABEL", help="the target to explain")
    parser.add_argument(
        "--all",
        action="store_true",
        help="also show every cause, and each action with what changed for it",
    )
    parser.add_argument(
        "--deps", action="store_true", help="also show the last change of all that it depends on"
    )


def run(options: Namespace) -> int:
    """Print the cause, the chain, and with --all the parts that changed, action by action."""
    here = Invocation.find()
    label = here.label(options.label)
    found = explained(here, label, options.deps)
    if options.json:
        print_document(asdict(found))
    else:
        print("\n".join(lines(found, options.all, options.deps)))
    return OK


def explained(here: Invocation, label: Label, deps: bool) -> Explanation:
    """Why a target ran; BuildError when nothing of it was ever built here."""
    from ...explain.key_rows import KeyHistory
    from ...explain.root_cause import Explanation, explain_target
    from ...state.key_history import KeyRecorder

    loaded = _loaded(here, label, deps)
    analysis = loaded[1] if loaded else None
    store, rows = memory(), KeyRecorder(here.root).rows()
    past = KeyHistory(rows, store, analysis)
    found = explain_target(past, str(label), _members(label, analysis, past), _ran(here.root))
    reasons = tuple(asked(here, label, True, analysis)) if deps else ()
    if found is None and not reasons:
        raise BuildError(
            f"no action of {label} has been done in this workspace",
            reason="usage",
            fix=f"`buildgraph build {label}` first; if it has no actions of its own, --deps looks at those it needs",
        )
    found = found or Explanation(str(label), "first")
    if loaded:
        from ...explain.value_origins import name_origins

        causes = [name for cause in found.causes for name in name_origins(cause, *loaded)]
        found = replace(
            found, causes=tuple({(one.kind, one.what, one.file): one for one in causes}.values())
        )
    return replace(found, reasons=reasons) if deps else found


def _members(label: Label, analysis: Analysis | None, past: KeyHistory) -> list[str]:
    """The target, or where it only stands for others (a group) those: the first that have actions."""
    seen, level = {label}, [label]
    while level and analysis and not any(past.rows_of(str(one)) for one in level):
        level = [dep for one in level for dep in analysis.deps.get(one, ()) if dep not in seen]
        seen.update(level)
        if label in analysis.providers and list(analysis.providers[label].outputs()):
            break  # what has outputs of its own has been built, or has not
    return [str(one) for one in level] or [str(label)]


def _ran(root: str) -> set[str]:
    """The keys that ran in the last build of the workspace."""
    from ...ui.event_log import log_path

    try:
        with open(log_path(root, 0), encoding="utf-8", errors="replace", opener=_at_once) as file:
            events = [json.loads(line) for line in file if '"done"' in line]
        return {
            event["key"] for event in events if event["event"] == "done" and event["how"] == "ran"
        }
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _at_once(path: str, flags: int) -> int:
    """Open what may be a pipe, without waiting for its other end."""
    return os.open(path, flags | os.O_NONBLOCK)


def asked(
    here: Invocation, label: Label, deps: bool, analysis: Analysis | None = None
) -> list[KeyChange]:
    """The reasons of a target, and of all that it depends on when `deps`."""
    from ...explain.why import declared_actions, why
    from ...state.key_history import KeyRecorder

    if analysis is None:
        loaded = _loaded(here, label, deps)
        analysis = loaded[1] if loaded else None
    labels = (
        [label, *(one for one in analysis.order[::-1] if one != label)]
        if analysis and deps
        else [label]
    )
    history, store = KeyRecorder(here.root).keys(), memory()
    return [
        reason
        for each in labels
        for reason in why(
            history, str(each), store, declared_actions(analysis, each) if analysis else None
        )
    ]


def memory() -> DiskStore:
    """The user's store."""
    from ...store.cache_dir import default_root
    from ...store.disk import DiskStore

    return DiskStore(default_root(os.environ))


def _loaded(here: Invocation, label: Label, needed: bool) -> tuple[Workspace, Analysis] | None:
    """The target as it is now; a workspace with faults still has a past."""
    from ...analysis.analysis import analyse
    from ...analysis.builtin_rules import builtin_rules
    from ...workspace.workspace import Workspace

    try:
        workspace = Workspace(here.root)
        return workspace, analyse(workspace, workspace.targets((str(label),)), builtin_rules())
    except BuildError as fault:
        if needed or fault.what == f"no target {label}":
            raise
        return None


def lines(found: Explanation, every: bool, deps: bool) -> Iterator[str]:
    """An explanation as lines: the causes, how much followed, the chain, and the actions when they are asked for."""
    from ...ui.format import plural, strip_controls

    match found.state:
        case "first":
            yield f"nothing changed: the actions of {found.label} have had one key each since they first ran here"
        case "forgotten":
            yield f"{found.label} changed, but {_SAID['forgotten']}"
            yield "what changes from now on can be explained"
        case "rerun":
            yield "nothing changed, but results were gone from the cache"
            yield f"{plural(found.followed, 'action')} ran again: {strip_controls(', '.join(link.title for link in found.chain))}"
        case "changed":
            shown = found.causes if every else found.causes[:_SHOWN]
            yield from (strip_controls(described(cause)) for cause in shown)
            more = len(found.causes) - len(shown)
            also = f"   (and {plural(more, 'more cause')}: --all shows them)" if more else ""
            yield f"{plural(found.followed, 'action')} followed{also}"
            if found.reasons and all(reason.outputs == () for reason in found.reasons):
                yield "the outputs came out equal, so nothing that needs them had to run"
            yield from _chain(found)
    if every or deps:
        yield from (line for reason in found.reasons for line in told(reason))


def _chain(found: Explanation) -> Iterator[str]:
    from ...ui.format import strip_controls

    for number, link in enumerate(found.chain):
        whose = f" of {found.chain[number - 1].label}" if number else ""
        takes = f": {'takes' if number else 'reads'} {link.takes}{whose}" if link.takes else ""
        yield strip_controls(f"  {link.label}: {link.title}{takes}")


def described(cause: Cause) -> str:
    """A cause as one line."""
    state = {"added": "was added", "removed": "was removed", "changed": "changed"}[cause.change]
    detail = f": {cause.detail}" if cause.detail else ""
    match cause.kind:
        case "value":
            return f"{cause.file or cause.label}: {cause.what} {cause.before or 'nothing'} -> {cause.after or 'nothing'}"
        case "tool":
            return f"{cause.what} of buildgraph {state}{detail}"
        case "program" | "distribution":
            return f"the {cause.kind} {cause.what} {state}{_versions(cause)}"
        case "engine":
            return f"buildgraph itself {state}: keys of {cause.before} -> {cause.after}"
    return f"{cause.what} {state}{detail}"


def _versions(cause: Cause) -> str:
    """What a tool was and is: its versions, or its content where they are equal."""
    pair = [value.partition(" ")[0] for value in (cause.before, cause.after)]
    if not all(pair):
        return ""
    return (
        f": {pair[0]} -> {pair[1]}"
        if pair[0] != pair[1]
        else f" in place: {_short(cause.before)} -> {_short(cause.after)}"
    )


def told(reason: KeyChange) -> Iterator[str]:
    """A reason as lines: the action, each part of its key that differs, and what came of it."""
    from ...ui.format import plural, strip_controls

    yield f"{reason.label}: {strip_controls(reason.title)}" + (
        f": {_SAID[reason.state]}" if reason.state in _SAID else ""
    )
    yield from parts(reason.parts)
    if reason.outputs == ():
        yield "  its outputs came out equal: nothing behind it had to run"
    elif reason.outputs and not any(part.first for part in reason.parts):
        shown = next((part for part in reason.outputs if part.first), reason.outputs[0])
        more = (
            f" (and {plural(len(reason.outputs) - 1, 'more file')})"
            if len(reason.outputs) > 1
            else ""
        )
        yield strip_controls(
            f"  so its output {shown.name} differs{': ' * bool(shown.first)}{shown.first}{more}"
        )


def parts(found: Sequence[ChangedPart]) -> Iterator[str]:
    """Lines for things that differ: what it was and is, whence it comes, where it differs first."""
    from ...ui.format import strip_controls

    wide = max((len(part.name) for part in found), default=0)
    for part in found:
        yield strip_controls(
            f"  {part.name:<{wide}}  {_short(part.before)} -> {_short(part.after)}"
        )
        yield from (strip_controls(f"    {line}") for line in (part.origin, part.first) if line)


def _short(value: str) -> str:
    return _LONG.sub(r"\1", value) or "nothing"
