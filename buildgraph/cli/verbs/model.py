"""`buildgraph model show FILE|LABEL`: print the shapes, costs and heat maps of a model."""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from collections.abc import Iterable

from ...types.errors import OK, BuildError, BuildErrors
from ...types.events import Built, Event
from ...ui.json_document import print_document
from ..invocation import Invocation
from ..parser import Parser
from .build import add_build_options, progress_listener, run_request, to_request

_ERROR_PREFIX = "  * "  # of each error that show_model prints on stderr
_EPILOG = """\
FILE is an .npz file with its .json file beside it, a .pomdp file in Cassandra's format, or an .md
file in GNN. A model written in Python runs in a sandbox only: use the LABEL of its target. Costs
are computed from formulas, not measured.

  buildgraph model show models/picker.npz
  buildgraph model show maze.md --layout B=action,previous,next --inference policy_len=3"""


class OutputCollector:
    """A listener that collects the paths of the outputs of a build, by name."""

    def __init__(self) -> None:
        self.paths: dict[str, str] = {}

    def __call__(self, event: Event) -> None:
        """Keep the path of an output."""
        if isinstance(event, Built):
            self.paths[event.name] = event.path

    def close(self) -> None:
        """Do nothing: there is nothing to release."""


def arguments(parser: Parser) -> None:
    """Declare the arguments and options."""
    parser.epilog = _EPILOG
    parser.add_argument(
        "action",
        choices=("show",),
        help="show: print shapes, zeros, policies, the cost of a step, and heat maps",
    )
    parser.add_argument(
        "source", metavar="FILE|LABEL", help="model file, or target whose rule is `model`"
    )
    parser.add_argument(
        "--layout",
        action="append",
        default=[],
        metavar="MATRIX=AXES",
        help="GNN: order of a matrix's axes in the file, such as B=action,previous,next",
    )
    parser.add_argument(
        "--prefer",
        action="append",
        default=[],
        metavar="OBSERVATION=NATS",
        help=".pomdp: preference for an observation, instead of the file's rewards",
    )
    parser.add_argument(
        "--inference",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="parameter that overrides the file's, such as policy_len=2",
    )
    parser.add_argument(
        "--png",
        default="",
        metavar="FOLDER",
        help="also write heat maps to this folder: A0.png, B0.png and so on",
    )
    parser.add_argument(
        "--spec", default="", metavar="FILE", help=".npz: .json file, if it is not beside the .npz"
    )
    add_build_options(parser)


def run(options: Namespace) -> int:
    """Print the model; BuildErrors with all its errors if it is not valid."""
    source: str = options.source
    if source.startswith(("//", ":")):
        code, words = _build_model(options)
        if code:
            return code
    else:
        words = _file_arguments(options)
    if options.png:
        words += ["--png", options.png]
    if options.json:
        words += ["--json"]
    return _show(source, words)


def _build_model(options: Namespace) -> tuple[int, list[str]]:
    """Build the model of a label; return the exit code and the arguments for `show_model`."""
    refused = next(
        (name for name in ("layout", "prefer", "inference", "spec") if getattr(options, name)), ""
    )
    if refused:
        raise BuildError(
            f"--{refused} is for files: {options.source} has this value in its table",
            reason="usage",
            fix="omit the option",
        )
    invocation = Invocation.find()
    label, outputs = invocation.label(options.source), OutputCollector()
    request = to_request(invocation, options, (str(label),))
    code = run_request(invocation, request, [progress_listener(True), outputs])
    if code:
        return code, []
    if not {"ir", "labels"} <= set(outputs.paths):
        raise BuildError(
            f"{label} produces no model",
            fix="name a target whose rule is `model`",
            reason="usage",
        )
    ir, labels = (os.path.join(invocation.root, outputs.paths[name]) for name in ("ir", "labels"))
    return OK, [ir, "--labels", labels]


def _file_arguments(options: Namespace) -> list[str]:
    """Return the arguments of `show_model` for a file."""
    layout = _parse_table("--layout", options.layout)
    words = [options.source, "--layout", json.dumps(layout)]
    words += ["--inference", json.dumps(_parse_values("--inference", options.inference))]
    if options.prefer:
        words += ["--preferences", json.dumps(_parse_values("--prefer", options.prefer))]
    return words + (["--spec", options.spec] if options.spec else [])


def _parse_table(option: str, entries: Iterable[str]) -> dict[str, str]:
    table: dict[str, str] = {}
    for entry in entries:
        name, equals, value = entry.partition("=")
        if not equals or not name or name in table:
            raise BuildError(
                f"{option} {entry}: NAME=VALUE is expected, each name once", reason="usage"
            )
        table[name] = value
    return table


def _parse_values(option: str, entries: Iterable[str]) -> dict[str, object]:
    return {name: _parse_value(text) for name, text in _parse_table(option, entries).items()}


def _parse_value(text: str) -> object:
    """Parse a number, true, false or null; return any other text unchanged."""
    try:
        value: object = json.loads(text)
    except ValueError:
        return text
    return text if isinstance(value, dict | list) else value


def _show(name: str, words: list[str]) -> int:
    """Print what the shipped program `show_model` prints."""
    from ...report.models import show_model

    process = show_model(words)
    if process.returncode == 0 and "--json" in words:
        print_document(json.loads(process.stdout))
        return OK
    if process.returncode == 0:
        encoding = sys.stdout.encoding or "utf-8"
        sys.stdout.write(process.stdout.encode(encoding, "replace").decode(encoding))
        return OK
    raise BuildErrors(
        BuildError(f"{name}: {message}", reason="input")
        for message in _error_messages(process.stderr, process.returncode)
    )


def _error_messages(stderr: str, code: int) -> list[str]:
    """Return the errors that `show_model` listed; the last line if it listed none."""
    lines = stderr.splitlines()
    messages = [
        line.removeprefix(_ERROR_PREFIX) for line in lines if line.startswith(_ERROR_PREFIX)
    ]
    if messages:
        return messages
    lines = stderr.strip().splitlines() or [f"show_model exited with {code}"]
    return [lines[-1].removeprefix("error: ")]
