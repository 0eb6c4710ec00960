"""`buildgraph query QUESTION PATTERN...`: ask the graph of targets. Nothing is built for it."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from ...explain import query
from ...types.errors import OK, BuildError, did_you_mean
from ...types.label import Label
from ..invocation import Invocation

if TYPE_CHECKING:
    from ...workspace.workspace import Workspace

QUESTIONS = ("deps", "rdeps", "somepath", "allpaths", "list")
_FORMS = {"text": query.format_text, "json": query.to_json, "dot": query.format_dot}
_MORE = """\
  list PATTERN...       the targets themselves
  deps PATTERN...       all that they need, directly or not
  rdeps PATTERN...      all that need them
  somepath FROM TO      a shortest chain of dependencies
  allpaths FROM TO      all that stands on some chain

  buildgraph query rdeps //models:tmaze --kind export --output dot
  buildgraph query list //... --attr hardware=//hardware:jetson"""


def arguments(parser: ArgumentParser) -> None:
    """The words and options of the verb."""
    parser.epilog = _MORE
    parser.add_argument("question", metavar="|".join(QUESTIONS), help="see below")
    parser.add_argument("patterns", nargs="*", metavar="PATTERN", help="labels or patterns")
    parser.add_argument(
        "--kind", action="append", default=[], metavar="RULE", help="only targets of this rule"
    )
    parser.add_argument(
        "--filter",
        action="append",
        default=[],
        metavar="REGEX",
        help="only labels in which it is found",
    )
    parser.add_argument(
        "--attr",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="only targets with this value, or a list that holds it; a dotted key looks into tables",
    )
    parser.add_argument(
        "--output",
        choices=tuple(_FORMS),
        default="text",
        help="text (default), json, or dot for Graphviz",
    )


def run(options: Namespace) -> int:
    """Print the answer."""
    _check_kinds(options.kind)
    sieve = query.TargetFilter(tuple(options.kind), tuple(options.filter), tuple(options.attr))
    found = answer(Invocation.find(), options.question, options.patterns, sieve)
    sys.stdout.write(_FORMS["json" if options.json else options.output](found))
    if not found.labels:
        print(f"note: {_nothing(options)}", file=sys.stderr)
    elif (
        options.question in ("deps", "rdeps")
        and not found.edges
        and len(found.labels) == 1
        and not sieve.narrows
    ):
        verb = "depends on nothing" if options.question == "deps" else "is needed by nothing"
        print(f"note: {found.labels[0]} {verb}", file=sys.stderr)
    return OK


def _nothing(options: Namespace) -> str:
    """Why an answer is empty."""
    narrowed = [
        f"--{name} {value}"
        for name in ("kind", "filter", "attr")
        for value in getattr(options, name)
    ]
    if narrowed:
        return f"no target of the answer matches {' '.join(narrowed)}"
    if options.question in ("somepath", "allpaths"):
        return f"{options.patterns[0]} does not depend on {options.patterns[1]}"
    return "no target"


def _check_kinds(kinds: Sequence[str]) -> None:
    from .schema import rules_here

    rules = rules_here().rules if kinds else {}
    for kind in kinds:
        if kind not in rules:
            raise BuildError(
                f"--kind {kind}: no rule {kind!r}",
                reason="usage",
                fix=did_you_mean(kind, rules) or f"the rules are {', '.join(sorted(rules))}",
            )


def answer(
    here: Invocation,
    question: str,
    words: Sequence[str],
    sieve: query.TargetFilter = query.TargetFilter(),
) -> query.Answer:
    """Ask the workspace; only what the question reaches is analysed (all of it for `rdeps`)."""
    from ...workspace.workspace import Workspace

    if question not in QUESTIONS:
        raise BuildError(
            f"no question {question!r}",
            reason="usage",
            fix=did_you_mean(question, QUESTIONS) or f"ask one of {', '.join(QUESTIONS)}",
        )
    workspace = Workspace(here.root)
    found = _asked(here, question, here.patterns(words), workspace)
    return sieve.narrow(found, workspace.target)


def _asked(
    here: Invocation, question: str, patterns: tuple[str, ...], workspace: Workspace
) -> query.Answer:
    if question == "list":
        return query.list_targets(workspace.targets(patterns, here.package))
    if question in ("somepath", "allpaths"):
        if len(patterns) != 2:
            raise BuildError(
                f"{question} wants two targets, not {len(patterns)}",
                reason="usage",
                fix=f"`buildgraph query {question} //from:this //to:that`",
            )
        ends = [workspace.targets((word,), here.package) for word in patterns]
        deps = _deps(here, patterns[:1])
        # What the first cannot reach is in no chain; the question may still name it.
        deps = dict.fromkeys(ends[1], ()) | dict(deps)
        return (
            query.allpaths(deps, *ends)
            if question == "allpaths"
            else query.somepath(deps, [*ends[0], *ends[1]])
        )
    labels = workspace.targets(patterns, here.package)
    ask: Callable[[Mapping[Label, Sequence[Label]], Sequence[Label]], query.Answer]
    ask = query.rdeps if question == "rdeps" else query.deps
    # Whoever depends on a target can stand anywhere, so that question looks at the whole workspace.
    return ask(_deps(here, ("//...",) if question == "rdeps" else patterns), labels)


def _deps(here: Invocation, patterns: tuple[str, ...]) -> Mapping[Label, Sequence[Label]]:
    from ...build.from_source import analyze_request

    return analyze_request(here.root, patterns, here.package).analysis.deps
