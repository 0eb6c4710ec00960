"""Import a model in Generalized Notation Notation (GNN, Markdown) to an IR folder and
labels.json.

    import_gnn.py --source FILE.md [--layout JSON] [--inference JSON] --out DIR [--labels FILE]

`--layout {"B": "action,previous,next", "A_reward": "observation,s_place,s_side"}` gives the order
of the axes of a matrix, or of all with its letter. Without it the order is inferred if it is unique
(see gnn/axes.py). C is in nats. Parameters with pymdp's names are read wherever the file has them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from agentc.importers.gnn.reader import make
from agentc.importers.main import argument_parser, run


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; return 0, or 1 after one message with all errors."""
    parser = argument_parser("import_gnn", __doc__)
    parser.add_argument("--layout", default="{}")
    args = parser.parse_args(argv)
    return run(args, lambda: make(args.source, args.layout, args.inference))


if __name__ == "__main__":
    sys.exit(main())
