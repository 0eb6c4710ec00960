"""`buildgraph rules [RULE]`: the rules known here; of one its keys, types, defaults, meanings and an example."""

from __future__ import annotations

import textwrap
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from typing import Any

from ...types.errors import OK, BuildError, did_you_mean
from ...ui.json_document import print_document
from .schema import known_names, rules_here

_WIDE = 100


def arguments(parser: ArgumentParser) -> None:
    """The words and options of the verb."""
    parser.add_argument(
        "rule",
        nargs="?",
        default="",
        metavar="RULE",
        help="show the keys of this rule (default: list all rules)",
    )
    parser.epilog = (
        "in a workspace the rules of its own are listed, too; `buildgraph help RULE` is the same"
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
    chosen = [options.rule] if options.rule else sorted(rules)
    found = [describe_rule(rules[name], names.get(name, {})) for name in chosen]
    if options.json:
        print_document(found[0] if options.rule else {"rules": found})
    elif options.rule:
        print(page(found[0]))
    else:
        wide = max(len(one["rule"]) for one in found)
        print("\n".join(f"{one['rule']:<{wide}}  {one['summary']}" for one in found))
        print("\n`buildgraph rules RULE` shows the keys of one")
    return OK


def page(rule: Mapping[str, Any]) -> str:
    """All that is known of a rule, in lines."""
    from ...ui.format import strip_controls

    lines = [
        f"{rule['rule']}: {rule['summary']}",
        *rule["help"].split("\n")[1:],
        "",
        f"provides {rule['provides']}",
        "",
        "keys",
    ]
    for key in rule["keys"]:
        need = (
            "required"
            if key["required"]
            else f"default {key['default']}"
            if key["default"]
            else "optional"
        )
        lines.append(f"  {key['key']}: {key['type']} ({need})")
        values = f"one of {', '.join(key['values'])}" if key["values"] else ""
        lines += [
            line
            for text in (key["meaning"], values)
            for line in textwrap.wrap(
                text, _WIDE, initial_indent="      ", subsequent_indent="      "
            )
        ]
    lines += [
        "  matrix: table of lists (optional)",
        "      a target for each combination of the values",
        "",
        "example",
    ]
    return "\n".join(
        strip_controls(line)
        for line in [*lines, *(f"  {line}" for line in rule["example"].split("\n"))]
    )
