"""The interface for authors of rules: `rule`, `Ctx`, `Globs`, `Tool`.

A rule is a typed function from the values of a target's table to a provider. Its signature is the
schema of the table, and its docstring is the help. It declares actions through its `Ctx`; it must
not start processes or write files.

    from dataclasses import dataclass
    from buildgraph import Artifact, Ctx, Out, Program, Provider, Source, rule

    @dataclass(frozen=True)
    class Page(Provider):
        html: Artifact

    @rule
    def page(ctx: Ctx, text: Source, title: str = "") -> Page:
        '''A page. `text` is its Markdown file, `title` its title.'''
        (html,) = ctx.run([Program("pandoc"), "-T", title, text, "-o", Out("page.html")])
        return Page(html)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any, TypeVar

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

Function = TypeVar("Function", bound=Callable[..., Provider])


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A registered rule: its name in BUILD.toml and its function."""

    name: str
    function: Callable[..., Provider]


class Registry:
    """The rules of a build, by name."""

    def __init__(self) -> None:
        self.rules: dict[str, Rule] = {}

    def add(self, rule: Rule) -> None:
        """Register a rule; raise BuildError if its name is taken."""
        if rule.name in self.rules:
            raise BuildError(f"the rule {rule.name!r} is defined twice", reason="rule")
        self.rules[rule.name] = rule


def rule(function: Function) -> Function:
    """Mark a function as a rule. The rule has the function's name, without a trailing `_`.

    The first parameter is a `Ctx`. Each other parameter is a key of the rule's tables, and its type
    is the type of the key: text, numbers, lists, dicts and frozen dataclasses of these; `Source`,
    `Artifact` and `Globs` for files; a `Provider` class for a label; `Size` and `Duration`. A
    parameter with a default is optional. The return type is the provider class. A type that
    BUILD.toml cannot express is a BuildError as soon as a target uses the rule.
    """
    setattr(function, "__buildgraph_rule__", function.__name__.rstrip("_"))
    return function


def rules_of(module: Any) -> list[Rule]:
    """Return the rules that a module defines, in order; rules that it imports are left out."""
    return [
        Rule(value.__buildgraph_rule__, value)
        for value in vars(module).values()
        if hasattr(value, "__buildgraph_rule__") and value.__module__ == module.__name__
    ]


@dataclass(frozen=True, slots=True)
class Globs:
    """The files that a list of globs matches, sorted by path.

    A parameter of this type is written as `srcs = ["src/**/*.c", "!src/test_*"]`; globs are relative
    to the folder of BUILD.toml, and `!` removes files. A glob that matches no file is an error.
    """

    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Tool:
    """A program that ships in `rules/tools`, by the name of its module.

    Its inputs are the files and distributions that it uses. An unknown name is a BuildError when
    they are asked for.
    """

    name: str

    @property
    def distributions(self) -> tuple[str, ...]:
        """The Python distributions that the program and its modules import."""
        return _closure(self.name)[1]

    def inputs(self, folder: str = "tools") -> tuple[In, ...]:
        """Return the files of the program, staged in a folder as they are in `rules/tools`."""
        files = _closure(self.name)[0]
        return tuple(In(Shipped(f"tools/{file}"), f"{folder}/{file}") for file in files)


