"""Tables of a plan as C arrays. Floats are hexadecimal literals, which preserve every bit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

C_TYPES = {"u1": "u8", "u2": "u16", "u4": "u32", "i4": "i32", "f4": "f32", "f8": "f64"}
PER_LINE = 16


def c_type(array: NDArray[Any]) -> str:
    """Return the C type (native/agent.h) of an array's elements."""
    return C_TYPES[array.dtype.str[1:]]


def literal(value: float, kind: str) -> str:
    """Return a float as a C literal of type "f32" or "f64"."""
    return float(value).hex() + ("f" if kind == "f32" else "")


def literals(array: NDArray[Any]) -> list[str]:
    """Return each element as a C literal. An empty table gets one unused element."""
    kind = c_type(array)
    values = array.tolist() or [0]
    return (
        [literal(v, kind) for v in values] if kind in ("f32", "f64") else [str(v) for v in values]
    )


def table(name: str, array: NDArray[Any]) -> str:
    """Return `static const TYPE name[] = {...};`."""
    items = literals(array)
    lines = [", ".join(items[i : i + PER_LINE]) for i in range(0, len(items), PER_LINE)]
    return f"static const {c_type(array)} {name}[] = {{\n    " + ",\n    ".join(lines) + "};\n"


def sizes(name: str, values: list[int]) -> str:
    """Return a table of sizes as i32."""
    return table(name, np.array(values, dtype=np.int32))
