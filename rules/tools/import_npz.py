"""Import .npz arrays and a .json of parameters to an IR folder and labels.json.

import_npz.py --npz FILE --spec FILE.json [--inference JSON] --out DIR [--labels FILE]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from agentc.importers.main import argument_parser, run
from agentc.importers.npz import make


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; return 0, or 1 after one message with all errors."""
    args = argument_parser("import_npz", __doc__, "--npz", spec=True).parse_args(argv)
    return run(args, lambda: make(args.source, args.spec, args.inference))


if __name__ == "__main__":
    sys.exit(main())
