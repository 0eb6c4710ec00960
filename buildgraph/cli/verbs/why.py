"""`buildgraph why LABEL`: explain why the actions of a target ran again."""

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

_DIGEST = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")
_STATES = {
    "first": "it had no other key in this workspace",
    "forgotten": "the cache no longer has its earlier key",
}
_MAX_CAUSES = 3  # printed without --all
_EPILOG = """\
The first lines name what changed, and the number of actions that ran again because of it. The
lines after them are the chain of actions from the change to the target.

  buildgraph why //exports:jetson
  buildgraph why //exports:jetson --all       also the changed key parts of each action"""


def arguments(parser: ArgumentParser) -> None:
    """Declare the arguments and options."""
    parser.epilog = _EPILOG
    parser.add_argument("label", nargs="?", default="", metavar="LABEL", help="target to explain")
    parser.add_argument(
        "--all",
        action="store_true",
        help="also print every cause, and the changes of each action",
    )
    parser.add_argument(
        "--deps", action="store_true", help="also print the last change of each dependency"
    )
    parser.add_argument(
        "--against",
        default="",
        metavar="RUN",
        help="compare the last run with another one, of LABEL and its dependencies or of all: "
        "a number, or a copy of another machine's .buildgraph/runs.log",
    )
    parser.add_argument("--runs", action="store_true", help="list the runs of this workspace")


def run(options: Namespace) -> int:
    """Print the causes, the chain and, with `--all`, the changed parts of each action's key."""
    invocation = Invocation.find()
    if options.runs:
        from ..run_logs import print_runs

        print_runs(invocation.root, options.json)
        return OK
    label = invocation.label(options.label) if options.label else None
    if options.against:
        from ..run_logs import print_comparison

        labels = _with_dependencies(invocation, label) if label else None
        print_comparison(invocation.root, options.against, labels, options)
        return OK
    if label is None:
        raise BuildError(
            "no target is named",
            fix="name a target, or compare runs with --against RUN",
            reason="usage",
        )
    explanation = explain_label(invocation, label, options.deps)
    if options.json:
        print_document(asdict(explanation))
    else:
        print("\n".join(format_explanation(explanation, options.all, options.deps)))
    return OK


def explain_label(invocation: Invocation, label: Label, deps: bool) -> Explanation:
    """Explain why a target ran; BuildError if none of its actions has run in this workspace."""
    from ...explain.key_rows import KeyHistory
    from ...explain.root_cause import Explanation, explain_target
    from ...state.key_history import KeyRecorder

    analyzed = _analyze(invocation, label, deps)
    analysis = analyzed[1] if analyzed else None
    store, rows = open_store(), KeyRecorder(invocation.root).rows()
    history = KeyHistory(rows, store, analysis)
    members = _members(label, analysis, history)
    explanation = explain_target(history, str(label), members, _last_run_keys(invocation.root))
    changes = tuple(key_changes(invocation, label, True, analysis)) if deps else ()
    if explanation is None and not changes:
        raise BuildError(
            f"no action of {label} has run in this workspace",
            reason="usage",
            fix=f"run `buildgraph build {label}` first; "
            "if the target has no actions of its own, --deps explains its dependencies",
        )
    explanation = explanation or Explanation(str(label), "first")
    if analyzed:
        from ...explain.value_origins import name_origins

        causes = [name for cause in explanation.causes for name in name_origins(cause, *analyzed)]
        unique = {(cause.kind, cause.what, cause.file): cause for cause in causes}
        explanation = replace(explanation, causes=tuple(unique.values()))
    return replace(explanation, reasons=changes) if deps else explanation


def _with_dependencies(invocation: Invocation, label: Label) -> set[str]:
    analyzed = _analyze(invocation, label, True)
    return {str(dep) for dep in analyzed[1].order} if analyzed else {str(label)}


def _members(label: Label, analysis: Analysis | None, history: KeyHistory) -> list[str]:
    """Return the target or, if it is a group, the nearest dependencies that have actions."""
    seen, level = {label}, [label]
    while level and analysis and not any(history.rows_of(str(member)) for member in level):
        level = [
            dep for member in level for dep in analysis.deps.get(member, ()) if dep not in seen
        ]
        seen.update(level)
        if label in analysis.providers and list(analysis.providers[label].outputs()):
            break  # a target with outputs of its own is no group: it was not built yet
    return [str(member) for member in level] or [str(label)]


def _last_run_keys(root: str) -> set[str]:
    """Read the keys of the actions that ran in the last build."""
    from ...ui.event_log import log_path

    path = log_path(root, 0)
    try:
        with open(path, encoding="utf-8", errors="replace", opener=_open_nonblocking) as file:
            events = [json.loads(line) for line in file if '"done"' in line]
        return {
            event["key"] for event in events if event["event"] == "done" and event["how"] == "ran"
        }
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _open_nonblocking(path: str, flags: int) -> int:
    """Open a file; if it is a pipe, do not wait for a writer."""
    return os.open(path, flags | os.O_NONBLOCK)


def key_changes(
    invocation: Invocation, label: Label, deps: bool, analysis: Analysis | None = None
) -> list[KeyChange]:
    """Return the last key changes of a target's actions and, if `deps`, of all its dependencies."""
    from ...explain.why import declared_actions, why
    from ...state.key_history import KeyRecorder

    if analysis is None:
        analyzed = _analyze(invocation, label, deps)
        analysis = analyzed[1] if analyzed else None
    labels = [label]
    if analysis and deps:
        labels += [dep for dep in analysis.order[::-1] if dep != label]
    history, store = KeyRecorder(invocation.root).keys(), open_store()
    return [
        change
        for owner in labels
        for change in why(
            history, str(owner), store, declared_actions(analysis, owner) if analysis else None
        )
    ]


