"""Workspaces written by tests, and a small set of rules to analyse them with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from buildgraph.analysis.analysis import Analysis, analyse
from buildgraph.analysis.rule_api import Ctx, Globs, Registry, Rule
from buildgraph.types.action import Artifact, Out, Source
from buildgraph.types.errors import BuildError, BuildErrors
from buildgraph.types.label import Label
from buildgraph.types.provider import Provider
from buildgraph.types.quantities import Duration, Size
from buildgraph.ui.diagnostics import format_error
from buildgraph.workspace.workspace import Workspace

WORKSPACE = '[workspace]\nname = "test"\n'


@dataclass(frozen=True)
class Board(Provider):
    """A board with the two fields that the tests need."""

    dtype: str
    memory: int


@dataclass(frozen=True)
class Files(Provider):
    """Sources."""

    sources: tuple[Source, ...]


@dataclass(frozen=True)
class Page(Provider):
    """Outputs of a command."""

    html: Artifact
    log: Artifact


@dataclass(frozen=True)
class Single(Provider):
    """One output and its input."""

    output: Artifact
    source: Artifact


@dataclass(frozen=True)
class Group(Provider):
    """Its members."""

    members: tuple[Provider, ...]

    def outputs(self) -> dict[str, Artifact]:
        """Return nothing: a group has no outputs."""
        return {}


@dataclass(frozen=True)
class Export(Provider):
    """All arguments of the rule."""

    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Agent:
    """An agent; a plain label is its board."""

    board: Board
    role: str = "any"


@dataclass(frozen=True)
class Link:
    """A table with a keyword for a key."""

    from_: str
    to: str


@dataclass(frozen=True)
class Budget:
    """Quantities."""

    image: Size | None = None
    step: Duration | None = None


def board(
    ctx: Ctx, dtype: Literal["float64", "float32", "float16"] = "float32", memory: int = 1
) -> Board:
    """A board."""
    return Board(dtype, memory)


def files(ctx: Ctx, srcs: Globs) -> Files:
    """Sources by globs."""
    return Files(srcs.sources)


def page(ctx: Ctx, text: Source) -> Page:
    """Two outputs."""
    html, log = ctx.run(["render", text, Out("page.html"), Out("log")])
    return Page(html, log)


def copy(ctx: Ctx, data: Artifact) -> Single:
    """Copy a file or the output of a target."""
    (output,) = ctx.run(["copy", data, Out("copy")])
    return Single(output, data)


def group(ctx: Ctx, targets: tuple[Provider, ...]) -> Group:
    """Members."""
    return Group(targets)


def export(
    ctx: Ctx,
    hardware: Board,
    boards: tuple[Board, ...] = (),
    agents: dict[str, Agent] | None = None,
    links: tuple[Link, ...] = (),
    budget: Budget = Budget(),
    spare: Board | None = None,
) -> Export:
    """Declare a parameter of every supported kind."""
    return Export((hardware, boards, agents, links, budget, spare))


def node(
    ctx: Ctx, deps: tuple[Provider, ...] = (), weight: float = 1.0, wanted: bool = False
) -> Group:
    """A link of a chain."""
    return Group(deps)


def registry() -> Registry:
    """Return the rules of this module."""
    rules = Registry()
    for function in (board, files, page, copy, group, export, node):
        rules.add(Rule(function.__name__, function))
    return rules


def write(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files below a folder; BUILD.toml in the root gets a `[workspace]` table."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name == "BUILD.toml" and isinstance(text, str) and "[workspace]" not in text:
            text = WORKSPACE + text
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


def analysed(root: Path, *patterns: str) -> Analysis:
    """Analyse a workspace on disk."""
    workspace = Workspace(str(root))
    return analyse(workspace, workspace.targets(patterns or ("//...",)), registry())


def provider(root: Path, label: str) -> Any:
    """Analyse a target and return its provider."""
    return analysed(root, label).providers[Label.parse(label)]


def faults(root: Path, *patterns: str) -> list[BuildError]:
    """The errors of a workspace; empty when it has none."""
    try:
        analysed(root, *patterns)
    except BuildErrors as errors:
        return list(errors.errors)
    except BuildError as error:
        return [error]
    return []


def formatted_errors(root: Path, *patterns: str) -> str:
    """The errors of a workspace as the user reads them."""

    def read_line(path: str, number: int) -> str | None:
        return (root / path).read_text(errors="replace").split("\n")[number - 1]

    errors = faults(root, *patterns)
    return format_error(BuildErrors(errors), read_line) if errors else ""
