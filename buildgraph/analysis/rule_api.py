"""Rules: pure typed functions from a target's values to a provider, and the context they declare actions in.

A rule's signature is the schema of its tables, its docstring their help. It opens no file and runs nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any, TypeAlias, TypeVar

from ..keys import staged_paths
from ..types.action import (
    Action,
    Arg,
    Artifact,
    In,
    Out,
    Output,
    Program,
    Shipped,
    Source,
)
from ..types.errors import BuildError, did_you_mean
from ..types.label import Label
from ..types.provider import Provider
from ..types.target import Target

_Read: TypeAlias = "tuple[dict[str, Artifact], list[Out], list[str], tuple[str, ...]]"
Function = TypeVar("Function", bound=Callable[..., Provider])


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A registered rule: its name in BUILD.toml and the function."""

    name: str
    function: Callable[..., Provider]


class Registry:
    """The rules known to a session, by name."""

    def __init__(self) -> None:
        self.rules: dict[str, Rule] = {}

    def add(self, rule: Rule) -> None:
        """Register a rule; two of one name are a fault of whoever wrote the second."""
        if rule.name in self.rules:
            raise BuildError(f"the rule {rule.name!r} is defined twice", reason="rule")
        self.rules[rule.name] = rule


def rule(function: Function) -> Function:
    """Mark a function as the rule of its own name; a session registers the marked functions of each rules module."""
    setattr(function, "__buildgraph_rule__", function.__name__.rstrip("_"))
    return function


def rules_of(module: Any) -> list[Rule]:
    """The rules that a module defines (not those it imports), in the order written."""
    return [
        Rule(made.__buildgraph_rule__, made)
        for made in vars(module).values()
        if hasattr(made, "__buildgraph_rule__") and made.__module__ == module.__name__
    ]


@dataclass(frozen=True, slots=True)
class Globs:
    """Files of a folder chosen by patterns, sorted by path; written as a list of globs relative to the target."""

    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Tool:
    """A program shipped in `rules/tools`, by the name of its module. The files and distributions that it uses are its inputs."""

    name: str

    @property
    def distributions(self) -> tuple[str, ...]:
        """The distributions that the program and its modules import."""
        return _closure(self.name)[1]

    def inputs(self, folder: str = "tools") -> tuple[In, ...]:
        """The program and the files that it uses, staged in a folder as they lie in `rules/tools`."""
        return tuple(
            In(Shipped(f"tools/{file}"), f"{folder}/{file}") for file in _closure(self.name)[0]
        )


