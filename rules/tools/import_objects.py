"""Import object arrays of pymdp 0.0.7 (.npz or .npy) to an IR folder and labels.json.

    import_objects.py --source FILE --spec FILE.json [--inference JSON] --out DIR [--labels FILE]

Object arrays are pickles. This program runs only with `pickle = true`, and its unpickler runs no
code.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Sequence

from agentc.importers.main import argument_parser, run
from agentc.importers.objects import make

MEMORY = 4 << 30
"""Limit of address space in bytes, because a hostile file can declare any shape."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; return 0, or 1 after one message with all errors."""
    args = argument_parser("import_objects", __doc__, spec=True).parse_args(argv)
    return run(args, lambda: make(args.source, args.spec, args.inference))


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    sys.exit(main())
