"""The rule `gate`: a check that must succeed, such as a linter, a type checker or a test."""

from __future__ import annotations

from dataclasses import dataclass

from buildgraph import (
    Artifact,
    BuildError,
    Ctx,
    Duration,
    Gate,
    In,
    Out,
    Program,
    Provider,
    Tool,
    rule,
)

from .command import SECOND, expand_argv, stage_inputs
from .packages import NodePackages

RUN_CHECK = Tool("run_check")


@dataclass(frozen=True)
class CheckGate(Provider):
    """A gate with a label of its own."""

    gates: tuple[Gate, ...]


@rule
def gate(
    ctx: Ctx,
    argv: tuple[str, ...],
    inputs: dict[str, Artifact] | None = None,
    env: dict[str, str] | None = None,
    packages: tuple[str, ...] = (),
    tools: NodePackages | None = None,
    timeout: Duration = Duration(600 * SECOND),
) -> CheckGate:
    """Run a check: it passes when the program exits with 0. Inputs and argv are those of
    `command`. It runs in a writable copy of its inputs.

    `argv[0]` is a program of the host, `"venv:flake8"` a Python tool of the environment of
    buildgraph, run as `python3 -m flake8`, or `"node:eslint"` a program of `tools`, a
    `node_packages` target.
    """
    if argv and argv[0].startswith(("venv:", "node:")):
        argv, packages = _named_tool(ctx, argv, packages, tools)
    staged: dict[str, In] = stage_inputs(inputs or {})
    words = expand_argv(
        ctx, argv, {name: staged_input.path for name, staged_input in staged.items()}
    )
    if words[0] in {staged_input.path for staged_input in staged.values()} and (
        "/" in words[0] or words[0] != argv[0]
    ):
        raise BuildError(
            f"{ctx.label}: a gate starts a program of the host",
            ctx.target.place("argv"),
            'such as argv = ["python3", "{script}"]',
        )
    needs = () if words[0] == "python3" else (words[0],)
    modules = (In(tools.tree, "node_modules"),) if tools is not None else ()
    (verdict,) = ctx.tool(
        RUN_CHECK,
        Out("verdict"),
        "--",
        Program(words[0]),
        *words[1:],
        title=f"gate {ctx.label.name}",
        inputs=(*staged.values(), *modules),
        env=env or {},
        distributions=tuple(sorted(packages)),
        timeout=max(1, timeout // SECOND),
    )
    return CheckGate((Gate(ctx.label.name, verdict, needs),))


def _named_tool(
    ctx: Ctx, argv: tuple[str, ...], packages: tuple[str, ...], tools: NodePackages | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the words and the packages of a tool that argv names by where it comes from."""
    kind, _, name = argv[0].partition(":")
    at = ctx.target.place("argv")
    if not name.replace("-", "").replace("_", "").replace(".", "").isalnum():
        raise BuildError(f"{argv[0]!r} names no tool", at, f'such as "{kind}:flake8"')
    if kind == "venv":
        return ("python3", "-m", name.replace("-", "_"), *argv[1:]), (*packages, name)
    if tools is None:
        raise BuildError(
            f"{ctx.label}: {argv[0]} needs packages of node",
            at,
            'write tools = "//:packages", a target with rule = "node_packages"',
        )
    return ("node", f"node_modules/.bin/{name}", *argv[1:]), packages
