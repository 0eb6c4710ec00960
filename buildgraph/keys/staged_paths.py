"""Where the inputs and outputs of an action are below its working folder: no two of them may be at one place.

Folders that buildgraph itself adds (`in`, `tools`, `site`) get another name in an action whose sources would be in them.
Folder `out` is the one that a command may change: an input may be in it where no output is.
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

_LONG, _DEEP = (
    3500,
    64,
)  # bytes of a path, and folders of an output, that fit below any cache and workspace


def unused_path(name: str, paths: Iterable[str]) -> str:
    """A name for a folder of buildgraph's own that no path begins with: the usual one, where that can be."""
    taken = {path.partition("/")[0] for path in paths}
    found, number = name, 0
    while found in taken:
        number += 1
        found = f"{name}-{number}"
    return found


def find_nested_path(paths: Iterable[str]) -> tuple[str, str] | None:
    """A path and another one beneath it, or None when all can be at their places."""
    every = list(paths)
    below: dict[str, str] = {}
    for path in every:
        folder = path.rpartition("/")[0]
        while folder and folder not in below:
            below[folder] = path
            folder = folder.rpartition("/")[0]
    return next(((path, below[path]) for path in every if path in below), None)


def check_paths(target: Target, staged: Mapping[str, Artifact], outs: Sequence[Out]) -> None:
    """BuildError unless all inputs and outputs of an action can be at their places."""
    for out in outs:
        _check_path(target, None, out.path, "an output")
        if out.path.count("/") >= _DEEP:
            raise BuildError(
                f"{target.label}: the output {out.path[:60]!r}... is more than {_DEEP} folders deep",
                target.place("outputs"),
                "give it a shorter path",
                "rule",
            )
    for path, artifact in staged.items():
        _check_path(target, artifact, path, "an input")
        if path == "out":
            raise BuildError(
                f"{target.label}: a file called 'out' cannot be an input: commands write their outputs to the "
                "folder of that name",
                _place(target, artifact),
                "rename it",
                "rule",
            )
    made = [f"out/{out.path}" for out in outs]
    twice = (
        next((path for path in made if made.count(path) > 1), "")
        if len(set(made)) < len(made)
        else ""
    )
    if twice:
        raise BuildError(
            f"{target.label}: two outputs are at {twice!r}",
            target.place("outputs"),
            "rename one of them",
            "rule",
        )
    inner = find_nested_path(made) or find_nested_path(staged)
    if inner:
        raise BuildError(
            f"{target.label}: {inner[0]!r} is a file or an output, and {inner[1]!r} is below it",
            _place(target, staged.get(inner[1])),
            "give one of them another path",
            "rule",
        )
    _check_out(target, staged, set(made))


def _check_out(target: Target, staged: Mapping[str, Artifact], made: set[str]) -> None:
    """No input in the folder of outputs may be an output, be in one, or have one below it."""
    for path in [path for path in staged if path.startswith("out/")]:
        found = find_nested_path({path, *made}) or ((path, path) if path in made else None)
        if found:
            raise BuildError(
                f"{target.label}: the input {path!r} is at the place of the output "
                f"{(found[0] if found[1] == path else found[1]).removeprefix('out/')!r}",
                _place(target, staged[path]),
                "give the output another path, or move the input out of out/",
                "rule",
            )


def _check_path(target: Target, artifact: Artifact | None, path: str, what: str) -> None:
    if any(part in ("", ".", "..") for part in path.split("/")) or "\0" in path:
        raise BuildError(
            f"{target.label}: {what} cannot be at {path!r}",
            _place(target, artifact),
            "use a relative path without '..'",
            "rule",
        )
    if len(path.encode("utf-8", "surrogateescape")) > _LONG:
        raise BuildError(
            f"{target.label}: the path of {what} is longer than {_LONG} bytes: {path[:60]!r}...",
            _place(target, artifact),
            "move it to a folder that is less deep",
            "rule",
        )


def _place(target: Target, artifact: Artifact | None) -> Location:
    named = artifact.at if isinstance(artifact, Source) else None
    return named or target.place()
