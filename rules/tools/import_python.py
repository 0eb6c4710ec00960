"""Action `import_python`: run a Python model source once -> IR folder and labels.json.

    python3 import_python.py --source FILE.py [--entry build] [--inputs] [--args JSON] [--inference JSON]
        --out DIR [--labels FILE]

The entry returns a dict (A, B, C, D, E, policies and pymdp's parameter names), a pymdp.agent.Agent of 1.x or 0.0.7, or a
dict with the key "agent" and labels beside it. The file runs with this process's rights: the caller sandboxes it. Where and
how it runs is in python_source.py.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence

from agentc.importers.main import options, run
from agentc.importers.python import make, print_at_once, quiet_libraries
from agentc.importers.python_source import leave


def main(argv: Sequence[str] | None = None) -> int:
    """0, or 1 after one message on stderr that lists every fault."""
    parser = options("import_python", __doc__)
    parser.add_argument("--entry", default="build")
    parser.add_argument(
        "--inputs", action="store_true", help="there are files beside it: run it in its folder"
    )
    parser.add_argument("--args", default="{}")
    args = parser.parse_args(argv)
    quiet_libraries()
    print_at_once()
    before = threading.enumerate()
    code = run(
        args, lambda: make(args.source, args.entry, args.args, args.inference, inputs=args.inputs)
    )
    leave(args.source, before, code)
    return code


if __name__ == "__main__":
    sys.exit(main())
