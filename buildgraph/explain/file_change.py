"""How a file changed, in a line: in the model that was made of it, in its own lines, or in what came of it."""

from __future__ import annotations

import json

from ..store.protocol import Missing
from ..types.result import File, Node, Result
from ..ui.format import plural
from .content_diff import first_difference
from .diff import ChangedPart, ResultSource, files_of, files_of_node
from .model_diff import model_difference

_TEXT = 1 << 20  # bytes of a file up to which its lines are compared
_WIDTH = 60


def detail_of(
    memory: ResultSource,
    nodes: tuple[Node | None, Node | None],
    part: ChangedPart,
    results: tuple[Result | None, Result | None],
) -> str:
    """Where a file differs first: in the model that was made of it, in its own lines, or in what came of it."""
    if not (part.before and part.after):
        return ""
    if part.before.removesuffix(" executable") == part.after.removesuffix(" executable"):
        return (
            "it is executable now"
            if part.after.endswith(" executable")
            else "it is not executable any more"
        )
    if results[0] and results[1]:
        said = _of_model(memory, results[0], results[1])
        if said:
            return said
    if isinstance(nodes[0], File) and isinstance(nodes[1], File):
        try:
            found = _lines(memory.read(nodes[0].digest), memory.read(nodes[1].digest))
        except Missing:
            found = ""
        if found:
            return found
    if part.first or not (results[0] and results[1]):
        return part.first
    outputs = files_of(memory, results[0], results[1])
    told = next((one for one in outputs if one.first), None)
    return f"in {told.name} that came of it, {told.first}" if told else ""


def _lines(before: bytes, after: bytes) -> str:
    """The first line that differs; empty where the files are no text of lines."""
    if max(len(before), len(after)) > _TEXT:
        return ""
    if b"\0" in before or b"\0" in after or (_is_json(before) and _is_json(after)):
        return first_difference(before, after)
    try:
        old, new = before.decode().splitlines(), after.decode().splitlines()
    except UnicodeDecodeError:
        return ""
    at = next(
        (number for number, (one, two) in enumerate(zip(old, new)) if one != two),
        min(len(old), len(new)),
    )
    if old == new:
        return "line ends"
    if at < len(new) and len(new) > len(old) and old[at:] == new[at + len(new) - len(old) :]:
        return f"line {at + 1} added {_quoted(new[at])}{_more(len(new) - len(old))}"
    if at < len(old) and len(old) > len(new) and new[at:] == old[at + len(old) - len(new) :]:
        return f"line {at + 1} removed {_quoted(old[at])}{_more(len(old) - len(new))}"
    words = [_quoted(lines[at]) if at < len(lines) else "nothing" for lines in (old, new)]
    more = sum(one != two for one, two in zip(old[at:], new[at:])) if len(old) == len(new) else 0
    return f"line {at + 1} {words[0]} -> {words[1]}{_more(more)}"


def _is_json(data: bytes) -> bool:
    if data.lstrip()[:1] not in (b"{", b"["):
        return False
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


def _more(count: int) -> str:
    return f" (and {plural(count - 1, 'more line')})" if count > 1 else ""


def _quoted(line: str) -> str:
    return json.dumps(line if len(line) <= _WIDTH else f"{line[:_WIDTH]}...", ensure_ascii=False)


def _of_model(memory: ResultSource, before: Result, after: Result) -> str:
    """What differs in the model that an action made; empty when it made none."""
    old, new = dict(before.outputs), dict(after.outputs)
    labels = new.get("labels.json")
    if not isinstance(labels, File) or "ir" not in old or "ir" not in new:
        return ""
    files = [
        {
            name.removeprefix("ir/"): file.digest
            for name, file in files_of_node(memory, "ir", one["ir"])
        }
        for one in (old, new)
    ]
    try:
        return model_difference(
            (files[0], lambda name: memory.read(files[0][name])),
            (files[1], lambda name: memory.read(files[1][name])),
            memory.read(labels.digest),
        )
    except (Missing, KeyError):
        return ""
