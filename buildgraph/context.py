"""Two of contextlib's managers, for the modules that every build imports: contextlib itself brings in what is dear."""
from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextlib import closing, suppress

    __all__ = ["closing", "suppress"]
else:
    class suppress:
        """Pass over these faults."""

        def __init__(self, *faults):
            self._faults = faults

        def __enter__(self):
            return None

        def __exit__(self, kind, fault, trace):
            return kind is not None and issubclass(kind, self._faults)

    class closing:
        """Close a thing at the end."""

        def __init__(self, thing):
            self._thing = thing

        def __enter__(self):
            return self._thing

        def __exit__(self, *_):
            self._thing.close()
