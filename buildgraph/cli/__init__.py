"""The command line. A build in which nothing changed is answered here, before anything dear is imported."""
from __future__ import annotations

import gc
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def program() -> int:
    """Run `main` as a whole process, which makes hardly any cycles and ends: to look for them costs a tenth of a build."""
    gc.disable()
    return main()


def main(argv: Sequence[str] | None = None) -> int:
    """Run `buildgraph` with these words (default: those of the process) and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words == ["--version"]:
        from .. import __version__
        print(f"buildgraph {__version__}")
        return 0
    if words[:1] == ["build"]:
        code = _unchanged(words[1:])
        if code is not None:
            return code
    from .dispatch import dispatch
    return dispatch(words)


def _unchanged(words: list[str]) -> int | None:
    from .. import receipt
    try:
        code = receipt.unchanged(words, os.getcwd())
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        from .dispatch import hung_up
        return hung_up()
    if code is None and receipt.found is not None:
        from .dispatch import go_on
        return go_on(words)
    return code
