"""The functions and numbers of `signal` from `_signal`, its C module.

Replaces `signal`, which imports `enum` to wrap each number: about 4 ms over a bare interpreter of
9.3 ms. `_signal` is private to CPython, so `signal` is used where it is missing. Signal numbers are
plain integers in the one and members of an `IntEnum` in the other, which compare equal.
"""

from __future__ import annotations

from . import TYPE_CHECKING

if TYPE_CHECKING:
    import signal
else:
    try:
        import _signal as signal
    except ImportError:
        import signal

__all__ = ["signal"]
