"""`buildgraph log LABEL`: what the actions of a target printed when they ran, whether they ran now or long ago."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Literal

from ...types.digest import Digest
from ...types.errors import OK, BuildError
from ...ui.json_document import print_document
from ..invocation import Invocation

_LINE = 1 << 16  # characters of a line that are printed


@dataclass(frozen=True, slots=True)
class Printed:
    """What one action printed, stdout and stderr in one; "forgotten" when the cache does not hold its result any more."""

    label: str
    title: str
    state: Literal["passed", "failed", "forgotten"]
    log: str


def arguments(parser: ArgumentParser) -> None:
    """The words and options of the verb."""
    parser.add_argument("label", metavar="LABEL", help="the target whose actions are meant")
    parser.epilog = (
        "the cache keeps what an action printed with its result, so the log of an action that did not run again is "
        "there as well; of an action that failed in the last build, the log of that failure"
    )


def run(options: Namespace) -> int:
    """Print the logs, action by action."""
    here = Invocation.find()
    label = str(here.label(options.label))
    found = logs(here.root, label)
    if not found:
        raise BuildError(
            f"no action of {label} has been done in this workspace",
            reason="usage",
            fix=f"`buildgraph build {label}` first; a target of other targets has no actions of its own",
        )
    if options.json:
        print_document({"logs": [asdict(one) for one in found]})
    else:
        print("\n".join(line for one in found for line in lines(one)))
    return OK


def logs(root: str, label: str) -> list[Printed]:
    """What each action of a target printed, in the order of their titles."""
    from ...state.key_history import KeyRecorder
    from .why import memory

    store, failed = memory(), _failed(root, label)
    found: dict[str, Printed] = {}
    for name, keys in sorted(KeyRecorder(root).keys().items()):
        owner, count, title = name.split(" ", 2)
        if owner != label:
            continue
        title = title if count == "1" or title.endswith(f"({count})") else f"{title} ({count})"
        result = store.recall(Digest.parse(keys[0]))
        text = (
            _text(store.read(result.log)) if result is not None and store.has(result.log) else None
        )
        found[title] = Printed(label, title, "forgotten" if text is None else "passed", text or "")
    return sorted((found | failed).values(), key=lambda one: one.title)


def _failed(root: str, label: str) -> dict[str, Printed]:
    """The actions of a target that failed in the last build."""
    from ...ui.event_log import read_log

    try:
        records = read_log(root)
    except BuildError:
        return {}
    found: dict[str, Printed] = {}
    title = ""
    for event in (event for _, event in records if event.get("label") == label):
        if event.get("event") == "failed":
            title = str(event["title"])
            found[title] = Printed(label, title, "failed", str(event["log"]))
        elif event.get("event") == "fault" and title:  # what that action refused
            found[title] = replace(found[title], log=f"{found[title].log}error: {event['what']}\n")
    return found


def _text(log: bytes) -> str:
    return log.decode("utf-8", "replace")


def lines(one: Printed) -> Iterator[str]:
    """A log as lines of text, without what would steer a terminal."""
    from ...ui.format import strip_controls

    ended = {
        "passed": "",
        "failed": ": failed",
        "forgotten": ": the cache no longer holds its result",
    }[one.state]
    text = one.log.rstrip("\n")
    yield f"{one.label}: {strip_controls(one.title)}{ended}" + (
        ": it printed nothing" if not ended and not text else ""
    )
    yield from (f"   | {strip_controls(line, _LINE)}".rstrip() for line in text.split("\n") if text)
