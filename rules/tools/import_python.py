"""Import a Python model source, which runs once, to an IR folder and labels.json.

    import_python.py --source FILE.py [--entry build] [--inputs] [--args JSON] [--inference JSON]
        --out DIR [--labels FILE]

The entry returns a dict (A, B, C, D, E, policies and pymdp's parameter names), a pymdp.agent.Agent
of 1.x or 0.0.7, or a dict with the key "agent" and labels. The file runs with the rights of this
process, which the caller sandboxes.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence

from agentc.importers.main import argument_parser, run
from agentc.importers.python import make, print_at_once, quiet_libraries
from agentc.importers.python_source import exit_or_name_threads


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; return 0, or 1 after one message with all errors."""
    parser = argument_parser("import_python", __doc__)
    parser.add_argument("--entry", default="build")
    parser.add_argument(
        "--inputs", action="store_true", help="run it in its folder, with the declared inputs"
    )
    parser.add_argument("--args", default="{}")
    args = parser.parse_args(argv)
    quiet_libraries()
    print_at_once()
    before = threading.enumerate()
    code = run(
        args, lambda: make(args.source, args.entry, args.args, args.inference, inputs=args.inputs)
    )
    exit_or_name_threads(args.source, before, code)
    return code


if __name__ == "__main__":
    sys.exit(main())
