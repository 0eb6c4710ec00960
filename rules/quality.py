"""The rules `mypy`, `flake8`, `pytest`, `tsc`, `eslint` and `jest`: quality gates of sources."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from buildgraph import (
    Artifact,
    BuildError,
    Content,
    Ctx,
    Duration,
    Gate,
    Globs,
    In,
    Out,
    Program,
    Source,
    Tool,
    rule,
)

from .command import SECOND
from .gate import CheckGate
from .packages import NodePackages, PythonPackages

RUN_QUALITY = Tool("run_quality")
RUN_PYTEST = Tool("run_pytest")
MERGE_COVERAGE = Tool("merge_coverage")
_TIMEOUT = Duration(1800 * SECOND)
_TOP = "in/sources"
_KEEPS_RECORDS = (("previous", "records"),)


@dataclass(frozen=True)
class QualityGate(CheckGate):
    """A gate of sources.

    `reports` are JUnit files of those that run tests, one for each shard; `coverage` is an LCOV
    file of what the tests of all shards execute, and `coverage_report` a table of it.
    """

    reports: tuple[Artifact, ...] = ()
    coverage: Artifact | None = None
    coverage_report: Artifact | None = None

    def outputs(self) -> dict[str, Artifact]:
        """The reports as `junit`, or as `junit_1` and so on, and the coverage."""
        names = [f"junit_{number + 1}" for number in range(len(self.reports))]
        names = ["junit"] if len(names) == 1 else names
        return {**dict(zip(names, self.reports, strict=True)), **super().outputs()}


@dataclass(frozen=True)
class Checker:
    """A row of the table: the tool, the distributions that it is made of, and the rule's help."""

    tool: str
    help: str
    distributions: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Request:
    """The values of a target, whatever its tool."""

    checker: Checker
    srcs: Globs
    config: Source | None
    data: Globs | None
    args: tuple[str, ...]
    timeout: Duration
    roots: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    tools: PythonPackages | None = None
    tree: Artifact | None = None
    more: dict[str, object] = field(default_factory=dict)


_SAME = """

    `srcs` are the checked files and all that they import; `config` is the file of settings and
    `data` are further files that they read. `args` are passed to the tool. It runs in a writable
    copy. A file is checked again only when it, its settings, or what it sees of its imports
    changed; the verdict is that of a full run."""
_PYTHON = """ `roots` are folders from which absolute imports start. The tool
    comes from the environment of buildgraph, with `packages` beside it, or from `tools`, a
    `python_packages` target."""
_NODE = """ The tool comes from `tools`, a `node_packages` target."""
CHECKERS = {
    row.tool: row
    for row in (
        Checker(
            "mypy",
            f"Check types with mypy: each module against the interfaces of its imports.{_SAME}"
            f"{_PYTHON}",
            ("mypy",),
        ),
        Checker("flake8", f"Check style with flake8, file by file.{_SAME}{_PYTHON}", ("flake8",)),
        Checker(
            "pytest",
            f"Run tests with pytest: each test file in a folder with what it imports.{_SAME}"
            f"{_PYTHON} `runs = 20` runs each file that often, with other orders, seeds and times,"
            " and shows an interval of the share of failures; `shards = 4` makes four gates. With"
            " `coverage = true` the target has an LCOV file of the lines that the tests execute,"
            " `coverage`, and a table, `coverage_report`. `junit` has the single tests.",
            ("pytest",),
        ),
        Checker("tsc", f"Check types with TypeScript, without output.{_SAME}{_NODE}"),
        Checker("eslint", f"Check JavaScript and TypeScript with ESLint.{_SAME}{_NODE}"),
        Checker("jest", f"Run tests with Jest.{_SAME}{_NODE}"),
    )
}


def _python_rule(checker: Checker) -> Callable[..., QualityGate]:
    def check(
        ctx: Ctx,
        srcs: Globs,
        *,
        config: Source | None = None,
        data: Globs | None = None,
        roots: tuple[str, ...] = (),
        args: tuple[str, ...] = (),
        packages: tuple[str, ...] = (),
        tools: PythonPackages | None = None,
        timeout: Duration = _TIMEOUT,
    ) -> QualityGate:
        request = _Request(
            checker,
            srcs,
            config,
            data,
            args,
            timeout,
            roots,
            packages,
            tools,
        )
        return QualityGate((_declare(ctx, request)[0],))

    check.__name__, check.__doc__ = checker.tool, checker.help
    return rule(check)


def _node_rule(checker: Checker) -> Callable[..., QualityGate]:
    def check(
        ctx: Ctx,
        srcs: Globs,
        *,
        tools: NodePackages,
        config: Source | None = None,
        data: Globs | None = None,
        args: tuple[str, ...] = (),
        timeout: Duration = _TIMEOUT,
    ) -> QualityGate:
        if checker.tool == "tsc" and config is None:
            raise BuildError(
                f"{ctx.label}: tsc needs its file of settings",
                ctx.target.place("rule"),
                'write config = "tsconfig.json"',
            )
        request = _Request(checker, srcs, config, data, args, timeout, tree=tools.tree)
        return QualityGate((_declare(ctx, request)[0],))

    check.__name__, check.__doc__ = checker.tool, checker.help
    return rule(check)