def open_store() -> DiskStore:
    """Open the user's store."""
    from ...store.cache_dir import default_root
    from ...store.disk import DiskStore

    return DiskStore(default_root(os.environ))


def _analyze(
    invocation: Invocation, label: Label, required: bool
) -> tuple[Workspace, Analysis] | None:
    """Analyse the target as it is declared now.

    None if the workspace has errors and the analysis is not `required`: the history of the target
    can be explained without it.
    """
    from ...analysis.analysis import analyse
    from ...analysis.builtin_rules import builtin_rules
    from ...workspace.workspace import Workspace

    try:
        workspace = Workspace(invocation.root)
        return workspace, analyse(workspace, workspace.targets((str(label),)), builtin_rules())
    except BuildError as error:
        if required or error.what == f"no target {label}":
            raise
        return None


def format_explanation(explanation: Explanation, show_all: bool, deps: bool) -> Iterator[str]:
    """Yield lines: causes, number of actions that ran again, chain and, on request, each action."""
    from ...ui.format import plural, strip_controls

    label = explanation.label
    match explanation.state:
        case "first":
            yield (
                f"nothing changed: the actions of {label} have the same keys "
                "as when they first ran here"
            )
        case "forgotten":
            yield f"{label} changed, but the cache no longer has its earlier keys"
            yield "changes from now on can be explained"
        case "rerun":
            titles = ", ".join(link.title for link in explanation.chain)
            yield "nothing changed, but results were missing from the cache"
            yield f"{plural(explanation.followed, 'action')} ran again: {strip_controls(titles)}"
        case "changed":
            yield from _format_causes(explanation, show_all)
            yield from _format_chain(explanation)
    if show_all or deps:
        yield from (line for change in explanation.reasons for line in format_key_change(change))


def _format_causes(explanation: Explanation, show_all: bool) -> Iterator[str]:
    from ...ui.format import plural, strip_controls

    causes = explanation.causes if show_all else explanation.causes[:_MAX_CAUSES]
    yield from (strip_controls(format_cause(cause)) for cause in causes)
    hidden = len(explanation.causes) - len(causes)
    more = f"   (and {plural(hidden, 'more cause')}: --all shows them)" if hidden else ""
    yield f"{plural(explanation.followed, 'action')} ran again{more}"
    if explanation.reasons and all(change.outputs == () for change in explanation.reasons):
        yield "outputs unchanged: no action that depends on them ran again"


def _format_chain(explanation: Explanation) -> Iterator[str]:
    from ...ui.format import strip_controls

    producer = ""
    for link in explanation.chain:
        source = f" from {producer}" if producer else ""
        reads = f": reads {link.takes}{source}" if link.takes else ""
        yield strip_controls(f"  {link.label}: {link.title}{reads}")
        producer = link.label


def format_cause(cause: Cause) -> str:
    """Format a cause as one line."""
    state = {"added": "was added", "removed": "was removed", "changed": "changed"}[cause.change]
    detail = f": {cause.detail}" if cause.detail else ""
    match cause.kind:
        case "value":
            before, after = cause.before or "nothing", cause.after or "nothing"
            return f"{cause.file or cause.label}: {cause.what} {before} -> {after}"
        case "tool":
            return f"{cause.what} of buildgraph {state}{detail}"
        case "program" | "distribution":
            return f"the {cause.kind} {cause.what} {state}{_format_versions(cause)}"
        case "engine":
            return f"buildgraph {state}: key format {cause.before} -> {cause.after}"
    return f"{cause.what} {state}{detail}"


def _format_versions(cause: Cause) -> str:
    """Format the versions of a tool before and after; its digests if the versions are equal."""
    before, after = (value.partition(" ")[0] for value in (cause.before, cause.after))
    if not before or not after:
        return ""
    if before != after:
        return f": {before} -> {after}"
    return f" in place: {_shorten(cause.before)} -> {_shorten(cause.after)}"


def format_key_change(change: KeyChange) -> Iterator[str]:
    """Yield lines: the action, each changed part of its key, and the effect on its outputs."""
    from ...ui.format import plural, strip_controls

    state = f": {_STATES[change.state]}" if change.state in _STATES else ""
    yield f"{change.label}: {strip_controls(change.title)}{state}"
    yield from format_parts(change.parts)
    if change.outputs == ():
        yield "  outputs unchanged: no action that depends on them ran again"
    elif change.outputs and not any(part.first for part in change.parts):
        output = next((part for part in change.outputs if part.first), change.outputs[0])
        count = len(change.outputs) - 1
        more = f" (and {plural(count, 'more file')})" if count else ""
        first = f": {output.first}" if output.first else ""
        yield strip_controls(f"  output {output.name} differs{first}{more}")


def format_parts(parts: Sequence[ChangedPart]) -> Iterator[str]:
    """Yield lines for changed parts: values before and after, origin, and first difference."""
    from ...ui.format import strip_controls

    width = max((len(part.name) for part in parts), default=0)
    for part in parts:
        before, after = _shorten(part.before), _shorten(part.after)
        yield strip_controls(f"  {part.name:<{width}}  {before} -> {after}")
        yield from (strip_controls(f"    {line}") for line in (part.origin, part.first) if line)


def _shorten(value: str) -> str:
    return _DIGEST.sub(r"\1", value) or "nothing"
