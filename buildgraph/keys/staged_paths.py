"""Paths of the inputs and outputs of an action in its working folder, which must not conflict.

The folders `in`, `tools` and `site`, which buildgraph adds, get another name in an action whose
sources have paths in them. A command may change the folder `out` only. An input may be in it, at a
path where no output is.
"""

from __future__ import annotations

from ..lite import TYPE_CHECKING
from ..types.action import Source
from ..types.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..types.action import Artifact, Out
    from ..types.errors import Location
    from ..types.target import Target

# Limits that leave room for the paths of cache and workspace.
_MAX_BYTES = 3500  # of a path
_MAX_DEPTH = 64  # folders above an output


def unused_path(name: str, paths: Iterable[str]) -> str:
    """`name`, or `name-N` if a path begins with that folder: a folder that no path is in."""
    taken = {path.partition("/")[0] for path in paths}
    unused, number = name, 0
    while unused in taken:
        number += 1
        unused = f"{name}-{number}"
    return unused


def find_nested_path(paths: Iterable[str]) -> tuple[str, str] | None:
    """A path and another path below it, or None if there are no such two."""
    every = list(paths)
    below: dict[str, str] = {}
    for path in every:
        folder = path.rpartition("/")[0]
        while folder and folder not in below:
            below[folder] = path
            folder = folder.rpartition("/")[0]
    return next(((path, below[path]) for path in every if path in below), None)


def check_paths(target: Target, staged: Mapping[str, Artifact], outs: Sequence[Out]) -> None:
    """Require that the paths of an action's inputs and outputs are valid and do not conflict."""
    for out in outs:
        _check_output(target, out.path)
    for path, artifact in staged.items():
        _check_input(target, artifact, path)
    outputs = [f"out/{out.path}" for out in outs]
    if len(set(outputs)) < len(outputs):
        twice = next(path for path in outputs if outputs.count(path) > 1)
        raise BuildError(
            f"{target.label}: two outputs are at {twice!r}",
            target.place("outputs"),
            "rename one of them",
            "rule",
        )
    nested = find_nested_path(outputs) or find_nested_path(staged)
    if nested:
        raise BuildError(
            f"{target.label}: {nested[0]!r} is a file or an output, and {nested[1]!r} is below it",
            _location(target, staged.get(nested[1])),
            "give one of them another path",
            "rule",
        )
    _check_inputs_in_out(target, staged, set(outputs))


def _check_output(target: Target, path: str) -> None:
    _check_path(target, None, path, "an output")
    if path.count("/") >= _MAX_DEPTH:
        raise BuildError(
            f"{target.label}: the output {path[:60]!r}... is more than {_MAX_DEPTH} folders deep",
            target.place("outputs"),
            "give it a shorter path",
            "rule",
        )


def _check_input(target: Target, artifact: Artifact, path: str) -> None:
    _check_path(target, artifact, path, "an input")
    if path == "out":
        raise BuildError(
            f"{target.label}: a file called 'out' cannot be an input: "
            "commands write their outputs to the folder of that name",
            _location(target, artifact),
            "rename it",
            "rule",
        )


def _check_inputs_in_out(target: Target, staged: Mapping[str, Artifact], outputs: set[str]) -> None:
    """Require that no input in `out` is an output, in an output, or above one. BuildError."""
    for path in [path for path in staged if path.startswith("out/")]:
        conflict = find_nested_path({path, *outputs}) or ((path, path) if path in outputs else None)
        if conflict:
            output = conflict[0] if conflict[1] == path else conflict[1]
            raise BuildError(
                f"{target.label}: the input {path!r} is at the place of the output "
                f"{output.removeprefix('out/')!r}",
                _location(target, staged[path]),
                "give the output another path, or move the input out of out/",
                "rule",
            )


def _check_path(target: Target, artifact: Artifact | None, path: str, what: str) -> None:
    if any(part in ("", ".", "..") for part in path.split("/")) or "\0" in path:
        raise BuildError(
            f"{target.label}: {what} cannot be at {path!r}",
            _location(target, artifact),
            "use a relative path without '..'",
            "rule",
        )
    if len(path.encode("utf-8", "surrogateescape")) > _MAX_BYTES:
        raise BuildError(
            f"{target.label}: the path of {what} is longer than {_MAX_BYTES} bytes: "
            f"{path[:60]!r}...",
            _location(target, artifact),
            "move it to a folder that is less deep",
            "rule",
        )


def _location(target: Target, artifact: Artifact | None) -> Location:
    at = artifact.at if isinstance(artifact, Source) else None
    return at or target.place()
