"""Action `import_gnn`: a model in Generalized Notation Notation (GNN, markdown) -> IR folder and labels.json.

    python3 import_gnn.py --source FILE.md [--layout JSON] [--inference JSON] --out DIR [--labels FILE]

`--layout {"B": "action,previous,next", "A_reward": "observation,s_place,s_side"}` says in which order the axes of a
matrix (or of all with its letter) are written; without it the order is inferred where only one makes sense, see
gnn_layout. C is taken as it stands, in nats. Parameters under pymdp's names count wherever the file has them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from agentc.importers.gnn.reader import make
from agentc.importers.main import options, run


def main(argv: Sequence[str] | None = None) -> int:
    """0, or 1 after one message on stderr that lists every fault."""
    parser = options("import_gnn", __doc__)
    parser.add_argument("--layout", default="{}")
    args = parser.parse_args(argv)
    return run(args, lambda: make(args.source, args.layout, args.inference))


if __name__ == "__main__":
    sys.exit(main())