@cache
def _closure(program: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(files, distributions) of a shipped program, from the table in `rules/tools`."""
    table = import_module(
        "buildgraph.rules.tools.closures"
    )  # by name, for the rules' place differs from ours
    programs = table.programs()
    if program not in programs:
        raise BuildError(
            f"no tool {program!r} ships with buildgraph",
            None,
            did_you_mean(program, programs) or f"the tools are {', '.join(programs)}",
            "rule",
        )
    found: tuple[tuple[str, ...], tuple[str, ...]] = table.closure(program)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Ctx:
    """What a rule declares its actions through; those of one title are numbered, so that each is known by its own."""

    target: Target
    titles: Counter[str] = field(default_factory=Counter)
    workspace: str = ""
    """The workspace's name, where BUILD.toml gives it one: a folder's name must not change what is built."""

    @property
    def label(self) -> Label:
        """The target being analysed."""
        return self.target.label

    @property
    def image_name(self) -> str:
        """Name and tag for an image of this target: `swarm/exports/pi5:latest`."""
        from ..types.image_name import image_name

        return image_name(self.workspace, self.label)

    def run(
        self,
        argv: Sequence[Arg],
        *,
        inputs: Sequence[In] = (),
        outputs: Sequence[Out] = (),
        title: str = "",
        **options: Any,
    ) -> tuple[Output, ...]:
        """Declare one command; artifacts, programs and outputs named in `argv` need no other mention.

        `inputs` and `outputs` are those that argv does not name. Options are fields of Action: env (mapping),
        distributions, timeout (seconds), network. Returns the outputs in the order of argv, then of `outputs`.
        """
        chosen = _chosen(argv, inputs)
        folder = "in"
        if any(path == "in" or path.startswith("in/") for path in chosen) and _meet(argv, inputs):
            folder = staged_paths.unused_path(
                "in", chosen
            )  # a source is where an output of another target would be
        staged, outs, programs, words = _read(argv, inputs, folder)
        outs += outputs
        staged_paths.check_paths(self.target, staged, outs)
        programs += options.pop("programs", ())
        env: Mapping[str, str] = options.pop("env", {})
        self._check_words(words, env, bool(options.get("distributions")))
        action = Action(
            words,
            tuple(sorted(staged.items())),
            tuple(outs),
            tuple(sorted(env.items())),
            tuple(sorted(set(programs))),
            owner=self.label,
            title=self._title(title or words[0]),
            at=self.target.lazy_location(),
            **options,
        )
        return tuple(Output(out.path, action, out.tree) for out in outs)

    def _title(self, wanted: str) -> str:
        self.titles[wanted] += 1
        return wanted if self.titles[wanted] == 1 else f"{wanted} ({self.titles[wanted]})"

    def _check_words(self, words: Iterable[str], env: Mapping[str, str], packages: bool) -> None:
        if any("\0" in word for word in (*words, *env, *env.values())):
            raise BuildError(
                f"{self.label}: no word of a command can hold a NUL",
                self.target.place("argv"),
                "pass it in a file",
            )
        if any(not name or "=" in name for name in env):
            raise BuildError(
                f"{self.label}: the name of a variable is empty or has a '='",
                self.target.place("env"),
            )
        if "PWD" in env:
            raise BuildError(
                f"{self.label}: PWD cannot be set: it is the working folder of the command",
                self.target.place("env", "PWD"),
                "use another name",
            )
        if "PYTHONPATH" in env and packages:
            raise BuildError(
                f"{self.label}: PYTHONPATH cannot be set together with packages: it is where they are",
                self.target.place("env", "PYTHONPATH"),
                "leave out one of the two",
            )

    def tool(self, tool: Tool, *argv: Arg, title: str = "", **options: Any) -> tuple[Output, ...]:
        """Declare a run of a shipped tool by the interpreter buildgraph runs with."""
        given = options.pop("inputs", ())
        folder = staged_paths.unused_path(
            "tools", _chosen(argv, given)
        )  # a module beside the tool would be imported by it
        command = (Program("python3"), "-S", "-s", "-B", f"{folder}/{tool.name}.py", *argv)
        extra = (*tool.inputs(folder), *given)
        distributions = tuple(sorted({*tool.distributions, *options.pop("distributions", ())}))
        return self.run(
            command, inputs=extra, title=title or tool.name, distributions=distributions, **options
        )


def _read(argv: Sequence[Arg], inputs: Sequence[In], folder: str) -> _Read:
    """What is staged, what is made, programs, and words; outputs of other targets get their places below `folder`."""
    staged: dict[str, Artifact] = {}
    outs: list[Out] = []
    programs: list[str] = []
    for extra in inputs:
        _stage(staged, extra)
    words = tuple(_word(arg, staged, outs, programs, folder) for arg in argv)
    return staged, outs, programs, words


def _meet(argv: Sequence[Arg], inputs: Sequence[In]) -> bool:
    """Whether two inputs would be at one place, or one below the other."""
    try:
        return staged_paths.find_nested_path(_read(argv, inputs, "in")[0]) is not None
    except BuildError:
        return True


def _chosen(argv: Sequence[Arg], inputs: Sequence[In]) -> list[str]:
    """The places that do not depend on those of others."""
    return [
        arg.path if isinstance(arg, In) else arg.name
        for arg in (*argv, *inputs)
        if isinstance(arg, (In, Source))
    ]


def _word(
    arg: Arg, staged: dict[str, Artifact], outs: list[Out], programs: list[str], folder: str
) -> str:
    match arg:
        case str():
            return arg
        case Program(name):
            programs.append(name)
            return name
        case Out(path):
            outs.append(arg)
            return f"out/{path}"
        case In():
            return _stage(staged, arg)
        case Source(name) | Shipped(name):
            return _stage(staged, In(arg, name))
    return _stage(staged, In(arg, f"{folder}/{len(staged)}/{arg.name.rpartition('/')[2]}"))


def _stage(staged: dict[str, Artifact], given: In) -> str:
    held = staged.setdefault(given.path, given.artifact)
    if held != given.artifact:
        raise BuildError(
            f"two inputs of one action are both staged as {given.path!r}", reason="rule"
        )
    return given.path
