"""`buildgraph report PATTERN...`: build exports and write one HTML file about them."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...types.errors import FAILED, OK, USAGE, BuildError
from ...types.label import Label
from ...ui.json_document import print_document
from ..invocation import Invocation
from .build import add_build_options, progress_listener, run_request, to_request

if TYPE_CHECKING:
    from ...explain.query import Answer
    from ...report.collect import OutcomeCollector
    from ...workspace.workspace import Workspace

_EPILOG = """\
The file has everything that it needs, opens without a network, and is the same on every machine.
With --history it also has the last builds of this workspace, which are not.

  buildgraph report
  buildgraph report //exports:jetson --html jetson.html
  buildgraph report --history 5"""
_FILE = "out/report.html"


def arguments(parser: ArgumentParser) -> None:
    """Declare the arguments and options."""
    from ...ui.event_log import KEPT

    parser.epilog = _EPILOG
    parser.add_argument(
        "patterns",
        nargs="*",
        metavar="PATTERN",
        help="exports on the page (default: all of the workspace)",
    )
    parser.add_argument(
        "--html",
        default="",
        metavar="FILE",
        help=f"file to write (default: {_FILE} of the workspace)",
    )
    parser.add_argument(
        "--history",
        type=int,
        default=0,
        metavar="N",
        choices=range(KEPT + 1),
        help=f"also show the last N builds of this workspace, up to {KEPT} (default: 0)",
    )
    add_build_options(parser)


def run(options: Namespace) -> int:
    """Build, and write the page even if a gate or an action failed."""
    from ...report.collect import OutcomeCollector
    from ...workspace.workspace import Workspace
    from .query import answer_question

    invocation = Invocation.find()
    workspace = Workspace(invocation.root)
    exports = _exports(workspace, invocation, options.patterns)
    answer = answer_question(invocation, "deps", [str(label) for label in exports])
    models = [label for label in answer.labels if workspace.target(label).rule == "model"]
    collector = OutcomeCollector()
    request = to_request(invocation, options, tuple(map(str, [*exports, *models])))
    request = replace(request, evidence=True, keep_going=True, list_all=True)
    code = run_request(invocation, request, [progress_listener(options.json), collector])
    if code not in (OK, FAILED, USAGE):  # USAGE: a tool refused a value, such as a budget
        return code
    path = os.path.abspath(options.html) if options.html else f"{invocation.root}/{_FILE}"
    page = _page(workspace, exports, answer, collector, history=options.history)
    _write(path, page)
    if options.json:
        print_document({"file": path, "bytes": len(page.encode()), "exports": len(exports)})
    else:
        print(os.path.relpath(path))
    return code


def _exports(
    workspace: Workspace, invocation: Invocation, words: Sequence[str]
) -> tuple[Label, ...]:
    patterns = invocation.patterns(words) if words else ("//...",)
    labels = workspace.targets(patterns, invocation.package)
    exports = tuple(label for label in labels if workspace.target(label).rule == "export")
    if not exports:
        raise BuildError(
            f"{' '.join(words) or 'the workspace'} has no export",
            fix="name a target whose rule is `export`; `buildgraph query list //... --kind export` "
            "lists them",
            reason="usage",
        )
    return exports


def _page(
    workspace: Workspace,
    exports: Sequence[Label],
    answer: Answer,
    collector: OutcomeCollector,
    *,
    history: int,
) -> str:
    """Return the text of the page."""
    from ... import __version__
    from ...report.collect import Outcome
    from ...report.document import Export, encode, encode_builds, encode_export, encode_graph
    from ...report.html import render
    from ...ui.event_log import read_logs

    root, outcomes = Path(workspace.root), collector.outcomes
    rows = []
    for label in exports:
        target = workspace.target(label)
        coalition = workspace.target(Label.parse(str(target.values["coalition"]), label.package))
        outcome = outcomes.get(str(label), Outcome())
        rows.append(encode_export(Export(target, coalition, outcome), root))
    graph = encode_graph(
        {str(label): workspace.target(label).rule for label in answer.labels},
        [(str(user), str(dep)) for user, dep in answer.edges],
        {label: outcome.failure for label, outcome in outcomes.items()},
    )
    document = {
        "workspace": workspace.settings.name,
        "version": __version__,
        "exports": rows,
        "models": _models(root, rows, collector),
        "graph": graph,
        "builds": encode_builds(read_logs(workspace.root, history)),
    }
    return render(f"{workspace.settings.name}: report", encode(document), __version__)


def _models(
    root: Path, exports: Sequence[dict[str, Any]], collector: OutcomeCollector
) -> dict[str, Any]:
    """Read the models of all agents that were imported."""
    from ...report.models import read_model

    models = {}
    for label in sorted({agent["model"] for row in exports for agent in row["agents"]}):
        outcome = collector.outcomes.get(label)
        if outcome and {"ir", "labels"} <= outcome.outputs.keys():
            ir, labels = (root / outcome.outputs[name] for name in ("ir", "labels"))
            models[label] = read_model(label, ir, labels)
    return models


def _write(path: str, page: str) -> None:
    from ...files.user_file import write_user_file

    os.makedirs(os.path.dirname(path), exist_ok=True)
    write_user_file(path, "the report", lambda file: file.write(page))
