"""The functions and constants of `socket` from `_socket`, its C module.

Replaces `socket`, which imports `enum` and `selectors`: about 10 ms over a bare interpreter of 9.3
ms. `_socket` is private to CPython, so `socket` is used where it is missing.
"""

from __future__ import annotations

from . import TYPE_CHECKING

if TYPE_CHECKING:
    import _socket as socket
else:
    try:
        import _socket as socket
    except ImportError:
        import socket

__all__ = ["socket"]
