"""Show a model as a table with heat maps, or as JSON.

    show_model.py FILE.npz|FILE.pomdp|FILE.md [--spec FILE] [--layout JSON]
        [--preferences JSON] [--inference JSON] [--png FOLDER] [--json]
    show_model.py IR_FOLDER --labels FILE [--png FOLDER] [--json] [--values]

--values adds the arrays and the policies to the JSON. --png also writes a heat map of every A and
B, A0.png and so on.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from agentc.importers.main import format_errors
from agentc.ir.types import ModelError
from modelview.page import page, pictures, read
from modelview.summary import summarize
from modelview.values import arrays, policies


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; return 0, or 1 after one message with all errors."""
    parser = argparse.ArgumentParser(prog="show_model", description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("--spec", type=Path)
    parser.add_argument("--layout", default="{}")
    parser.add_argument("--preferences")
    parser.add_argument("--inference", default="{}")
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--png", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--values", action="store_true")
    args = parser.parse_args(argv)
    try:
        model, labels = read(args)
        if args.png:
            pictures(model, labels, args.png)
    except ModelError as problem:
        print(format_errors(args.source.name, problem), file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    values = (
        {"arrays": arrays(model, labels), "policy_list": policies(model, labels)}
        if args.values
        else {}
    )
    print(
        json.dumps(summarize(model, labels) | values, sort_keys=True)
        if args.json
        else "\n".join(page(model, labels))
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
