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
    timeout: Duration = Duration(600 * SECOND),
) -> CheckGate:
    """Run a check: it passes when the program exits with 0. Inputs and argv are those of
    `command`.
    """
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
    (verdict,) = ctx.tool(
        RUN_CHECK,
        Out("verdict"),
        "--",
        Program(words[0]),
        *words[1:],
        title=f"gate {ctx.label.name}",
        inputs=tuple(staged.values()),
        env=env or {},
        distributions=tuple(sorted(packages)),
        timeout=max(1, timeout // SECOND),
    )
    return CheckGate((Gate(ctx.label.name, verdict, needs),))
