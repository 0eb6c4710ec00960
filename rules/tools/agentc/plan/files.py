"""Files of a plan: plan.json has the order of work, tables.bin the concatenated tables."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from agentc.ir import files as ir
from agentc.plan.lower_tables import Tables

SCHEMA = 1


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The order of work of one step, and its tables by name (see lower_tables.py)."""

    header: dict[str, Any]
    tables: Tables


def save(plan: Plan, folder: Path) -> None:
    """Write plan.json and tables.bin; equal plans give equal bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    listed: dict[str, list[Any]] = {}
    data = bytearray()
    for name, array in sorted(plan.tables.items()):
        little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        listed[name] = [little.dtype.str, len(data), int(little.size)]
        data += little.tobytes()
    (folder / "plan.json").write_bytes(ir.canonical_json({**plan.header, "tables": listed}))
    (folder / "tables.bin").write_bytes(bytes(data))


def load(folder: Path) -> Plan:
    """Read a plan that `save` wrote."""
    header = json.loads((folder / "plan.json").read_bytes())
    data = (folder / "tables.bin").read_bytes()
    listed = header.pop("tables")
    tables = {
        name: np.frombuffer(data, dtype=kind, count=count, offset=offset)
        for name, (kind, offset, count) in listed.items()
    }
    return Plan(header, tables)
