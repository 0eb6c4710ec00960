"""`buildgraph cache rm LABEL...`: remove the results of targets: their actions run again."""

from __future__ import annotations

from argparse import Namespace

from ...types.errors import OK, BuildError
from ...types.label import Label
from ...ui.json_document import print_document
from ..invocation import Invocation


def remove_results_of(root: str, options: Namespace) -> int:
    """Remove the results of the labels' actions, and the blobs that no other result refers to."""
    from ...state.save import forget_builds
    from ...store.disk import DiskStore
    from ...store.gc import remove_results
    from ...types.digest import Digest
    from ...ui.format import format_size, plural

    invocation = Invocation.find()
    if not options.labels:
        raise BuildError(
            "no target is named",
            fix="name one, such as `buildgraph cache rm //exports:jetson`",
            reason="usage",
        )
    keys = {
        Digest.parse(key)
        for word in options.labels
        for key in _keys(invocation, invocation.label(word))
    }
    count, freed = remove_results(DiskStore(root), keys)
    forget_builds(invocation.root)
    if options.json:
        print_document({"root": root, "results": count, "freed": freed})
    else:
        print(f"removed {plural(count, 'result')} ({format_size(freed)})")
    return OK


def _keys(invocation: Invocation, label: Label) -> list[str]:
    """List the keys of a label's actions; BuildError if none of them was built here."""
    from ...state.key_history import KeyRecorder

    history = KeyRecorder(invocation.root).keys()
    keys = [
        key
        for name, recorded in history.items()
        for key in recorded
        if name.startswith(f"{label} ")
    ]
    if not keys:
        raise BuildError(
            f"no action of {label} has run in this workspace",
            reason="usage",
            fix="`cache rm` removes the results of a target's own actions; "
            "`buildgraph query list //...` lists the targets",
        )
    return keys
