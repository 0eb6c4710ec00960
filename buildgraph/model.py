"""The nouns: what analysis makes, the plan orders, executors run and the store remembers. All frozen."""
from __future__ import annotations


from .digest import Digest
from .errors import Where
from .label import Label
from .noun import noun

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, TypeAlias

    Places: TypeAlias = Mapping[tuple[str | int, ...], Where]


@noun(eq=False)
class Target:
    """One table of BUILD.toml with a `rule` key: plain values, and the place where each was written.

    `folder` is the folder of the file (paths are relative to it); `label.package` adds the tables above.
    `places` maps a key path such as `("agents", "scout")` to where it stands; `()` is the table itself.
    `nested` are the paths below the table that are targets themselves; they are no part of `values`.
    """

    label: Label
    rule: str
    values: dict[str, Any]
    folder: str
    places: Places
    nested: tuple[tuple[str | int, ...], ...] = ()

    def place(self, *path: str | int) -> Where:
        """Where a value was written; the nearest ancestor's place when it has none of its own."""
        return _nearest(self.places, self.folder, path)

    def later(self, *path: str | int) -> Where:
        """The same place, looked for when somebody asks: hardly anybody does, and it means to scan the file."""
        return _Later(self.places, self.folder, path)


def _nearest(places: Places, folder: str, path: tuple[str | int, ...]) -> Where:
    for end in range(len(path), -1, -1):
        if path[:end] in places:
            return places[path[:end]]
    return Where(folder)


class _Later(Where):
    """A place that is not looked for yet. It does not hold the target, whose values would then live as long as its actions."""

    __slots__ = ("_of", "_found")
    _of: tuple[Places, str, tuple[str | int, ...]]
    _found: Where | None

    def __init__(self, *of: Any) -> None:
        object.__setattr__(self, "_of", of)
        object.__setattr__(self, "_found", None)

    def found(self) -> Where:
        known = self._found
        if known is None:
            known = _nearest(*self._of)
            object.__setattr__(self, "_found", known)
        return known

    def __eq__(self, other: object) -> bool:
        return self.found() == (other.found() if isinstance(other, Where) else other)

    def __hash__(self) -> int:
        return hash(self.found())

    path = property(lambda self: self.found().path)
    line = property(lambda self: self.found().line)
    column = property(lambda self: self.found().column)
    length = property(lambda self: self.found().length)


@noun
class Artifact:
    """A file or tree that will exist; it has no bytes, only a `name` by which commands see it."""

    name: str


@noun(aside="at")
class Source(Artifact):
    """A file or folder of the workspace; `name` is its path from the workspace's root, `/`-separated."""

    at: Where | None = None


@noun
class Shipped(Artifact):
    """A file that is installed with buildgraph itself, such as a tool's program; relative to `rules/`."""


@noun
class Content(Artifact):
    """A file whose bytes are known at analysis."""

    data: bytes


@noun
class Output(Artifact):
    """What an action will make; `name` is its path in the action's output folder."""

    action: Action
    tree: bool = False


@noun
class In:
    """An input staged under a chosen path instead of the artifact's own name."""

    artifact: Artifact
    path: str


@noun
class Out:
    """A declared output in an argv: the path of a file, or of a folder when `tree`."""

    path: str
    tree: bool = False


@noun
class Program:
    """A program of the host, by name: the interpreter (`python3`), `qemu-aarch64-static`, `gcc`.

    Its identity (not its path) becomes part of the key.
    """

    name: str


Arg: TypeAlias = "str | Artifact | In | Out | Program"


@noun(eq=False)
class Action:
    """One command and everything that can influence its outputs; nothing that cannot reaches its key.

    `argv` words are final: inputs and outputs stand in them as paths relative to the working folder.
    `inputs` are (staged path, artifact), sorted by path; `outputs` are declared below `out/`.
    `programs` and `distributions` name the tools of the host whose identities enter the key.
    """

    argv: tuple[str, ...]
    inputs: tuple[tuple[str, Artifact], ...]
    outputs: tuple[Out, ...]
    env: tuple[tuple[str, str], ...] = ()
    programs: tuple[str, ...] = ()
    distributions: tuple[str, ...] = ()
    platform: tuple[tuple[str, str], ...] = ()
    timeout: int = 600
    network: bool = False
    owner: Label | None = None
    title: str = ""
    at: Where | None = None


@noun
class Gate:
    """An action whose success is wanted, not its output; it fails the request, never the artifact.

    `needs` names programs of the host without which the gate is "not checked".
    """

    name: str
    verdict: Artifact
    needs: tuple[str, ...] = ()


@noun
class File:
    """A file that exists in a store: its content and whether it is executable."""

    digest: Digest
    executable: bool = False


@noun
class Tree:
    """A folder that exists in a store: the digest of its REAPI `Directory`."""

    digest: Digest


Node: TypeAlias = "File | Tree"


@noun
class Result:
    """What a successful action gave (REAPI `ActionResult`): outputs by path, log, and how it ran."""

    outputs: tuple[tuple[str, Node], ...]
    log: Digest
    sandbox: str
    milliseconds: int
