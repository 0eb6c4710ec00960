"""Causes: the changes of an action's key that no other action made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal, TypeAlias

from ..keys.action_key import explain, inputs_of
from ..types.action import Action, Artifact, Shipped, Source
from ..types.digest import Digest
from .diff import ChangedPart, ResultSource, WithSources
from .file_change import describe_file_change
from .key_rows import ActionKeys

Kind: TypeAlias = Literal["source", "value", "tool", "program", "distribution", "input", "engine"]
Change: TypeAlias = Literal["changed", "added", "removed"]
CAUSE_KINDS: Sequence[Kind] = (
    "source",
    "value",
    "tool",
    "program",
    "distribution",
    "engine",
    "input",
)
"""The kinds, most interesting first."""


@dataclass(frozen=True, slots=True)
class Cause:
    """A change that made an action run.

    `what` names it; `before` and `after` are its values if they are short, and `detail` is its
    first difference. The kind "value" is a value of a table, an argument or a fact of a board.
    `label` and `title` are those of the action; `file` is the BUILD.toml file of a value.
    """

    kind: Kind
    what: str
    change: Change
    before: str
    after: str
    detail: str
    label: str
    title: str
    file: str = ""


def find_causes(
    store: ResultSource, keys: ActionKeys, parts: Sequence[ChangedPart], action: Action | None
) -> Iterator[Cause]:
    """Yield the causes among the changed parts of a key; none if the store lost one of the keys."""
    digests = Digest.parse(keys.before), Digest.parse(keys.after)
    old, new = (store.parts(digest) for digest in digests)
    if not parts or old is None or new is None:
        return
    change = _KeyChange(store, digests, (old, new), action)
    for part in parts:
        if part.name.startswith("input "):
            kind, what, detail = change.input_cause(part)
        elif part.name.startswith("program:"):
            kind, what, detail = "program", part.name.partition(":")[2], ""
        elif part.name.startswith("distribution:"):
            kind, what, detail = "distribution", part.name.partition(":")[2], ""
        elif part.name == "engine":
            kind, what, detail = "engine", part.name, ""
        elif part.name.startswith(("argv ", "output ")):
            continue
        else:
            kind, what, detail = "value", part.name.replace("env ", "env."), ""
        yield Cause(
            kind, what, _change(part), part.before, part.after, detail, keys.label, keys.title
        )
    words = explain(old), explain(new)
    for before, after in changed_words(*words, {*inputs_of(old), *inputs_of(new)}):
        part = ChangedPart("argv", before, after)
        yield Cause("value", "argv", _change(part), before, after, "", keys.label, keys.title)


class _KeyChange:
    """The inputs and results of two keys of an action."""

    def __init__(
        self,
        store: ResultSource,
        keys: tuple[Digest, Digest],
        messages: tuple[Mapping[str, bytes], Mapping[str, bytes]],
        action: Action | None,
    ) -> None:
        self._sources = WithSources(store, *messages)
        self._old, self._new = (inputs_of(parts) for parts in messages)
        self._results = store.recall(keys[0]), store.recall(keys[1])
        self._inputs = dict(action.inputs) if action else {}

    def input_cause(self, part: ChangedPart) -> tuple[Kind, str, str]:
        """Return (kind, name, detail) of the cause that a changed input is."""
        path = part.name.removeprefix("input ")
        kind = _kind(path, self._inputs)
        detail = describe_file_change(
            self._sources,
            (self._old.get(path), self._new.get(path)),
            part,
            self._results if kind == "source" else (None, None),
        )
        return kind, _name_of(path, self._inputs), detail


def _kind(path: str, inputs: Mapping[str, Artifact]) -> Kind:
    artifact = inputs.get(path.rstrip("/"))
    if isinstance(artifact, Shipped) or (artifact is None and path.startswith("tools/")):
        return "tool"
    if isinstance(artifact, Source) or (artifact is None and not path.startswith("in/")):
        return "source"
    return "input"


def _name_of(path: str, inputs: Mapping[str, Artifact]) -> str:
    """Return the name of an input's file.

    A file that is not an input any more is named by the folder in which other sources are staged.
    """
    artifact = inputs.get(path)
    if isinstance(artifact, Source | Shipped):
        return artifact.name
    for staged, other in inputs.items() if artifact is None else ():
        if isinstance(other, Source) and staged.endswith(f"/{other.name}"):
            above = staged.removesuffix(other.name)
            if path.startswith(above):
                return path.removeprefix(above)
    return path


def _change(part: ChangedPart) -> Change:
    return "changed" if part.before and part.after else "added" if part.after else "removed"


def changed_words(
    old: Mapping[str, str], new: Mapping[str, str], paths: set[str]
) -> Iterator[tuple[str, str]]:
    """Yield (before, after) of the words of a command that differ, '' for none.

    `old` and `new` are explained keys. Words that name inputs (`paths`) or outputs are left out,
    because a change of their names is no cause.
    """
    before, after = (
        [value for name, value in parts.items() if name.startswith("argv ")] for parts in (old, new)
    )
    outputs = {name.removeprefix("output ") for name in {*old, *new} if name.startswith("output ")}
    known = paths | outputs
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for tag, start, end, begin, stop in matcher.get_opcodes():
        if tag != "equal":
            count = max(end - start, stop - begin)
            removed = [*before[start:end], *[""] * count][:count]
            added = [*after[begin:stop], *[""] * count][:count]
            for pair in zip(removed, added, strict=True):
                if any(word and word not in known for word in pair):
                    yield pair
