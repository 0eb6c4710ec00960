"""What the importers of text formats share: bounded reading, probabilities written as decimals, and the way out."""
from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from agent_model import F64, Model, ModelFault
from ir_rules import COLUMN_TOLERANCE
from model_source import report, write

NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
MAX_WORD = 32
MAX_TEXT = 1 << 26
MAX_CELLS = 1 << 24
"""Entries of one tensor: 128 MB of float64."""

FEW_DECIMALS, MANY_DECIMALS = 1.1e-5, 5e-7
"""Thirds are written as 0.33333, long columns with six decimals: what such rounding leaves is scaled, others refused."""


def read_text(path: Path) -> str:
    """The text of a file, UTF-8, of at most MAX_TEXT bytes; ModelFault otherwise."""
    if path.stat().st_size > MAX_TEXT:
        raise ModelFault([f"larger than {MAX_TEXT} bytes"])
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ModelFault([f"byte {error.start} is not UTF-8: save it as UTF-8 text"]) from error


def shown(word: str) -> str:
    """A word of the file in quotes, cut when it is long."""
    return repr(word if len(word) <= MAX_WORD else word[:MAX_WORD] + "...")


def unrounded(array: F64) -> F64:
    """The array with those columns (along axis 0) scaled to 1 that rounded decimals left beside it."""
    flat = np.array(array, dtype=np.float64).reshape(array.shape[0], -1)
    tolerance = FEW_DECIMALS + MANY_DECIMALS * array.shape[0]
    off = np.abs(flat.sum(axis=0) - 1.0)
    for i in np.flatnonzero((off > COLUMN_TOLERANCE / 2) & (off <= 2 * tolerance)):
        total = math.fsum(flat[:, i].tolist())
        if COLUMN_TOLERANCE < abs(total - 1.0) <= tolerance:
            flat[:, i] = flat[:, i] / total
    return flat.reshape(array.shape)


Made = tuple[Model, Mapping[str, Any]]


def told(path: Path, make: Callable[[], Made], out: Path, labels: Path | None) -> int:
    """Make the model and write it: 0, or 1 after one message on stderr that lists every fault."""
    try:
        model, names = make()
        write(model, names, out, labels)
    except ModelFault as fault:
        print(report(path.name, fault), file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    return 0
