"""Functions of the C library for which Python has none, such as `prctl` and `syncfs`.

Replaces `ctypes`, whose Python part takes most of its 2.6 ms: this uses `_ctypes`, its part in C.
That module is private to CPython, so `ctypes` is used where it is missing.

A function takes integers (C `int`, or `Word`), bytes (a pointer to them) and None (a null pointer),
and returns a C `int`.
"""

from __future__ import annotations

import os

from . import TYPE_CHECKING

__all__ = ["Pointer", "Word", "address_of", "check", "libc", "prctl", "system_call"]

if TYPE_CHECKING:
    from collections.abc import Callable
    from ctypes import c_char_p as Pointer, c_ulong as Word, get_errno
    from typing import Any

    def _find(name: str) -> Callable[..., int]: ...
else:
    try:
        from _ctypes import (
            FUNCFLAG_CDECL,
            FUNCFLAG_USE_ERRNO,
            CFuncPtr,
            _SimpleCData,
            dlopen,
            dlsym,
            get_errno,
        )
    except ImportError:
        from ctypes import CDLL, c_char_p as Pointer, c_ulong as Word, get_errno

        _library = CDLL(None, use_errno=True)

        def _find(name):
            return getattr(_library, name)
    else:

        class _Int(_SimpleCData):
            _type_ = "i"

        class Word(_SimpleCData):
            _type_ = "L"

        class Pointer(_SimpleCData):
            _type_ = "z"

        class _Function(CFuncPtr):
            _flags_ = FUNCFLAG_CDECL | FUNCFLAG_USE_ERRNO
            _restype_ = _Int

        _library = dlopen(None, 0)

        def _find(name):
            return _Function(dlsym(_library, name))


class _Library:
    """The functions of the C library as attributes, each looked up once."""

    def __getattr__(self, name: str) -> Any:
        try:
            function = _find(name)
        except OSError as error:
            raise AttributeError(f"the C library has no {name}") from error
        setattr(self, name, function)
        return function


libc = _Library()
"""The C library; AttributeError for a function that it lacks."""


def check(result: int, what: str = "") -> int:
    """Return the result of a function; OSError of `what`, such as a path, if it is negative."""
    if result < 0:
        code = get_errno()
        raise OSError(code, os.strerror(code), what or None)
    return result


def system_call(number: int, *arguments: object) -> int:
    """Make a system call by number; OSError if it fails."""
    return check(libc.syscall(number, *arguments), f"system call {number}")


def prctl(option: int, *arguments: int | Word | Pointer) -> None:
    """Call `prctl(2)`; OSError if it fails."""
    padded = (*arguments, 0, 0, 0, 0)[:4]
    words = (Word(word) if isinstance(word, int) else word for word in padded)
    check(libc.prctl(option, *words), f"prctl {option}")


def address_of(data: bytes) -> bytes:
    """Return the address of some bytes as a pointer in memory, for use in a structure.

    The caller keeps the bytes alive.
    """
    return bytes(memoryview(Pointer(data)).cast("B"))
