"""The action graph of a request: each action is numbered after the producers of its inputs."""

from __future__ import annotations

from itertools import pairwise

from ..lite import TYPE_CHECKING
from ..lite.record import Record
from ..types.action import Action, Artifact, Gate, Output
from ..types.errors import BuildError
from ..types.label import Label

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..types.errors import Location
    from ..types.provider import Provider


class RequestedOutput(Record):
    """An output that a request names, or that its target provides.

    `name` is its name in the provider. `file` is its file name in `out/<package>/<target>`.
    """

    label: Label
    name: str
    artifact: Artifact
    file: str

    @property
    def path(self) -> str:
        """The path of the output, relative to the workspace."""
        return "/".join(filter(None, ("out", self.label.package, self.label.name, self.file)))


class ActionGraph(Record):
    """Actions in an order in which they can run.

    `deps[i]` are the numbers of the actions whose outputs action i reads, and `number` maps an
    action to its number. `ordinals[i]` counts the actions that have the label and the title of
    action i, from 1.
    """

    actions: tuple[Action, ...]
    deps: tuple[tuple[int, ...], ...]
    number: dict[Action, int]
    ordinals: tuple[int, ...]

    @classmethod
    def of(cls, artifacts: Iterable[Artifact]) -> ActionGraph:
        """The graph of all actions that produce the artifacts.

        No recursion, because chains may be long.
        """
        number: dict[Action, int] = {}
        actions: list[Action] = []
        stack = [
            (artifact.action, False)
            for artifact in reversed(list(artifacts))
            if isinstance(artifact, Output)
        ]
        while stack:
            action, has_numbered_deps = stack.pop()
            if action in number:
                continue
            if has_numbered_deps:
                number[action] = len(actions)
                actions.append(action)
                continue
            stack.append((action, True))
            stack += [(dep, False) for dep in producers_of(action) if dep not in number]
        deps = tuple(tuple(number[dep] for dep in producers_of(action)) for action in actions)
        return cls(tuple(actions), deps, number, tuple(_ordinals(actions)))


def _ordinals(actions: Iterable[Action]) -> Iterator[int]:
    count: dict[tuple[Label | None, str], int] = {}
    for action in actions:
        label_and_title = action.owner, action.title
        count[label_and_title] = count.get(label_and_title, 0) + 1
        yield count[label_and_title]


def find_path_conflict(paths: Iterable[str]) -> tuple[str, str] | None:
    """Two paths that cannot both be outputs: they are equal, or the second is below the first."""
    ordered = sorted(f"{path}/" for path in paths)
    for path, following in pairwise(ordered):
        if following.startswith(path):
            return path[:-1], following[:-1]
    return None


def path_conflict_error(path: str, other: str, at: Location | None = None) -> BuildError:
    """The error for the two paths of `find_path_conflict`."""
    what = (
        f"two outputs have the path {path}"
        if path == other
        else f"{other} cannot be made: {path} is an output, too"
    )
    return BuildError(what, at, "give one of the outputs, or its target, another name", "rule")


def producers_of(action: Action) -> list[Action]:
    """The actions whose outputs an action reads, each once, in the order of its inputs."""
    return list(
        dict.fromkeys(
            artifact.action for _, artifact in action.inputs if isinstance(artifact, Output)
        )
    )


def requested_outputs(label: Label, provider: Provider) -> list[RequestedOutput]:
    """The outputs that `build LABEL` builds.

    Outputs with equal file names get their names in the provider as a prefix.
    """
    outputs = provider.outputs()
    files = {name: artifact.name.rpartition("/")[2] for name, artifact in outputs.items()}
    file_names = list(files.values())
    return [
        RequestedOutput(
            label,
            name,
            artifact,
            files[name] if file_names.count(files[name]) == 1 else f"{name}.{files[name]}",
        )
        for name, artifact in outputs.items()
    ]


def gates_of(provider: Provider) -> tuple[Gate, ...]:
    """The gates that a provider lists."""
    gates = getattr(provider, "gates", ())
    return tuple(gate for gate in gates if isinstance(gate, Gate))
