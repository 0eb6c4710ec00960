"""The nouns: what analysis makes, the plan orders, executors run and the store remembers. All frozen."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeAlias

from .digest import Digest
from .errors import Where
from .label import Label


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """One table of BUILD.toml with a `rule` key: plain values, and the place where each was written.

    `folder` is the folder of the file (paths are relative to it); `label.package` adds the tables above.
    `places` maps a key path such as `("agents", "scout")` to where it stands; `()` is the table itself.
    """

    label: Label
    rule: str
    values: dict[str, Any]
    folder: str
    places: Mapping[tuple[str | int, ...], Where]

    def place(self, *path: str | int) -> Where:
        """Where a value was written; the nearest ancestor's place when it has none of its own."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.places:
                return self.places[path[:end]]
        return Where(self.folder)


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file or tree that will exist; it has no bytes, only a `name` by which commands see it."""

    name: str


@dataclass(frozen=True, slots=True)
class Source(Artifact):
    """A file or folder of the workspace; `name` is its path from the workspace's root, `/`-separated."""

    at: Where | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Shipped(Artifact):
    """A file that is installed with buildgraph itself, such as a tool's program; relative to `rules/`."""


@dataclass(frozen=True, slots=True)
class Content(Artifact):
    """A file whose bytes are known at analysis."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Output(Artifact):
    """What an action will make; `name` is its path in the action's output folder."""

    action: Action
    tree: bool = False


@dataclass(frozen=True, slots=True)
class In:
    """An input staged under a chosen path instead of the artifact's own name."""

    artifact: Artifact
    path: str


@dataclass(frozen=True, slots=True)
class Out:
    """A declared output in an argv: the path of a file, or of a folder when `tree`."""

    path: str
    tree: bool = False


@dataclass(frozen=True, slots=True)
class Program:
    """A program of the host, by name: the interpreter (`python3`), `qemu-aarch64-static`, `gcc`.

    Its identity (not its path) becomes part of the key.
    """

    name: str


Arg: TypeAlias = "str | Artifact | In | Out | Program"


@dataclass(frozen=True, slots=True, eq=False)
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


@dataclass(frozen=True, slots=True)
class Gate:
    """An action whose success is wanted, not its output; it fails the request, never the artifact.

    `needs` names programs of the host without which the gate is "not checked".
    """

    name: str
    verdict: Artifact
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Provider:
    """All that a target tells those that depend on it; subclasses add frozen fields."""

    def outputs(self) -> dict[str, Artifact]:
        """The artifacts that `build LABEL` wants, by the field's name."""
        return {f.name: value for f in fields(self) if isinstance(value := getattr(self, f.name), Artifact)}


@dataclass(frozen=True, slots=True)
class File:
    """A file that exists in a store: its content and whether it is executable."""

    digest: Digest
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Tree:
    """A folder that exists in a store: the digest of its REAPI `Directory`."""

    digest: Digest


Node: TypeAlias = "File | Tree"


@dataclass(frozen=True, slots=True)
class Result:
    """What a successful action gave (REAPI `ActionResult`): outputs by path, log, and how it ran."""

    outputs: tuple[tuple[str, Node], ...]
    log: Digest
    sandbox: str
    milliseconds: int
