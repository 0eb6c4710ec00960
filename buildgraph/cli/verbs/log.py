"""`buildgraph log LABEL`: print the output of a target's actions, cached ones included."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Literal

from ...types.digest import Digest
from ...types.errors import OK, BuildError
from ...ui.json_document import print_document
from ..invocation import Invocation

_MAX_LINE = 1 << 16  # characters of a line that are printed


@dataclass(frozen=True, slots=True)
class ActionLog:
    """The stdout and stderr of one action, in one text.

    `state` is "forgotten" if the cache does not have the result of the action any more.
    """

    label: str
    title: str
    state: Literal["passed", "failed", "forgotten"]
    log: str


def arguments(parser: ArgumentParser) -> None:
    """Declare the arguments and options."""
    parser.add_argument("label", metavar="LABEL", help="target whose actions' output is printed")
    parser.epilog = """\
The cache keeps the output of an action with its result, so the output of an action that hit the
cache is printed as well. For an action that failed in the last build, the output of the failed run
is printed."""


def run(options: Namespace) -> int:
    """Print the logs, action by action."""
    invocation = Invocation.find()
    label = str(invocation.label(options.label))
    logs = read_logs(invocation.root, label)
    if not logs:
        raise BuildError(
            f"no action of {label} has run in this workspace",
            reason="usage",
            fix=f"run `buildgraph build {label}` first; "
            "a target that only groups other targets has no actions",
        )
    if options.json:
        print_document({"logs": [asdict(log) for log in logs]})
    else:
        print("\n".join(line for log in logs for line in format_log(log)))
    return OK


def read_logs(root: str, label: str) -> list[ActionLog]:
    """Read the logs of a target's actions, sorted by title."""
    from ...state.key_history import KeyRecorder
    from .why import open_store

    store, logs = open_store(), dict[str, ActionLog]()
    for name, keys in sorted(KeyRecorder(root).keys().items()):
        owner, count, title = name.split(" ", 2)
        if owner != label:
            continue
        title = title if count == "1" or title.endswith(f"({count})") else f"{title} ({count})"
        result = store.recall(Digest.parse(keys[0]))
        if result is not None and store.has(result.log):
            text = store.read(result.log).decode("utf-8", "replace")
            logs[title] = ActionLog(label, title, "passed", text)
        else:
            logs[title] = ActionLog(label, title, "forgotten", "")
    logs |= _failed_actions(root, label)
    return sorted(logs.values(), key=lambda log: log.title)


def _failed_actions(root: str, label: str) -> dict[str, ActionLog]:
    """Read the logs of a target's actions that failed in the last build, by title."""
    from ...ui.event_log import read_log

    try:
        records = read_log(root)
    except BuildError:
        return {}
    logs: dict[str, ActionLog] = {}
    title = ""
    for event in (event for _, event in records if event.get("label") == label):
        if event.get("event") == "failed":
            title = str(event["title"])
            logs[title] = ActionLog(label, title, "failed", str(event["log"]))
        elif event.get("event") == "fault" and title:  # an error that this action reported
            logs[title] = replace(logs[title], log=f"{logs[title].log}error: {event['what']}\n")
    return logs


def format_log(log: ActionLog) -> Iterator[str]:
    """Yield the lines of a log without control characters."""
    from ...ui.format import strip_controls

    text = log.log.rstrip("\n")
    match log.state:
        case "failed":
            state = ": failed"
        case "forgotten":
            state = ": the cache no longer has its result"
        case "passed":
            state = "" if text else ": it printed nothing"
    yield f"{log.label}: {strip_controls(log.title)}{state}"
    if text:
        for line in text.split("\n"):
            yield f"   | {strip_controls(line, _MAX_LINE)}".rstrip()
