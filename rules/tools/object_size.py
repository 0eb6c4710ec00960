"""How many bytes of a program an ELF object becomes: code, tables and initial values, of 32 and of 64 bits."""
from __future__ import annotations

import struct

ALLOCATED, EMPTY = 2, 8   # a bit of sh_flags; an sh_type


def stored(data: bytes) -> int:
    """Bytes that the sections take in a file or in flash; variables that begin as zeros take none."""
    wide = data[4] == 2
    (start,) = struct.unpack_from("<Q", data, 40) if wide else struct.unpack_from("<I", data, 32)
    size, count = struct.unpack_from("<HH", data, 58 if wide else 46)
    taken = 0
    for at in range(start, start + size * count, size):
        if wide:
            kind, flags, _, _, length = struct.unpack_from("<IQQQQ", data, at + 4)
        else:
            kind, flags, _, _, length = struct.unpack_from("<5I", data, at + 4)
        taken += length * bool(flags & ALLOCATED and kind != EMPTY)
    return int(taken)
