"""`buildgraph model show FILE|LABEL`: what is in a model, with its cost and heat maps of its matrices."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path

from ...types.errors import OK, BuildError, BuildErrors
from ...types.events import Built, Event
from ...ui.json_document import print_document
from ..invocation import Invocation
from ..parser import Parser
from .build import how, perform, progress, request

_FAULT = "  * "
_MORE = """\
FILE is an .npz with its .json beside it, a .pomdp in Cassandra's format, or a .md in GNN. A model that is written in
Python runs in a sandbox only: name the LABEL of its target. Costs come from formulas: nothing is timed.

  buildgraph model show models/picker.npz
  buildgraph model show maze.md --layout B=action,previous,next --inference policy_len=3"""


class Outputs:
    """A listener that keeps where the outputs of a build stand."""

    def __init__(self) -> None:
        self.paths: dict[str, str] = {}

    def __call__(self, event: Event) -> None:
        """Keep an output's place under its name."""
        if isinstance(event, Built):
            self.paths[event.name] = event.path

    def close(self) -> None:
        """Nothing to put away."""


def arguments(parser: Parser) -> None:
    """The words and options of the verb."""
    parser.epilog = _MORE
    parser.add_argument(
        "action", choices=("show",), help="show: shapes, zeros, policies, cost of a step, heat maps"
    )
    parser.add_argument(
        "source",
        metavar="FILE|LABEL",
        help="a file that holds a model, or a target whose rule is model",
    )
    parser.add_argument(
        "--layout",
        action="append",
        default=[],
        metavar="MATRIX=AXES",
        help="of GNN: the order in which axes are written, such as B=action,previous,next",
    )
    parser.add_argument(
        "--prefer",
        action="append",
        default=[],
        metavar="OBSERVATION=NATS",
        help="of .pomdp: preferences that stand in for its rewards",
    )
    parser.add_argument(
        "--inference",
        action="append",
        default=[],
        metavar="WORD=VALUE",
        help="parameters that win over the file's, such as policy_len=2",
    )
    parser.add_argument(
        "--png",
        default="",
        metavar="FOLDER",
        help="also write heat maps there: A0.png, B0.png and so on",
    )
    parser.add_argument(
        "--spec", default="", metavar="FILE", help="of .npz: the .json when it stands elsewhere"
    )
    how(parser)


def run(options: Namespace) -> int:
    """Print the model; BuildErrors with all that is wrong with it."""
    word: str = options.source
    if word.startswith(("//", ":")):
        code, words = _built(options)
        if code:
            return code
    else:
        words = _words(options)
    return _shown(
        word,
        [
            *words,
            *(["--png", options.png] if options.png else []),
            *(["--json"] if options.json else []),
        ],
    )


def _built(options: Namespace) -> tuple[int, list[str]]:
    """Build the model of a label: exit code, and the words by which the program finds it."""
    given = [name for name in ("layout", "prefer", "inference", "spec") if getattr(options, name)]
    if given:
        raise BuildError(
            f"--{given[0]} is for files: {options.source} says it in its table",
            reason="usage",
            fix="leave the option out",
        )
    here = Invocation.find()
    label, outputs = here.label(options.source), Outputs()
    code = perform(here, request(here, options, (str(label),)), [progress(True), outputs])
    if code == OK and not {"ir", "labels"} <= set(outputs.paths):
        raise BuildError(
            f"{label} makes no model", fix="name a target whose rule is `model`", reason="usage"
        )
    return code, [] if code else [
        os.path.join(here.root, outputs.paths["ir"]),
        "--labels",
        os.path.join(here.root, outputs.paths["labels"]),
    ]


def _words(options: Namespace) -> list[str]:
    """The words for a file."""
    words = [
        options.source,
        "--layout",
        json.dumps(_table("--layout", options.layout)),
        "--inference",
        json.dumps(
            {name: _value(text) for name, text in _table("--inference", options.inference).items()}
        ),
    ]
    if options.prefer:
        words += [
            "--preferences",
            json.dumps(
                {name: _value(text) for name, text in _table("--prefer", options.prefer).items()}
            ),
        ]
    return words + (["--spec", options.spec] if options.spec else [])


def _table(option: str, entries: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in entries:
        name, equals, value = entry.partition("=")
        if not equals or not name or name in found:
            raise BuildError(
                f"{option} {entry}: NAME=VALUE is expected, each name once", reason="usage"
            )
        found[name] = value
    return found


def _value(text: str) -> object:
    """A number, true, false or null where the text is one, else the text."""
    try:
        value: object = json.loads(text)
    except ValueError:
        return text
    return text if isinstance(value, dict | list) else value


def _shown(name: str, words: list[str]) -> int:
    """Run the program that reads models, which needs numpy and does not belong in this process."""
    from ...host.environment import RULES_FOLDER

    program = Path(RULES_FOLDER, "tools", "show_model.py")
    done = subprocess.run(
        [sys.executable, "-s", "-B", str(program), *words],
        check=False,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    if done.returncode == 0 and "--json" in words:
        print_document(json.loads(done.stdout))
        return OK
    if done.returncode == 0:
        coding = sys.stdout.encoding or "utf-8"
        sys.stdout.write(done.stdout.encode(coding, "replace").decode(coding))
        return OK
    faults = [line[len(_FAULT) :] for line in done.stderr.splitlines() if line.startswith(_FAULT)]
    if not faults:
        lines = done.stderr.strip().splitlines() or [f"show_model ended with {done.returncode}"]
        faults = [lines[-1].removeprefix("error: ")]
    raise BuildErrors(BuildError(f"{name}: {fault}", reason="input") for fault in faults)
