"""The rule `command`, which runs any program."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass

from buildgraph import Artifact, BuildError, Ctx, Duration, In, Out, Program, Provider, Source, rule

SECOND = 1_000_000_000  # a Duration counts nanoseconds


@dataclass(frozen=True)
class CommandOutputs(Provider):
    """Outputs of a command by the names in its table."""

    artifacts: tuple[tuple[str, Artifact], ...]

    def outputs(self) -> dict[str, Artifact]:
        """Return every output of the command."""
        return dict(self.artifacts)


@rule
def command(
    ctx: Ctx,
    argv: tuple[str, ...],
    outputs: dict[str, str],
    inputs: dict[str, Artifact] | None = None,
    env: dict[str, str] | None = None,
    programs: tuple[str, ...] = (),
    packages: tuple[str, ...] = (),
    timeout: Duration = Duration(600 * SECOND),
) -> CommandOutputs:
    """Run a program: `{name}` in argv is the path of that input or output, `{{` a literal brace.

    `inputs` are files (paths) and outputs of other targets (labels). `outputs` are paths, such as
    `site/` for a folder. `programs` are further host programs that the command starts. `packages`
    are the Python distributions that it imports.
    """
    staged = stage_inputs(inputs or {})
    outs = [Out(path.rstrip("/"), tree=path.endswith("/")) for path in outputs.values()]
    paths = {name: staged_input.path for name, staged_input in staged.items()}
    paths |= {name: f"out/{out.path}" for name, out in zip(outputs, outs, strict=True)}
    _check(ctx, outputs, paths, len(staged))
    words = expand_argv(ctx, argv, paths)
    # A bare word such as `cp` is a program of the host, also if a source has that path.
    own = words[0] in paths.values() and ("/" in words[0] or words[0] != argv[0])
    first = words[0] if own else Program(words[0])
    artifacts = ctx.run(
        (first, *words[1:]),
        inputs=tuple(staged.values()),
        outputs=outs,
        title=argv[0],
        programs=programs,
        env=env or {},
        distributions=tuple(sorted(packages)),
        timeout=max(1, timeout // SECOND),
    )
    return CommandOutputs(tuple(zip(outputs, artifacts, strict=True)))


def stage_inputs(inputs: Mapping[str, Artifact]) -> dict[str, In]:
    """Stage inputs: files at their workspace paths, outputs of targets below `in/<name>/`."""
    sources = [artifact.name for artifact in inputs.values() if isinstance(artifact, Source)]
    staged = {
        name: f"{name}/{artifact.name.rpartition('/')[2]}"
        for name, artifact in inputs.items()
        if not isinstance(artifact, Source)
    }
    folder, number = "in", 0
    while any(
        _overlap(source, f"{folder}/{path}") for source in sources for path in staged.values()
    ):
        number += 1
        folder = f"in-{number}"
    return {
        name: In(artifact, f"{folder}/{staged[name]}" if name in staged else artifact.name)
        for name, artifact in inputs.items()
    }


def _overlap(one: str, other: str) -> bool:
    """Return whether two paths are equal or one is below the other."""
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def expand_argv(ctx: Ctx, argv: tuple[str, ...], paths: Mapping[str, str]) -> list[str]:
    """Replace each `{name}` in an argv by the path of that name."""
    if not argv:
        raise BuildError(
            f"{ctx.label}: argv is empty", ctx.target.place("argv"), "name a program first"
        )
    return [_expand(ctx, number, word, paths) for number, word in enumerate(argv)]


def _expand(ctx: Ctx, number: int, word: str, paths: Mapping[str, str]) -> str:
    at = ctx.target.lazy_location("argv", number)
    try:
        pieces = list(string.Formatter().parse(word))
    except ValueError as error:
        raise BuildError(f"{word!r}: {error}", at, "write {{ and }} for braces") from None
    for _, name, form, conversion in pieces:
        if name is not None and (name not in paths or form or conversion):
            raise BuildError(
                f"{{{name}}} names no input or output of {ctx.label}",
                at,
                f"there are {', '.join(sorted(paths)) or 'none'}; write {{{{ for a brace",
            )
    return "".join(text + (paths[name] if name is not None else "") for text, name, _, _ in pieces)


def _check(ctx: Ctx, outputs: Mapping[str, str], paths: Mapping[str, str], inputs: int) -> None:
    if not outputs:
        raise BuildError(
            f"{ctx.label} has no outputs",
            ctx.target.place("outputs"),
            'such as outputs = { html = "page.html" }',
        )
    if len(paths) != inputs + len(outputs):
        raise BuildError(
            f"{ctx.label}: an input and an output have the same name",
            ctx.target.place("outputs"),
            "rename one",
        )
    for name, path in outputs.items():
        parts = path.rstrip("/").split("/")
        if (
            path.startswith("/")
            or any(part in ("", ".", "..") or len(part.encode()) > 200 for part in parts)
            or "\\" in path
            or not path.isprintable()
        ):
            raise BuildError(
                f"{path!r} is not an output path",
                ctx.target.place("outputs", name),
                "outputs are relative paths without '..', of printable characters",
            )
    if len({path.rstrip("/") for path in outputs.values()}) != len(outputs):
        raise BuildError(
            f"{ctx.label}: two outputs have the same path",
            ctx.target.place("outputs"),
            "give each its own",
        )
