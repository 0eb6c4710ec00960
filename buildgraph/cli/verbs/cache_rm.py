"""`buildgraph cache rm LABEL...`: forget what the actions of targets gave, so that they run again."""

from __future__ import annotations

import os
from argparse import Namespace
from contextlib import suppress

from ...types.errors import OK, BuildError
from ...types.label import Label
from ...ui.json_document import print_document
from ..invocation import Invocation


def forget(root: str, options: Namespace) -> int:
    """Remove the results that the labels' actions have in this workspace, and the blobs that nothing else names."""
    from ...fastpath.manifest import FOLDER
    from ...files.remove_tree import remove as remove_tree
    from ...store.disk import DiskStore
    from ...store.gc import remove_results as remove
    from ...types.digest import Digest
    from ...ui.format import format_size, plural

    here = Invocation.find()
    if not options.labels:
        raise BuildError(
            "no target is named",
            fix="such as `buildgraph cache rm //exports:jetson`",
            reason="usage",
        )
    keys = {Digest.parse(key) for word in options.labels for key in _keys(here, here.label(word))}
    count, freed = remove(DiskStore(root), keys)
    # A receipt would answer the next build from what stands in out/, and nothing would run again.
    receipts = os.path.join(here.root, FOLDER)
    with suppress(OSError):
        for name in os.listdir(receipts):
            remove_tree(os.path.join(receipts, name))
    if options.json:
        print_document({"root": root, "results": count, "freed": freed})
    else:
        print(f"{plural(count, 'result')} forgotten, {format_size(freed)} freed")
    return OK


def _keys(here: Invocation, label: Label) -> list[str]:
    from ...state.key_history import KeyRecorder

    found = [
        key
        for name, held in KeyRecorder(here.root).keys().items()
        for key in held
        if name.startswith(f"{label} ")
    ]
    if not found:
        raise BuildError(
            f"no action of {label} has been done in this workspace",
            reason="usage",
            fix="`cache rm` forgets the results of a target's own actions; `query` lists the targets",
        )
    return found
