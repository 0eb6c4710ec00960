"""`buildgraph build PATTERN...`: make targets, check their gates, and say where the outputs stand."""

from __future__ import annotations

import os
import sys

from ...lite import TYPE_CHECKING
from ...types.errors import BuildError
from ...types.events import Event, Planned
from ..invocation import Invocation
from ..signals import SignalHandler

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping, Sequence
    from typing import Protocol, TextIO

    from ...build.run_build import Request
    from ..parser import Parser
else:
    Protocol = object


class Screen(Protocol):
    """A listener that may hold a terminal until it is closed."""

    def __call__(self, event: Event) -> None:
        """Take an event in."""
        ...

    def close(self) -> None:
        """Give the terminal back; may be called twice."""
        ...


def arguments(parser: Parser) -> None:
    """The words and options of the verb."""
    parser.optional_values["--check"] = "0"
    parser.add_argument(
        "patterns",
        nargs="*",
        metavar="PATTERN",
        help="//package:name, :name, //..., //package/..., "
        "//package:* or -PATTERN to leave some out",
    )
    how(parser)
    parser.add_argument("--no-gates", action="store_true", help="build without checking the gates")
    parser.add_argument(
        "--trace", default="", metavar="FILE", help="write a Chrome trace: it opens in Perfetto"
    )
    parser.add_argument(
        "--watch", action="store_true", help="build again whenever what it reads changes"
    )
    parser.add_argument(
        "--check",
        metavar="N",
        help="make N of the actions (--check alone: all) again in a varied "
        "environment; 3 when one comes out different",
    )
    parser.add_argument(
        "--audit",
        action="store_true",
        help="run the actions under strace, without a sandbox, and name what they read undeclared",
    )
    parser.add_argument(
        "--quiet", "-q", action="store_true", help="say nothing but faults and the outputs' digests"
    )


def how(parser: ArgumentParser) -> None:
    """The options of every verb that builds."""
    parser.add_argument(
        "-j",
        "--jobs",
        type=int,
        default=0,
        metavar="N",
        help="actions at a time (default: the cores)",
    )
    parser.add_argument(
        "-k", "--keep-going", action="store_true", help="go on with what does not need what failed"
    )
    parser.add_argument(
        "--sandbox",
        choices=("namespaces", "landlock", "none"),
        default="",
        help="the sandbox to use (default: the strongest that works here)",
    )
    parser.add_argument(
        "--sandbox-debug", action="store_true", help="keep the folder of an action that failed"
    )
    parser.add_argument(
        "--out", default="", metavar="DIR", help="copy the outputs to this folder as well"
    )


def run(options: Namespace) -> int:
    """Build what the words name; 0 when all of it stands and no gate failed."""
    here = Invocation.find()
    if not options.watch:
        return _once(here, options)
    from ..errors import report_error
    from .watch import watch

    return watch(
        here,
        here.patterns(options.patterns),
        lambda: _once(here, options),
        lambda fault: report_error(fault, options.json),
    )


def plain(here: Invocation, patterns: Sequence[str]) -> int:
    """Build what patterns name, with no option given; without the parser of options, which is dear."""
    from ...types.request import Request

    wanted = Request(tuple(patterns), package=here.package)
    return perform(
        here,
        wanted,
        said(False, frozenset({"outputs", "gates", "counts"}), sys.stdout),
        looked=True,
    )


def _once(here: Invocation, options: Namespace) -> int:
    screens = choose(options, frozenset({"outputs", "gates", "counts"}))
    if options.trace:
        from ...ui.chrome_trace import Trace

        screens.append(Trace(os.path.abspath(options.trace)))
    return perform(here, _looked_at(request(here, options), options), screens)


def _looked_at(wanted: Request, options: Namespace) -> Request:
    """The request with what looks at the build when it is done."""
    from dataclasses import replace

    if options.audit:
        from ...checks.undeclared_reads import audit, require_strace

        require_strace()
        return replace(wanted, on_finish=audit, sandbox=wanted.sandbox or "none")
    if options.check is not None:
        from ...checks.reproducibility import checker

        if not options.check.isdecimal():
            raise BuildError(
                f"--check={options.check} is no number",
                reason="usage",
                fix="--check=5, or --check for all",
            )
        return replace(wanted, on_finish=checker(int(options.check)))
    return wanted


def request(here: Invocation, options: Namespace, patterns: tuple[str, ...] = ()) -> Request:
    """What the session is asked for; `patterns` stand in for those of the options."""
    from ...build.run_build import Request

    if options.jobs < 0:
        raise BuildError(
            f"--jobs={options.jobs} is no number of actions",
            fix="-j2, or -j0 for the cores",
            reason="usage",
        )
    return Request(
        patterns or here.patterns(options.patterns),
        jobs=options.jobs,
        keep_going=options.keep_going,
        sandbox=options.sandbox,
        sandbox_debug=options.sandbox_debug,
        out=os.path.abspath(options.out) if options.out else "",
        gates=not getattr(options, "no_gates", False),
        package=here.package,
        list_all=options.json,
    )


def choose(options: Namespace, show: frozenset[str], stream: TextIO | None = None) -> list[Screen]:
    """The listeners wanted: JSON on `stream` (stdout), or a summary of `show` there and progress on stderr."""
    out = stream or sys.stdout
    if options.json:
        from ...ui.json_lines import JsonLines

        return [JsonLines(out)]
    return said(getattr(options, "quiet", False), show, out)


def said(quiet: bool, show: frozenset[str], out: TextIO) -> list[Screen]:
    """The listeners of a build for people."""
    from ...ui.summary import Summary

    colour = lively(out, os.environ)
    return [progress(quiet), Summary(out, colour, show & {"outputs"} if quiet else show)]


def progress(quiet: bool) -> Screen:
    """Live lines on a terminal, plain lines elsewhere, only faults when quiet."""
    if lively(sys.stderr, os.environ) and not quiet:
        from ...ui.console import Console

        return Console(sys.stderr)
    from ...ui.plain_progress import PlainProgress

    return PlainProgress(sys.stderr, quiet)


def lively(out: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether to draw and colour: a terminal that is not dumb, and nobody set NO_COLOR."""
    return out.isatty() and not environ.get("NO_COLOR") and environ.get("TERM", "dumb") != "dumb"


def perform(here: Invocation, wanted: Request, screens: list[Screen], looked: bool = False) -> int:
    """Run the session before these listeners; Interrupted when a signal came, so that nothing follows a build in spite of it.

    It goes on from the last build of the same request, at which the command line has `looked` already where it has no option.
    """
    from ...build.run_build import build
    from ...execution.durations import DurationRecorder
    from ...fastpath.manifest import check_manifest
    from ...files.state_folder import check_state_folder
    from ...state.key_history import KeyRecorder
    from ...store.auto_gc import AutoGc
    from ...store.cache_dir import default_root
    from ...ui.event_log import EventLog

    check_state_folder(here.root)  # the listeners write there
    if wanted.can_use_manifest and not looked:
        check_manifest(here.root, wanted.words, here.package)
    kept: list[Screen] = [
        KeyRecorder(here.root),
        DurationRecorder(here.root),
        EventLog(here.root),
        AutoGc(default_root(os.environ)),
    ]
    every = (*kept, *screens)
    with SignalHandler() as stop:

        def listen(event: Event) -> None:
            stop.armed = stop.armed or isinstance(event, Planned)
            for screen in every:
                screen(event)

        try:
            code = build(here.root, wanted, listen, stop.cancel)
        finally:
            for screen in (*screens, *kept):
                screen.close()
        return code
