"""`buildgraph cache stats`: what the store of all builds holds."""
from __future__ import annotations

import json
import os
from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from ..errors import OK


def arguments(parser: ArgumentParser) -> None:
    """The words and options of the verb."""
    parser.add_argument("what", choices=("stats",), help="stats: count and size of what is held")


def run(options: Namespace) -> int:
    """Print the counts of the user's store; an absent one is empty, and is not made for the question."""
    from ..store.place import default_root
    from ..store.upkeep import measure
    from ..ui.words import plural, size
    root = default_root(os.environ)
    found = measure(root)
    if options.json:
        print(json.dumps({"root": root, **asdict(found)}))
        return OK
    print(root)
    print(f"  {plural(found.blobs, 'blob'):<16} {size(found.blob_bytes):>10}")
    print(f"  {plural(found.results, 'result'):<16} {size(found.result_bytes):>10}")
    if found.quarantined:
        print(f"  {plural(found.quarantined, 'damaged file')} set aside in quarantine/")
    return OK