def _test_rule(checker: Checker) -> Callable[..., QualityGate]:
    def check(
        ctx: Ctx,
        srcs: Globs,
        *,
        config: Source | None = None,
        data: Globs | None = None,
        roots: tuple[str, ...] = (),
        args: tuple[str, ...] = (),
        packages: tuple[str, ...] = (),
        programs: tuple[str, ...] = (),
        tools: PythonPackages | None = None,
        runs: int = 1,
        shards: int = 1,
        coverage: bool = False,
        timeout: Duration = _TIMEOUT,
    ) -> QualityGate:
        more = {"runs": runs, "coverage": coverage, "programs": programs}
        request = _Request(
            checker,
            srcs,
            config,
            data,
            args,
            timeout,
            roots,
            packages,
            tools,
            more=more,
        )
        return _declare_shards(ctx, request, shards)

    check.__name__, check.__doc__ = checker.tool, checker.help
    return rule(check)


mypy = _python_rule(CHECKERS["mypy"])
flake8 = _python_rule(CHECKERS["flake8"])
tsc = _node_rule(CHECKERS["tsc"])
eslint = _node_rule(CHECKERS["eslint"])
jest = _node_rule(CHECKERS["jest"])
pytest = _test_rule(CHECKERS["pytest"])


def _declare_shards(ctx: Ctx, request: _Request, shards: int) -> QualityGate:
    """Declare a gate for each shard of the test files, and the merged coverage of all."""
    for key, value in (("runs", request.more["runs"]), ("shards", shards)):
        if not isinstance(value, int) or not 1 <= value <= 1000:
            raise BuildError(
                f"{ctx.label}: {key} is {value}", ctx.target.place(key), "use 1 to 1000"
            )
    gates, reports, measured = list[Gate](), list[Artifact](), list[Artifact]()
    for number in range(1, shards + 1):
        shard = f"{number}/{shards}" if shards > 1 else ""
        gate, outputs = _declare(ctx, replace(request, more=request.more | {"shard": shard}))
        gates.append(gate)
        reports.append(outputs[0])
        measured += outputs[1:]
    if not measured:
        return QualityGate(tuple(gates), tuple(reports))
    lcov, page = ctx.tool(
        MERGE_COVERAGE,
        Out("coverage.lcov"),
        Out("coverage.txt"),
        *(In(artifact, f"in/{number}.lcov") for number, artifact in enumerate(measured)),
        title="merge the coverage",
    )
    return QualityGate(tuple(gates), tuple(reports), lcov, page)


def _declare(ctx: Ctx, request: _Request) -> tuple[Gate, list[Artifact]]:
    """Declare the action of a gate; its records of the last run are offered to the next."""
    tool = request.checker.tool
    more = dict(request.more)
    programs = tuple(str(name) for name in more.pop("programs", ()))  # type: ignore[attr-defined]
    shard = str(more.get("shard", ""))
    name = f"{ctx.label.name} {shard}".strip()
    outs = [Out("evidence.json")] + ([Out("junit.xml")] if tool == "pytest" else [])
    outs += [Out("tests.lcov")] if more.get("coverage") else []
    tree = (In(request.tree, "in/node_modules"),) if request.tree is not None else ()
    site = (In(request.tools.tree, "in/site"),) if request.tools is not None else ()
    words: tuple[str | Program, ...] = ()
    distributions = () if request.tools is not None else request.checker.distributions
    distributions += ("coverage",) if more.get("coverage") and request.tools is None else ()
    if request.tree is not None:
        words = (Program("node"),)
    outputs = ctx.tool(
        RUN_PYTEST if tool == "pytest" else RUN_QUALITY,
        In(Content("plan.json", _plan(ctx, request, name, more)), "in/plan.json"),
        _TOP,
        *outs,
        *words,
        title=f"{tool} {name}",
        inputs=(*_staged(ctx, request), *tree, *site),
        programs=programs,
        distributions=tuple(sorted({*distributions, *request.packages})),
        platform=_KEEPS_RECORDS,
        timeout=max(1, request.timeout // SECOND),
    )
    needs = ("node",) if request.tree is not None else ()
    return Gate(name, outputs[0], needs), list(outputs[1:])


def _staged(ctx: Ctx, request: _Request) -> tuple[In, ...]:
    """The files of a target, at paths relative to its folder."""
    every = {*request.srcs.sources, *(request.data.sources if request.data else ())}
    every |= {request.config} if request.config is not None else set()
    return tuple(
        In(source, f"{_TOP}/{_relative(ctx, source)}")
        for source in sorted(every, key=lambda source: source.name)
    )


def _relative(ctx: Ctx, source: Source) -> str:
    return source.name.removeprefix(f"{ctx.target.folder}/" if ctx.target.folder else "")


def _plan(ctx: Ctx, request: _Request, gate: str, more: dict[str, object]) -> bytes:
    plan: dict[str, object] = {
        "gate": gate,
        "tool": request.checker.tool,
        "folder": ctx.target.folder,
        "srcs": [_relative(ctx, source) for source in request.srcs.sources],
        "data": [_relative(ctx, source) for source in request.data.sources] if request.data else [],
        "config": _relative(ctx, request.config) if request.config is not None else "",
        "roots": ["", *request.roots],
        "args": list(request.args),
        "tree": "in/node_modules" if request.tree is not None else "",
        "site": "in/site" if request.tools is not None else "",
    }
    return json.dumps(plan | more, sort_keys=True).encode()
