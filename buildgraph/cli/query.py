"""`buildgraph query deps|rdeps|somepath|list PATTERN...`: ask the graph of targets."""
from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from .. import query
from ..errors import OK, BuildError, did_you_mean
from ..label import Label
from .here import Here

Question: TypeAlias = Callable[[Mapping[Label, Sequence[Label]], Sequence[Label]], query.Answer]
_QUESTIONS: dict[str, Question] = {"deps": query.deps, "rdeps": query.rdeps, "somepath": query.somepath}


def arguments(parser: ArgumentParser) -> None:
    """The words and options of the verb."""
    parser.add_argument("question", metavar="deps|rdeps|somepath|list", help="what the targets need, what needs them, "
                        "a chain from one to another, or the targets themselves")
    parser.add_argument("patterns", nargs="*", metavar="PATTERN", help="labels or patterns")
    parser.add_argument("--dot", action="store_true", help="print a graph for Graphviz")


def run(options: Namespace) -> int:
    """Print the answer."""
    found = answer(Here.find(), options.question, options.patterns)
    form = query.as_json if options.json else query.dot if options.dot else query.text
    sys.stdout.write(form(found))
    return OK


def answer(here: Here, question: str, words: Sequence[str]) -> query.Answer:
    """Ask the workspace; only what the question reaches is analysed (all of it for `rdeps`)."""
    from ..workspace import Workspace
    if question != "list" and question not in _QUESTIONS:
        raise BuildError(f"no question {question!r}", reason="usage", fix=did_you_mean(question, ["list", *_QUESTIONS])
                         or "ask deps, rdeps, somepath or list")
    workspace = Workspace(here.root)
    patterns = here.patterns(words)
    if question == "list":
        return query.listed(workspace.targets(patterns, here.package))
    if question == "somepath":
        labels = [label for word in patterns for label in workspace.targets((word,), here.package)]
    else:
        labels = list(workspace.targets(patterns, here.package))
    from ..loading import load
    # Whoever depends on a target can stand anywhere, so that question looks at the whole workspace.
    reach = ("//...",) if question == "rdeps" else patterns
    return _QUESTIONS[question](load(here.root, reach, here.package).analysis.deps, labels)
