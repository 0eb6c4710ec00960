"""`SimpleQueue` from `_queue`, the C module below `queue`.

Replaces `queue`, which imports `threading` and `heapq`: about 5 ms over a bare interpreter of 9.3
ms. `_queue` is private to CPython, so `queue` is used where it is missing.
"""

from __future__ import annotations

from . import TYPE_CHECKING

if TYPE_CHECKING:
    from queue import SimpleQueue
else:
    try:
        from _queue import SimpleQueue
    except ImportError:
        from queue import SimpleQueue

__all__ = ["SimpleQueue"]
