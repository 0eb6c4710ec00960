"""Action `import_objects`: object arrays of pymdp 0.0.7 (.npz or .npy of dtype object) -> IR folder and labels.json.

    python3 import_objects.py --source FILE --spec FILE.json [--inference JSON] --out DIR [--labels FILE]

Only with leave (`pickle = true`), only here, and by an unpickler that runs nothing (safe_unpickle.py). The .json says whose
meaning the model has. "pymdp-0.0.7" fills in the defaults of 0.0.7 and keeps its meaning: information is gained of all
modalities jointly, and the fixed point stops by free energy. "pymdp-1" needs every parameter whose default changed.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Sequence

from agentc.importers.main import options, run
from agentc.importers.objects import make

MEMORY = 4 << 30
"""Bytes of address space, against shapes that a hostile file makes up."""


def main(argv: Sequence[str] | None = None) -> int:
    """0, or 1 after one message on stderr that lists every fault."""
    args = options("import_objects", __doc__, spec=True).parse_args(argv)
    return run(args, lambda: make(args.source, args.spec, args.inference))


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    sys.exit(main())
