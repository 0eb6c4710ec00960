"""`buildgraph schema`: the JSON Schema of BUILD.toml with every rule known here, for editors."""
from __future__ import annotations

import json
import os
from argparse import ArgumentParser, Namespace

from ..errors import OK, BuildError
from ..ui.json_document import document


def arguments(parser: ArgumentParser) -> None:
    """The words and options of the verb."""
    parser.epilog = "in a workspace the rules of its own are part of it; taplo and tombi read it"


def run(options: Namespace) -> int:
    """Print the schema."""
    from ..editor import json_schema
    from ..loading import registry
    from ..rulefile import with_rules_of
    from ..root import find_root
    from ..workspace import Workspace
    rules = registry()
    try:
        root = find_root(os.getcwd())
    except BuildError:
        root = ""
    if root:
        rules = with_rules_of(Workspace(root), rules)
    schema = json_schema(rules)
    # `schema` is no keyword of JSON Schema: validators and editors ignore it.
    print(document(schema) if options.json else json.dumps(schema, indent=2, sort_keys=True))
    return OK
