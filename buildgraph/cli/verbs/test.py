"""`buildgraph test PATTERN...`: build targets and print a table of the checks of their gates."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from dataclasses import replace
from typing import TYPE_CHECKING

from ..invocation import Invocation
from ..reported import add_report_options, run_reported
from .build import (
    add_build_options,
    add_since,
    choose_listeners,
    is_interactive,
    run_request,
    to_request,
)

if TYPE_CHECKING:
    from ...types.request import Request
    from ..parser import Parser
    from .build import BuildListener


def arguments(parser: Parser) -> None:
    """Declare the arguments and options."""
    parser.optional_values["--explain"] = ""
    parser.add_argument(
        "patterns", nargs="*", metavar="PATTERN", help="targets whose gates are checked"
    )
    add_build_options(parser)
    add_since(parser)
    add_report_options(parser)
    parser.add_argument(
        "--runs",
        default="",
        metavar="N",
        help="run the test files of gates of the rule pytest N times, in other orders and with "
        "other seeds, zones and times; exit with code 1 if a test fails in one of them",
    )
    parser.add_argument(
        "--explain",
        metavar="GATE",
        help="print the whole evidence of the gates of this name (without =GATE: of all): how and "
        "on what each check measured, why it failed, and what to change",
    )


def run(options: Namespace) -> int:
    """Check the gates; 0 if none failed."""
    invocation = Invocation.find()
    return run_reported(
        invocation,
        options,
        lambda: _request(invocation, options),
        lambda request, reports: run_request(invocation, request, [*_listeners(options), *reports]),
    )


def _request(invocation: Invocation, options: Namespace) -> Request:
    request = replace(to_request(invocation, options), evidence=True)
    if not options.runs:
        return request
    from ...checks.repeated_tests import repeater

    return replace(request, on_finish=repeater(options.runs))


def _listeners(options: Namespace) -> list[BuildListener]:
    """Return the progress on stderr, and the tables before the counts on stdout."""
    listeners = choose_listeners(options, frozenset({"counts"}))
    if options.json:
        return listeners
    from ...ui.gate_table import GateTable

    table = GateTable(sys.stdout, is_interactive(sys.stdout, os.environ), options.explain)
    return [*listeners[:-1], table, listeners[-1]]
