"""Artifacts and the actions that make them; what the declarations of rules consist of."""

from __future__ import annotations

from ..lite import TYPE_CHECKING
from ..lite.record import record
from .errors import Location
from .label import Label

if TYPE_CHECKING:
    from typing import TypeAlias


@record
class Artifact:
    """A file or tree that will exist; it has no bytes, only a `name` by which commands see it."""

    name: str


@record(uncompared="at")
class Source(Artifact):
    """A file or folder of the workspace; `name` is its path from the workspace's root, `/`-separated."""

    at: Location | None = None


@record
class Shipped(Artifact):
    """A file that is installed with buildgraph itself, such as a tool's program; relative to `rules/`."""


@record
class Content(Artifact):
    """A file whose bytes are known at analysis."""

    data: bytes


@record
class Output(Artifact):
    """What an action will make; `name` is its path in the action's output folder."""

    action: Action
    tree: bool = False


@record
class In:
    """An input staged under a chosen path instead of the artifact's own name."""

    artifact: Artifact
    path: str


@record
class Out:
    """A declared output in an argv: the path of a file, or of a folder when `tree`."""

    path: str
    tree: bool = False


@record
class Program:
    """A program of the host, by name: the interpreter (`python3`), `qemu-aarch64-static`, `gcc`.

    Its identity (not its path) becomes part of the key.
    """

    name: str


Arg: TypeAlias = "str | Artifact | In | Out | Program"


@record(eq=False)
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
    at: Location | None = None


@record
class Gate:
    """An action whose success is wanted, not its output; it fails the request, never the artifact.

    `needs` names programs of the host without which the gate is "not checked".
    """

    name: str
    verdict: Artifact
    needs: tuple[str, ...] = ()
