"""`buildgraph schema`: the JSON Schema of BUILD.toml with every rule known here, for editors."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from ...types.errors import OK, BuildError
from ...ui.json_document import document

if TYPE_CHECKING:
    from ...analysis.rule_api import Registry


def arguments(parser: ArgumentParser) -> None:
    """The words and options of the verb."""
    parser.epilog = "in a workspace the rules of its own are part of it; taplo and tombi read it"


def run(options: Namespace) -> int:
    """Print the schema."""
    from ...analysis.json_schema import json_schema

    rules = rules_here()
    schema = json_schema(rules, known_names())
    # `schema` is no keyword of JSON Schema: validators and editors ignore it.
    print(document(schema) if options.json else json.dumps(schema, indent=2, sort_keys=True))
    return OK


def rules_here() -> Registry:
    """The rules that ship with buildgraph and, within a workspace, those of its own."""
    from ...analysis.builtin_rules import builtin_rules
    from ...analysis.user_rules import add_user_rules
    from ...workspace.root import find_root
    from ...workspace.workspace import Workspace

    try:
        root = find_root(os.getcwd())
    except BuildError as error:
        if error.reason != "workspace":
            raise
        return builtin_rules()
    return add_user_rules(Workspace(root), builtin_rules())


def known_names() -> Mapping[str, Mapping[str, Sequence[str]]]:
    """The names that keys of text may hold, by rule and key; by name, for the rules' place differs from ours."""
    return {
        "hardware": {"profile": sorted(import_module("buildgraph.rules.boards.catalogue").BOARDS)},
        "firmware": {
            "core": sorted(import_module("buildgraph.rules.boards.microcontrollers").MICROS)
        },
    }
