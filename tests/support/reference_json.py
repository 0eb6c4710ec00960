"""The pages `reference/events.md` and `reference/errors.md`, from the classes and reasons."""

from __future__ import annotations

import inspect
import typing
from typing import Any

from buildgraph.types import events
from buildgraph.types.digest import Digest
from buildgraph.types.errors import REASONS
from buildgraph.ui.json_document import SCHEMA
from buildgraph.ui.json_lines import JsonLines, encode
from tests.support.markdown import block, code, page, table

_DIGEST = "text `<hash>/<size>`: SHA-256 and bytes"
_TYPES = {
    "str": "text",
    "int": "whole number",
    "bool": "true or false",
    "Digest": _DIGEST,
    "tuple[str, ...]": "list of text",
    "tuple[int, ...]": "list of whole numbers",
    "dict[str, str | int] | None": "object or null",
    "dict[str, Any] | None": "object or null",
}
_LABEL, _TITLE = (
    "the label of the target",
    "the title of the action; titles of one target may repeat",
)
_NUMBER = "the number of the action in this build, from 0"
_LONG = "the whole log of the action"
# (meaning of the event, fields with their meanings), by the name of the event in JSON.
EVENTS: dict[str, tuple[str, dict[str, str]]] = {
    "planned": (
        "The analysis is complete. This is the first event of a build.",
        {
            "labels": "the targets that were requested",
            "actions": "how many actions the build has at most",
            "gates": "how many gates the build checks",
            "sandbox": "the sandbox that actions run in: `namespaces`, `landlock` or `none`",
            "chains": "by the number of an action, the expected milliseconds of the longest chain "
            "of actions that begins with it; empty when no earlier build is known",
        },
    ),
    "started": (
        "An action began to run, because the cache has no result for its key.",
        {"number": _NUMBER, "label": _LABEL, "title": _TITLE},
    ),
    "done": (
        "The result of an action is known.",
        {
            "number": _NUMBER,
            "label": _LABEL,
            "title": _TITLE,
            "how": '"ran", "hit" (from the cache) or "shared" (an equal action of this build ran)',
            "key": "the key of the result: `<hash>/<size>` of its REAPI `Action`",
            "milliseconds": "how long the action ran, now or when its result was made",
            "place": "the place among the actions of the same label and title, from 1",
        },
    ),
    "failed": (
        "An action did not succeed.",
        {
            "number": _NUMBER,
            "label": _LABEL,
            "title": _TITLE,
            "why": "the cause in one line",
            "log": _LONG,
            "reproducer": "a shell command that runs the action again by hand, or empty",
            "refused": "the action refused its input; events `fault` follow and say what is wrong",
        },
    ),
    "fault": (
        "Something is wrong in what the user wrote. Before a build begins, and in verbs that do "
        "not build, the event has no `label` and no `rendered`.",
        {
            "label": _LABEL,
            "what": "what is wrong",
            "at": "the place: an object with `path`, `line` and `column`, or null",
            "fix": "what to do, or empty",
            "reason": "the [reason](errors.md), for programs",
            "rendered": "the text that is printed for people",
        },
    ),
    "skipped": (
        "An action did not run, because an action before it failed.",
        {
            "number": _NUMBER,
            "label": _LABEL,
            "title": _TITLE,
            "because": "the title of the action that failed",
        },
    ),
    "judged": (
        "A gate was checked.",
        {
            "label": _LABEL,
            "gate": "the name of the gate",
            "verdict": '"passed", "failed" or "not checked"',
            "why": "why the gate failed, or what the machine lacks to check it",
            "evidence": "in builds of `test`: what each check of the gate measured "
            "([evidence](../howto/readiness.md#evidence))",
        },
    ),
    "warned": (
        "Something that the user should know, and that stops nothing.",
        {"text": "the warning"},
    ),
    "built": (
        "A requested output is in the workspace.",
        {
            "label": _LABEL,
            "name": "the name of the output",
            "path": "its path in the workspace, below `out/`",
            "digest": "the digest of its content",
            "bytes": "its size",
            "image": "the digest of the OCI manifest (`sha256:...`) when the output is an image, "
            "else empty",
        },
    ),
    "finished": (
        "The build is over. This is the last event.",
        {
            "code": "the exit code",
            "ran": "how many actions ran",
            "hits": "how many results came from the cache",
            "shared": "how many actions were equal to another of this build",
            "failed": "how many actions failed",
            "skipped": "how many actions did not run because another failed",
            "milliseconds": "how long the build took",
            "unchanged": "nothing had changed since the last build",
            "unlisted": "how many requested targets are unchanged and have no event of their own",
        },
    ),
}


