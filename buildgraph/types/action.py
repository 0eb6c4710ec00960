"""Artifacts and the actions that produce them: the declarations of a rule."""

from __future__ import annotations

from ..lite import TYPE_CHECKING
from ..lite.record import Record
from .errors import Location
from .label import Label

if TYPE_CHECKING:
    from typing import TypeAlias


class Artifact(Record):
    """A file or folder that a build provides. `name` is the path at which commands read it."""

    name: str


class Source(Artifact, uncompared="at"):
    """A file or folder of the workspace. `name` is its path from the root, separated by `/`.

    `at` is the location in BUILD.toml that names it.
    """

    at: Location | None = None


class Shipped(Artifact):
    """A file that is installed with buildgraph, such as a tool. `name` is relative to `rules/`."""


class Content(Artifact):
    """A file whose bytes are known during analysis."""

    data: bytes


class Output(Artifact):
    """An output of an action: a file, or a folder if `tree`.

    `name` is its path in the output folder.
    """

    action: Action
    tree: bool = False


class In(Record):
    """An input that is staged at `path` instead of the name of the artifact."""

    artifact: Artifact
    path: str


class Out(Record):
    """A declared output in an argv: the path of a file, or of a folder if `tree`."""

    path: str
    tree: bool = False


class Program(Record):
    """A program of the host by its name, such as `python3`, `qemu-aarch64-static` or `gcc`.

    Its identity becomes part of the key of the action. Its path does not.
    """

    name: str


Arg: TypeAlias = "str | Artifact | In | Out | Program"


class Action(Record, eq=False):
    """One command, and everything that can influence its outputs.

    `argv` has inputs and outputs as paths relative to the working folder. `inputs` are (staged
    path, artifact), sorted by path; `outputs` are paths below `out/`. `programs` and
    `distributions` name the tools of the host whose identities are part of the key. `timeout` is in
    seconds. `owner`, `title` and `at` are for people, and not part of the key.
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


class Gate(Record):
    """A check of an artifact by an action, whose output is `verdict`. Its failure fails the build.

    The artifact is built all the same. `needs` names programs of the host; if one is missing, the
    gate is "not checked", which also fails the build if the gate is `required`.
    """

    name: str
    verdict: Artifact
    needs: tuple[str, ...] = ()
    required: bool = False
