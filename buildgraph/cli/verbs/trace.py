"""`buildgraph trace`: write a Chrome trace of one of the last builds, from its event log."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser, Namespace

from ...types.errors import OK
from ...ui.json_document import document
from ..invocation import Invocation


def arguments(parser: ArgumentParser) -> None:
    """Declare the arguments and options."""
    parser.add_argument(
        "file", nargs="?", default="", metavar="FILE", help="file to write (default: stdout)"
    )
    parser.add_argument(
        "--before",
        type=int,
        default=0,
        metavar="N",
        choices=range(5),
        help="trace the build N builds before the last one, up to 4 (default: 0, the last build)",
    )
    parser.epilog = "Open the trace in Perfetto (ui.perfetto.dev) or in chrome://tracing."


def run(options: Namespace) -> int:
    """Write the trace."""
    from ...ui.chrome_trace import to_chrome_trace, write_trace
    from ...ui.event_log import read_log

    records = read_log(Invocation.find().root, options.before)
    if options.file:
        write_trace(os.path.abspath(options.file), records)
    else:
        trace = to_chrome_trace(records)
        print(document(trace) if options.json else json.dumps(trace))
    return OK
