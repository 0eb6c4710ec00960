"""Bounded reading of text formats."""

from __future__ import annotations

import re
from pathlib import Path

from agentc.ir.types import ModelError

NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
MAX_WORD = 32
MAX_TEXT = 1 << 26
MAX_CELLS = 1 << 24
"""Entries of one tensor: 128 MB of float64."""
AS_ARRAYS = "save the matrices as an .npz, one array per matrix, which holds more"


def read_text(path: Path) -> str:
    """Read a UTF-8 file of at most MAX_TEXT bytes; ModelError otherwise."""
    size = path.stat().st_size
    if size > MAX_TEXT:
        raise ModelError([f"the file of {size} bytes is larger than {MAX_TEXT}: {AS_ARRAYS}"])
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ModelError([f"byte {error.start} is not UTF-8: save it as UTF-8 text"]) from error


def quote(word: str) -> str:
    """Quote a word of the file, shortened if it is long."""
    return repr(word if len(word) <= MAX_WORD else word[:MAX_WORD] + "...")
