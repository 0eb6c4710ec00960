"""Describe the change of a source file in one line, as far as possible in terms of its model."""

from __future__ import annotations

import json

from ..store.protocol import Missing
from ..types.result import File, Node, Result
from ..ui.format import plural
from .content_diff import first_difference
from .diff import ChangedPart, ResultSource, changed_files, list_files
from .model_diff import ModelFiles, model_difference

_TEXT = 1 << 20  # bytes; lines of larger files are not compared
_WIDTH = 60


def describe_file_change(
    store: ResultSource,
    nodes: tuple[Node | None, Node | None],
    part: ChangedPart,
    results: tuple[Result | None, Result | None],
) -> str:
    """Describe the first difference of a file; '' if none is known.

    Tried in this order: the model that the action made of it, its own lines, and the first output
    that differs. `nodes` and `results` are those before and after the change.
    """
    if not (part.before and part.after):
        return ""
    if part.before.removesuffix(" executable") == part.after.removesuffix(" executable"):
        executable = part.after.endswith(" executable")
        return "it is executable now" if executable else "it is not executable any more"
    before, after = results
    if before and after and (text := _diff_models(store, before, after)):
        return text
    old, new = nodes
    if isinstance(old, File) and isinstance(new, File):
        try:
            text = _diff_texts(store.read(old.digest), store.read(new.digest))
        except Missing:
            text = ""
        if text:
            return text
    if part.first or not (before and after):
        return part.first
    for output in changed_files(store, before, after):
        if output.first:
            return f"in {output.name} that was made from it, {output.first}"
    return ""


def _diff_texts(before: bytes, after: bytes) -> str:
    """Describe the first line that differs; '' if the files are no text or too large."""
    if max(len(before), len(after)) > _TEXT:
        return ""
    if b"\0" in before or b"\0" in after or (_is_json(before) and _is_json(after)):
        return first_difference(before, after)
    try:
        old, new = before.decode().splitlines(), after.decode().splitlines()
    except UnicodeDecodeError:
        return ""
    return "line ends" if old == new else _diff_lines(old, new)


def _diff_lines(old: list[str], new: list[str]) -> str:
    at = next(
        (number for number, (was, now) in enumerate(zip(old, new)) if was != now),
        min(len(old), len(new)),
    )
    added = len(new) - len(old)
    if at < len(new) and added > 0 and old[at:] == new[at + added :]:
        return f"line {at + 1} added {_quoted(new[at])}{_format_more(added)}"
    if at < len(old) and added < 0 and new[at:] == old[at - added :]:
        return f"line {at + 1} removed {_quoted(old[at])}{_format_more(-added)}"
    was, now = (_quoted(lines[at]) if at < len(lines) else "nothing" for lines in (old, new))
    count = 0 if added else sum(one != other for one, other in zip(old[at:], new[at:]))
    return f"line {at + 1} {was} -> {now}{_format_more(count)}"


def _is_json(data: bytes) -> bool:
    if data.lstrip()[:1] not in (b"{", b"["):
        return False
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


def _format_more(count: int) -> str:
    return f" (and {plural(count - 1, 'more line')})" if count > 1 else ""


def _quoted(line: str) -> str:
    return json.dumps(line if len(line) <= _WIDTH else f"{line[:_WIDTH]}...", ensure_ascii=False)


def _diff_models(store: ResultSource, before: Result, after: Result) -> str:
    """Describe the first difference of the models that an action made; '' if it made none."""
    old, new = dict(before.outputs), dict(after.outputs)
    labels = new.get("labels.json")
    if not isinstance(labels, File) or "ir" not in old or "ir" not in new:
        return ""
    try:
        return model_difference(
            _model_files(store, old["ir"]),
            _model_files(store, new["ir"]),
            store.read(labels.digest),
        )
    except (Missing, KeyError):
        return ""


def _model_files(store: ResultSource, node: Node) -> ModelFiles:
    files = {name.removeprefix("ir/"): file.digest for name, file in list_files(store, "ir", node)}
    return ModelFiles(files, lambda name: store.read(files[name]))
