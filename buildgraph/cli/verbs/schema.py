"""`buildgraph schema`: print the JSON Schema of BUILD.toml, for editors."""

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
    """Declare the options."""
    parser.epilog = (
        "In a workspace, the schema includes the workspace's own rules. "
        "The editor plugins of taplo and tombi read it."
    )


def run(options: Namespace) -> int:
    """Print the schema."""
    from ...analysis.json_schema import json_schema

    schema = json_schema(rules_here(), known_names())
    # JSON Schema has no keyword `schema`: validators and editors ignore it.
    print(document(schema) if options.json else json.dumps(schema, indent=2, sort_keys=True))
    return OK


def rules_here() -> Registry:
    """Return the built-in rules and, within a workspace, its own rules."""
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
    """Return the values of keys that name an entry of a catalogue, by rule and key.

    The catalogues are imported by name: in a source tree, `rules` is not below `buildgraph`.
    """
    return {
        "hardware": {"profile": sorted(import_module("buildgraph.rules.boards.catalogue").BOARDS)},
        "firmware": {
            "core": sorted(import_module("buildgraph.rules.boards.microcontrollers").MICROS)
        },
    }
