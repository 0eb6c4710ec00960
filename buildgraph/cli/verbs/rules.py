"""`buildgraph rules [RULE]`: list the rules, or show the keys of one and an example."""

from __future__ import annotations

import textwrap
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from typing import Any

from ...types.errors import OK, BuildError, did_you_mean
from ...ui.json_document import print_document
from .schema import known_names, rules_here

_WIDTH = 100
_INDENT = " " * 6


def arguments(parser: ArgumentParser) -> None:
    """Declare the arguments and options."""
    parser.add_argument(
        "rule",
        nargs="?",
        default="",
        metavar="RULE",
        help="show the keys of this rule (default: list all rules)",
    )
    parser.epilog = (
        "In a workspace, its own rules are included. `buildgraph help RULE` prints the same."
    )


def run(options: Namespace) -> int:
    """Print the rules, or one of them."""
    from ...analysis.rule_help import describe_rule

    rules, names = rules_here().rules, known_names()
    if options.rule and options.rule not in rules:
        raise BuildError(
            f"no rule {options.rule!r}",
            reason="usage",
            fix=did_you_mean(options.rule, rules) or f"the rules are {', '.join(sorted(rules))}",
        )
    selected = [options.rule] if options.rule else sorted(rules)
    descriptions = [describe_rule(rules[name], names.get(name, {})) for name in selected]
    if options.json:
        print_document(descriptions[0] if options.rule else {"rules": descriptions})
    elif options.rule:
        print(format_rule(descriptions[0]))
    else:
        width = max(len(rule["rule"]) for rule in descriptions)
        for rule in descriptions:
            print(f"{rule['rule']:<{width}}  {rule['summary']}")
        print("\n`buildgraph rules RULE` shows the keys of a rule")
    return OK


def format_rule(rule: Mapping[str, Any]) -> str:
    """Format the description of a rule: its documentation, its keys and an example."""
    from ...ui.format import strip_controls

    details = rule["help"].partition("\n\n")[2]
    lines = [
        f"{rule['rule']}: {rule['summary']}",
        *["", *details.split("\n")] * bool(details),
        "",
        f"provides {rule['provides']}",
        "",
        "keys",
        *(line for key in rule["keys"] for line in _format_key(key)),
        "  matrix: table of lists (optional)",
        f"{_INDENT}a target for each combination of the values",
        "",
        "example",
        *(f"  {line}" for line in rule["example"].split("\n")),
    ]
    return "\n".join(strip_controls(line) for line in lines)


def _format_key(key: Mapping[str, Any]) -> list[str]:
    if key["required"]:
        default = "required"
    else:
        default = f"default {key['default']}" if key["default"] else "optional"
    values = f"one of {', '.join(key['values'])}" if key["values"] else ""
    lines = [f"  {key['key']}: {key['type']} ({default})"]
    for text in (key["meaning"], values):
        lines += textwrap.wrap(text, _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT)
    return lines
