"""`buildgraph build PATTERN...`: build targets, check their gates and print their outputs."""

from __future__ import annotations

import os
import sys

from ...lite import TYPE_CHECKING
from ...types.errors import BuildError
from ...types.events import Event, Planned
from ..invocation import Invocation, ci_service
from ..signals import SignalHandler

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping
    from typing import Protocol, TextIO

    from ...build.run_build import Request
    from ...fastpath.build_words import BuildWords
    from ..parser import Parser
else:
    Protocol = object

_SUMMARY = frozenset({"outputs", "gates", "counts"})


class BuildListener(Protocol):
    """A listener that may hold resources, such as the terminal, until it is closed."""

    def __call__(self, event: Event) -> None:
        """Process an event."""
        ...

    def close(self) -> None:
        """Release the resources; may be called twice."""
        ...


def arguments(parser: Parser) -> None:
    """Declare the arguments and options."""
    parser.optional_values["--check"] = "0"
    parser.add_argument(
        "patterns",
        nargs="*",
        metavar="PATTERN",
        help="targets to build: //package:name, :name, //package:*, //package/... or //...; "
        "-PATTERN excludes targets",
    )
    add_build_options(parser)
    add_since(parser)
    from ..reported import add_report_options

    add_report_options(parser)
    parser.add_argument("--no-gates", action="store_true", help="build without checking the gates")
    parser.add_argument(
        "--trace",
        default="",
        metavar="FILE",
        help="write a Chrome trace of the build, for Perfetto",
    )
    parser.add_argument(
        "--watch", action="store_true", help="build again whenever an input of the build changes"
    )
    parser.add_argument(
        "--check",
        metavar="N",
        help="run N actions again in a varied environment and compare their outputs "
        "(without N: all actions); exit with code 3 if outputs differ",
    )
    parser.add_argument(
        "--audit",
        action="store_true",
        help="run the actions under strace without a sandbox, and report undeclared reads",
    )
    parser.add_argument(
        "--quiet", "-q", action="store_true", help="print only errors and the outputs' digests"
    )


def add_build_options(parser: ArgumentParser) -> None:
    """Declare the options that all verbs that build have in common."""
    parser.add_argument(
        "-j",
        "--jobs",
        type=int,
        default=0,
        metavar="N",
        help="number of actions to run in parallel (default: number of cores)",
    )
    parser.add_argument(
        "-k",
        "--keep-going",
        action="store_true",
        help="after a failure, continue with the actions that do not depend on it",
    )
    parser.add_argument(
        "--sandbox",
        choices=("namespaces", "landlock", "none"),
        default="",
        help="sandbox to use (default: the strongest that works on this machine)",
    )
    parser.add_argument(
        "--sandbox-debug",
        action="store_true",
        help="keep the working directory of a failed action",
    )
    parser.add_argument(
        "--out", default="", metavar="DIR", help="also copy the outputs to this folder"
    )


def add_since(parser: ArgumentParser) -> None:
    """Declare the option that restricts a build to the affected targets."""
    parser.add_argument(
        "--since",
        default="",
        metavar="REV",
        help="build only those of the targets (default: //...) that differ from a git revision",
    )


def run(options: Namespace) -> int:
    """Build what the patterns select; 0 if all of it was built and no gate failed."""
    invocation = Invocation.find()
    if not options.watch:
        return _build_once(invocation, options)
    if options.since:
        raise BuildError(
            "--since and --watch exclude each other",
            fix="name the targets to watch",
            reason="usage",
        )
    from ..errors import report_error
    from .watch import watch

    return watch(
        invocation,
        invocation.patterns(options.patterns),
        lambda: _build_once(invocation, options),
        lambda error: report_error(error, options.json),
    )


def build_words(invocation: Invocation, words: BuildWords) -> int:
    """Build what the patterns select, with the common options.

    The parser of all options is not imported, because importing argparse costs 10 ms.
    """
    from ...fastpath.manifest import is_strict
    from ...types.request import Request

    request = Request(
        tuple(words.patterns),
        jobs=words.jobs,
        keep_going=words.keep_going,
        sandbox=words.sandbox,
        gates=words.gates,
        strict=is_strict(words.strict),
        package=invocation.package,
    )
    listeners = text_listeners(words.quiet, _SUMMARY, sys.stdout)
    return run_request(invocation, request, listeners, manifest_checked=True)


def _build_once(invocation: Invocation, options: Namespace) -> int:
    listeners = choose_listeners(options, _SUMMARY)
    if options.trace:
        from ...ui.chrome_trace import Trace

        listeners.append(Trace(os.path.abspath(options.trace)))
    from ..reported import run_reported

    return run_reported(
        invocation,
        options,
        lambda: _with_check(to_request(invocation, options), options),
        lambda request, reports: run_request(invocation, request, [*listeners, *reports]),
    )