def classes() -> list[type[Any]]:
    """The classes of events, in the order in which they are defined."""
    names = [name.strip() for name in typing.cast(str, _alias("Event")).split("|")]
    return [getattr(events, name) for name in names]


def _alias(name: str) -> object:
    value = getattr(events, name)
    return value if isinstance(value, str) else getattr(value, "__forward_arg__", "")


def name_of(event: type[Any]) -> str:
    """The name of an event in JSON."""
    return str(encode(event(*[None] * len(event.__match_args__)))["event"])


def events_page() -> str:
    """Every event with its fields."""
    return page(
        "Events of `--json`",
        "`build`, `test`, `run` and `load` print one JSON object a line with `--json`. Each has "
        "the name of the event as `event`. The first has `schema` as well, the version of these "
        f"shapes: {SCHEMA}. New events and fields may come at any time. `schema` grows when a "
        "field is renamed or removed, or changes its meaning.",
        block("text", _example()),
        table(
            ("event", "meaning"),
            [
                (f"[`{name_of(event)}`](#{name_of(event)})", EVENTS[name_of(event)][0])
                for event in classes()
            ],
        ),
        *(part for event in classes() for part in _event(event)),
    )


def errors_page() -> str:
    """Every reason with its exit code and meaning."""
    return page(
        "Errors",
        "<!-- workspace: . -->",
        "An error has a message, a place in a file where there is one, help, and a reason. It is "
        "printed to stderr. With `--json` it is also an object on a line of stdout:",
        block(
            "console",
            "$ buildgraph build //exports:jetsn --json   # exits 2\n"
            f'{{"schema": {SCHEMA}, "event": "fault", "what": "no target //exports:jetsn", '
            '"at": null, '
            '"fix": "did you mean \'//exports:jetson\'?", "reason": "missing"}',
        ),
        "Programs should match the `reason`; messages may change. A rule of a workspace may use "
        "reasons of its own; they have exit code 2.",
        table(
            ("reason", "exit code", "meaning"),
            [(code(reason), str(number), text) for reason, (number, text) in REASONS.items()],
        ),
        "When there are several errors, the exit code is that of the first one. "
        "[Verbs](verbs.md#exit-codes) lists all exit codes.",
    )


def _event(event: type[Any]) -> list[str]:
    name = name_of(event)
    meaning, fields = EVENTS[name]
    return [
        f"## {name}",
        meaning,
        table(
            ("field", "type", "meaning"),
            [(code(field), _type(event, field), fields[field]) for field in event.__match_args__],
        ),
    ]


def _type(event: type[Any], field: str) -> str:
    annotation = str(inspect.get_annotations(event)[field])
    return "text" if annotation.startswith("Literal[") else _TYPES[annotation]


def _example() -> str:
    """The events of a build of one target with one action."""
    lines: list[str] = []

    class _Lines:
        def write(self, text: str) -> int:
            lines.append(text)
            return len(text)

        def flush(self) -> None:
            """Nothing waits."""

    label, key = "//docs:page", Digest(f"{'5e' * 32}", 142)
    listener = JsonLines(typing.cast(typing.TextIO, _Lines()))
    for name, values in [
        ("planned", ((label,), 1, 0, "namespaces")),
        ("started", (0, label, "python3")),
        ("done", (0, label, "python3", "ran", str(key), 41)),
        ("built", (label, "page", "out/docs/page/page.html", Digest(f"{'a7' * 32}", 2048), 2048)),
        ("finished", (0, 1, 0, 0, 0, 0, 180)),
    ]:
        listener(next(event for event in classes() if name_of(event) == name)(*values))
    return "".join(lines)
