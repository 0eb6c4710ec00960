"""Replacements for modules of the standard library that are slow to import.

A build without changes takes 13 ms of CPU, of which 9.3 ms are the start of the bare interpreter.
The packages that such a build imports, or one in which little changed, use the modules of this
package instead:

    standard module    ms of CPU   replacement
    dataclasses        20.6        record
    typing             11.3        TYPE_CHECKING, below
    socket             10          sockets
    json                9.1        json_text, pack
    contextlib          8.1        contextmanagers
    re                  5.4        methods of str
    queue               5          queues
    signal, enum        3.6        signals
    threading           3.6        threads, two_threads
    ctypes              2.6        libc
    hashlib             2.1        sha256

The milliseconds are the CPU time that the import adds to `python -S -c pass`, the minimum of 12
runs of Python 3.11. Other packages use the standard library.
"""

from __future__ import annotations

TYPE_CHECKING = False
"""False at run time, as `typing.TYPE_CHECKING` is; type checkers treat the name as True."""
