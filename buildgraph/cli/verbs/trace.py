"""`buildgraph trace`: one of the last builds as a Chrome trace, from its log."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser, Namespace

from ...types.errors import OK
from ...ui.json_document import document
from ..invocation import Invocation


def arguments(parser: ArgumentParser) -> None:
    """The words and options of the verb."""
    parser.add_argument(
        "file", nargs="?", default="", metavar="FILE", help="where to write it (default: to stdout)"
    )
    parser.add_argument(
        "--before",
        type=int,
        default=0,
        metavar="N",
        choices=range(5),
        help="not of the last build but of the one N before it, up to 4",
    )
    parser.epilog = "the trace opens in Perfetto (ui.perfetto.dev) and in chrome://tracing"


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
