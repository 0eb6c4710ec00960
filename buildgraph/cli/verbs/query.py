"""`buildgraph query QUESTION PATTERN...`: query the target graph without building anything."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ...explain import query
from ...types.errors import OK, BuildError, did_you_mean
from ...types.label import Label
from ..invocation import Invocation

if TYPE_CHECKING:
    from ...workspace.workspace import Workspace

QUESTIONS = ("deps", "rdeps", "somepath", "allpaths", "list")
_FORMS = {"text": query.format_text, "json": query.to_json, "dot": query.format_dot}
_EPILOG = """\
questions:
  list PATTERN...       the targets that the patterns select
  deps PATTERN...       these targets and their dependencies, direct and transitive
  rdeps PATTERN...      these targets and all targets that depend on them
  somepath FROM TO      one shortest path of dependencies from FROM to TO
  allpaths FROM TO      all targets on any path of dependencies from FROM to TO

examples:
  buildgraph query rdeps //models:tmaze --kind export --output dot
  buildgraph query list //... --attr hardware=//hardware:jetson"""


def arguments(parser: ArgumentParser) -> None:
    """Declare the arguments and options."""
    parser.epilog = _EPILOG
    parser.add_argument("question", metavar="|".join(QUESTIONS), help="question to ask (see below)")
    parser.add_argument(
        "patterns", nargs="*", metavar="PATTERN", help="labels or patterns of targets"
    )
    parser.add_argument(
        "--kind", action="append", default=[], metavar="RULE", help="only targets of this rule"
    )
    parser.add_argument(
        "--filter",
        action="append",
        default=[],
        metavar="REGEX",
        help="only labels that contain a match of the regular expression",
    )
    parser.add_argument(
        "--attr",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="only targets whose key has this value, or is a list that contains it; "
        "a dotted key names an entry of a nested table",
    )
    parser.add_argument(
        "--output",
        choices=tuple(_FORMS),
        default="text",
        help="format of the answer (default: text; dot is for Graphviz)",
    )


def run(options: Namespace) -> int:
    """Print the answer, and a note on stderr if it is empty."""
    _check_kinds(options.kind)
    target_filter = query.TargetFilter(
        tuple(options.kind), tuple(options.filter), tuple(options.attr)
    )
    answer = answer_question(Invocation.find(), options.question, options.patterns, target_filter)
    sys.stdout.write(_FORMS["json" if options.json else options.output](answer))
    if not answer.labels:
        print(f"note: {_explain_empty(options)}", file=sys.stderr)
    elif (
        options.question in ("deps", "rdeps")
        and not answer.edges
        and len(answer.labels) == 1
        and not target_filter.narrows
    ):
        verb = "depends on nothing" if options.question == "deps" else "is needed by nothing"
        print(f"note: {answer.labels[0]} {verb}", file=sys.stderr)
    return OK


def _explain_empty(options: Namespace) -> str:
    """Say why an answer is empty."""
    filters = [
        f"--{name} {value}"
        for name in ("kind", "filter", "attr")
        for value in getattr(options, name)
    ]
    if filters:
        return f"no target of the answer matches {' '.join(filters)}"
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


def answer_question(
    invocation: Invocation,
    question: str,
    words: Sequence[str],
    target_filter: query.TargetFilter = query.TargetFilter(),
) -> query.Answer:
    """Answer a question about the workspace.

    `rdeps` analyses the whole workspace, other questions only the targets that they reach.
    """
    from ...workspace.workspace import Workspace

    if question not in QUESTIONS:
        raise BuildError(
            f"no question {question!r}",
            reason="usage",
            fix=did_you_mean(question, QUESTIONS) or f"ask one of {', '.join(QUESTIONS)}",
        )
    workspace = Workspace(invocation.root)
    answer = _answer(invocation, question, invocation.patterns(words), workspace)
    return target_filter.narrow(answer, workspace.target)


def _answer(
    invocation: Invocation, question: str, patterns: tuple[str, ...], workspace: Workspace
) -> query.Answer:
    if question == "list":
        return query.list_targets(workspace.targets(patterns, invocation.package))
    if question in ("somepath", "allpaths"):
        if len(patterns) != 2:
            raise BuildError(
                f"{question} requires two targets, not {len(patterns)}",
                reason="usage",
                fix=f"such as `buildgraph query {question} //from:this //to:that`",
            )
        ends = [workspace.targets((word,), invocation.package) for word in patterns]
        deps = _deps(invocation, patterns[:1])
        # A target that FROM does not reach is not in its graph, but it may be asked for.
        deps = dict.fromkeys(ends[1], ()) | dict(deps)
        if question == "allpaths":
            return query.allpaths(deps, *ends)
        return query.somepath(deps, [*ends[0], *ends[1]])
    labels = workspace.targets(patterns, invocation.package)
    if question == "deps":
        return query.deps(_deps(invocation, patterns), labels)
    # Any target of the workspace may depend on these, so all of it is analysed.
    return query.rdeps(_deps(invocation, ("//...",)), labels)


def _deps(invocation: Invocation, patterns: tuple[str, ...]) -> Mapping[Label, Sequence[Label]]:
    from ...build.from_source import analyze_request

    return analyze_request(invocation.root, patterns, invocation.package).analysis.deps
