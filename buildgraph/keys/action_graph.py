"""The actions that a request needs, numbered so that each stands after those whose outputs it takes."""

from __future__ import annotations

import itertools

from ..lite import TYPE_CHECKING
from ..lite.record import record
from ..types.action import Action, Artifact, Gate, Output
from ..types.errors import BuildError
from ..types.label import Label

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..types.errors import Location
    from ..types.provider import Provider


@record
class RequestedOutput:
    """An output that was asked for, under the name it has in its provider; `file` is its name below `out/`."""

    label: Label
    name: str
    artifact: Artifact
    file: str

    @property
    def path(self) -> str:
        """Where it is put, below the workspace."""
        return "/".join(filter(None, ("out", self.label.package, self.label.name, self.file)))


@record
class ActionGraph:
    """`actions` in an order in which they could run; `needs[i]` are the numbers of those whose outputs i takes.

    `places[i]` is the place of i among the actions of its label that have its title, from 1 on.
    """

    actions: tuple[Action, ...]
    deps: tuple[tuple[int, ...], ...]
    number: dict[Action, int]
    ordinals: tuple[int, ...]

    @classmethod
    def of(cls, wanted: Iterable[Artifact]) -> ActionGraph:
        """All actions that the artifacts come from, found without recursion: chains may be long."""
        number: dict[Action, int] = {}
        actions: list[Action] = []
        stack = [
            (artifact.action, False)
            for artifact in reversed(list(wanted))
            if isinstance(artifact, Output)
        ]
        while stack:
            action, ready = stack.pop()
            if action in number:
                continue
            if ready:
                number[action] = len(actions)
                actions.append(action)
                continue
            stack.append((action, True))
            stack += [(need, False) for need in producers_of(action) if need not in number]
        needs = tuple(tuple(number[need] for need in producers_of(action)) for action in actions)
        return cls(tuple(actions), needs, number, tuple(_places(actions)))


def _places(actions: Iterable[Action]) -> Iterator[int]:
    count: dict[tuple[Label | None, str], int] = {}
    for action in actions:
        named = action.owner, action.title
        count[named] = count.get(named, 0) + 1
        yield count[named]


def find_path_conflict(paths: Iterable[str]) -> tuple[str, str] | None:
    """Two of these paths that cannot be outputs at the same time: they are equal, or the first is a folder of the second."""
    ordered = sorted(f"{path}/" for path in paths)
    return next(
        (
            (one[:-1], other[:-1])
            for one, other in itertools.pairwise(ordered)
            if other.startswith(one)
        ),
        None,
    )


def path_conflict_error(one: str, other: str, at: Location | None = None) -> BuildError:
    """The fault of two such paths."""
    what = (
        f"two outputs have the path {one}"
        if one == other
        else f"{other} cannot be made: {one} is an output, too"
    )
    return BuildError(what, at, "give one of the outputs, or its target, another name", "rule")


def producers_of(action: Action) -> list[Action]:
    """The actions whose outputs an action takes, each once, in the order of its inputs."""
    return list(
        dict.fromkeys(given.action for _, given in action.inputs if isinstance(given, Output))
    )


def requested_outputs(label: Label, provider: Provider) -> list[RequestedOutput]:
    """What `build LABEL` asks for; where two outputs have one file name, their names in the provider lead."""
    outputs = provider.outputs()
    files = {name: artifact.name.rpartition("/")[2] for name, artifact in outputs.items()}
    count = list(files.values())
    return [
        RequestedOutput(
            label,
            name,
            artifact,
            files[name] if count.count(files[name]) == 1 else f"{name}.{files[name]}",
        )
        for name, artifact in outputs.items()
    ]


def gates_of(provider: Provider) -> tuple[Gate, ...]:
    """The gates that a provider lists."""
    gates = getattr(provider, "gates", ())
    return tuple(gate for gate in gates if isinstance(gate, Gate))