@cache
def _closure(program: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return (files, distributions) of a shipped program, from the table in `rules/tools`."""
    # By name, because the folder of the rules is not within this package in a checkout.
    table = import_module("buildgraph.rules.tools.closures")
    programs = table.programs()
    if program not in programs:
        raise BuildError(
            f"no tool {program!r} ships with buildgraph",
            None,
            did_you_mean(program, programs) or f"the tools are {', '.join(programs)}",
            "rule",
        )
    closure: tuple[tuple[str, ...], tuple[str, ...]] = table.closure(program)
    return closure


@dataclass(frozen=True, slots=True, eq=False)
class Ctx:
    """The context of a rule: its target, and the functions that declare actions.

    `workspace` is the name that BUILD.toml gives to the workspace, '' if it gives none: the name of
    its folder must not influence outputs. `titles` counts the actions of each title, so that equal
    titles are numbered.
    """

    target: Target
    titles: Counter[str] = field(default_factory=Counter)
    workspace: str = ""

    @property
    def label(self) -> Label:
        """The label of the target."""
        return self.target.label

    @property
    def image_name(self) -> str:
        """The name and tag for an image of this target: `swarm/exports/pi5:latest`."""
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
        """Declare an action that runs one command. Nothing runs yet.

        Artifacts, programs and outputs in `argv` are replaced by their paths and need no other
        declaration; `inputs` and `outputs` are those that `argv` does not name. `title` is shown
        while the action runs; the default is the first word. `options` are fields of Action: `env`
        (a mapping), `programs`, `distributions`, `timeout` (in seconds), `network`.

        Returns the outputs in the order of `argv`, then of `outputs`. Raises BuildError if two
        inputs or outputs have the same path, a word contains NUL, or a variable is not allowed.

            (copy,) = ctx.run(["cp", source, Out("copy.txt")], title="copy", timeout=10)
        """
        fixed = _fixed_paths(argv, inputs)
        folder = "in"
        # A source at the place of another target's output moves those to an unused folder.
        if any(f"{path}/".startswith("in/") for path in fixed) and _have_clash(argv, inputs):
            folder = staged_paths.unused_path("in", fixed)
        command = _Command(folder, argv, inputs)
        outs = [*command.outs, *outputs]
        staged_paths.check_paths(self.target, command.staged, outs)
        programs = {*command.programs, *options.pop("programs", ())}
        env: Mapping[str, str] = options.pop("env", {})
        self._check_words(command.words, env, bool(options.get("distributions")))
        action = Action(
            command.words,
            tuple(sorted(command.staged.items())),
            tuple(outs),
            tuple(sorted(env.items())),
            tuple(sorted(programs)),
            owner=self.label,
            title=self._numbered(title or command.words[0]),
            at=self.target.lazy_location(),
            **options,
        )
        return tuple(Output(out.path, action, out.tree) for out in outs)

    def tool(self, tool: Tool, *argv: Arg, title: str = "", **options: Any) -> tuple[Output, ...]:
        """Declare an action that runs a shipped tool with buildgraph's Python interpreter.

        `argv` are the arguments of the tool. `title` (default: the tool's name) and `options` are
        those of `run`. Raises BuildError as `run` does, and for an unknown tool.

            (plan,) = ctx.tool(Tool("plan_agent"), "--agents", model, Out("plan.json"))
        """
        inputs = options.pop("inputs", ())
        # A module beside the tool could be imported in place of the tool's own.
        folder = staged_paths.unused_path("tools", _fixed_paths(argv, inputs))
        command = (Program("python3"), "-S", "-s", "-B", f"{folder}/{tool.name}.py", *argv)
        distributions = {*tool.distributions, *options.pop("distributions", ())}
        return self.run(
            command,
            inputs=(*tool.inputs(folder), *inputs),
            title=title or tool.name,
            distributions=tuple(sorted(distributions)),
            **options,
        )

    def _numbered(self, title: str) -> str:
        self.titles[title] += 1
        return title if self.titles[title] == 1 else f"{title} ({self.titles[title]})"

    def _check_words(
        self, words: Iterable[str], env: Mapping[str, str], has_distributions: bool
    ) -> None:
        if any("\0" in word for word in (*words, *env, *env.values())):
            raise BuildError(
                f"{self.label}: a word of the command contains NUL",
                self.target.place("argv"),
                "pass it in a file",
            )
        if any(not name or "=" in name for name in env):
            raise BuildError(
                f"{self.label}: the name of a variable is empty or contains '='",
                self.target.place("env"),
            )
        if "PWD" in env:
            raise BuildError(
                f"{self.label}: PWD cannot be set: it is the working folder of the command",
                self.target.place("env", "PWD"),
                "use another name",
            )
        if "PYTHONPATH" in env and has_distributions:
            raise BuildError(
                f"{self.label}: PYTHONPATH cannot be set together with packages, whose folder it is",
                self.target.place("env", "PYTHONPATH"),
                "leave out one of the two",
            )


class _Command:
    """A command and what it refers to; outputs of other targets are staged below `folder`."""

    def __init__(self, folder: str, argv: Sequence[Arg], inputs: Sequence[In]) -> None:
        self._folder = folder
        self.staged: dict[str, Artifact] = {}
        self.outs: list[Out] = []
        self.programs: list[str] = []
        for artifact in inputs:
            self._stage(artifact)
        self.words = tuple(map(self._word, argv))

    def _word(self, arg: Arg) -> str:
        match arg:
            case str():
                return arg
            case Program(name):
                self.programs.append(name)
                return name
            case Out(path):
                self.outs.append(arg)
                return f"out/{path}"
            case In():
                return self._stage(arg)
            case Source(name) | Shipped(name):
                return self._stage(In(arg, name))
        name = arg.name.rpartition("/")[2]
        return self._stage(In(arg, f"{self._folder}/{len(self.staged)}/{name}"))

    def _stage(self, staged: In) -> str:
        artifact = self.staged.setdefault(staged.path, staged.artifact)
        if artifact != staged.artifact:
            raise BuildError(
                f"two inputs of one action are both staged as {staged.path!r}", reason="rule"
            )
        return staged.path


def _have_clash(argv: Sequence[Arg], inputs: Sequence[In]) -> bool:
    """True if two inputs have the same path, or one is below the other."""
    try:
        return staged_paths.find_nested_path(_Command("in", argv, inputs).staged) is not None
    except BuildError:
        return True


def _fixed_paths(argv: Sequence[Arg], inputs: Sequence[In]) -> list[str]:
    """Return the staged paths that do not depend on other inputs."""
    return [
        arg.path if isinstance(arg, In) else arg.name
        for arg in (*argv, *inputs)
        if isinstance(arg, (In, Source))
    ]