def _with_check(request: Request, options: Namespace) -> Request:
    """Return the request with the check of `--audit` or `--check`, which runs after the build."""
    from dataclasses import replace

    if options.audit:
        from ...checks.undeclared_reads import audit, require_strace

        require_strace()
        return replace(request, on_finish=audit, sandbox=request.sandbox or "none")
    if options.check is not None:
        from ...checks.reproducibility import checker

        if not options.check.isdecimal():
            raise BuildError(
                f"--check={options.check}: not a number of actions",
                reason="usage",
                fix="use --check=5, or --check for all actions",
            )
        return replace(request, on_finish=checker(int(options.check)))
    return request


def to_request(
    invocation: Invocation, options: Namespace, patterns: tuple[str, ...] = ()
) -> Request:
    """Return the request of the options; `patterns` replace those of the options."""
    from ...build.run_build import Request
    from ...fastpath.manifest import is_strict

    if options.jobs < 0:
        raise BuildError(
            f"--jobs={options.jobs}: not a number of actions",
            fix="use -j2, or -j0 for the number of cores",
            reason="usage",
        )
    if getattr(options, "since", ""):
        from ..since import patterns_since

        patterns = patterns_since(invocation, options.since, options.patterns)
    else:
        patterns = patterns or invocation.patterns(options.patterns)
    return Request(
        patterns,
        jobs=options.jobs,
        keep_going=options.keep_going,
        sandbox=options.sandbox,
        sandbox_debug=options.sandbox_debug,
        out=os.path.abspath(options.out) if options.out else "",
        gates=not getattr(options, "no_gates", False),
        strict="strict" in options and is_strict(options.strict),
        package=invocation.package,
        list_all=options.json,
    )


def choose_listeners(
    options: Namespace, show: frozenset[str], stream: TextIO | None = None
) -> list[BuildListener]:
    """Return the listeners that print a build on `stream` (default: stdout).

    With `--json` they print events; otherwise a summary of `show`, with progress on stderr.
    """
    out = stream or sys.stdout
    if options.json:
        from ...ui.json_lines import JsonLines

        return [JsonLines(out)]
    return text_listeners(getattr(options, "quiet", False), show, out)


def text_listeners(quiet: bool, show: frozenset[str], out: TextIO) -> list[BuildListener]:
    """Return the listeners that print text: progress on stderr, and a summary on `out`."""
    from ...ui.summary import Summary

    colour = is_interactive(out, os.environ)
    return [progress_listener(quiet), Summary(out, colour, show & {"outputs"} if quiet else show)]


def progress_listener(quiet: bool) -> BuildListener:
    """Return the progress display of stderr: live on a terminal, groups in CI, else plain lines.

    If `quiet`, it prints errors only.
    """
    service = ci_service(os.environ)
    if service and not quiet:
        from ...ci.log_groups import GroupedProgress

        return GroupedProgress(sys.stderr, service)
    if is_interactive(sys.stderr, os.environ) and not quiet:
        from ...ui.console import Console

        return Console(sys.stderr)
    from ...ui.plain_progress import PlainProgress

    return PlainProgress(sys.stderr, quiet)


def is_interactive(out: TextIO, environ: Mapping[str, str]) -> bool:
    """Return True for a terminal with colours and cursor movement, if NO_COLOR is not set."""
    return out.isatty() and not environ.get("NO_COLOR") and environ.get("TERM", "dumb") != "dumb"


def run_request(
    invocation: Invocation,
    request: Request,
    listeners: list[BuildListener],
    manifest_checked: bool = False,
) -> int:
    """Build a request, report to the listeners, and return the exit code.

    The build continues from the last build of the same request. `manifest_checked` says that the
    manifest of that build was compared already. Raise Interrupted if a signal arrived, even when
    the build has finished: the verb must not continue.
    """
    from ...build.run_build import build
    from ...execution.durations import DurationRecorder
    from ...fastpath.manifest import check_manifest
    from ...files.state_folder import check_state_folder
    from ...state.key_history import KeyRecorder
    from ...store.auto_gc import AutoGc
    from ...store.cache_dir import default_root
    from ...ui.event_log import EventLog

    check_state_folder(invocation.root)  # the recorders write there
    if request.can_use_manifest and not manifest_checked:
        check_manifest(invocation.root, request.words, invocation.package)
    recorders: list[BuildListener] = [
        KeyRecorder(invocation.root),
        DurationRecorder(invocation.root),
        EventLog(invocation.root),
        AutoGc(default_root(os.environ)),
    ]
    with SignalHandler() as handler:

        def listen(event: Event) -> None:
            handler.armed = handler.armed or isinstance(event, Planned)
            for listener in (*recorders, *listeners):
                listener(event)

        try:
            code = build(invocation.root, request, listen, handler.cancel)
        finally:
            for listener in (*listeners, *recorders):
                listener.close()
        return code
