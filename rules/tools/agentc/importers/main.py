"""What the import programs share: their options, the files they write, how they refuse a model."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from agentc.errors import hinted, refuse
from agentc.ir import files as ir
from agentc.ir.types import Model, ModelFault

Made = tuple[Model, Mapping[str, Any]]


def options(
    prog: str, description: str | None, source: str = "--source", spec: bool = False
) -> argparse.ArgumentParser:
    """The options that all import programs have."""
    parser = argparse.ArgumentParser(prog=prog, description=description)
    parser.add_argument(source, dest="source", type=Path, required=True)
    if spec:
        parser.add_argument("--spec", type=Path, required=True)
    parser.add_argument("--inference", default="{}")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--labels", type=Path)
    return parser


def run(args: argparse.Namespace, make: Callable[[], Made]) -> int:
    """Make the model and write it: 0, or 1 after one message on stderr that lists every fault."""
    try:
        model, names = make()
        write(model, names, args.out, args.labels)
    except ModelFault as fault:
        return refused(args.source.name, fault)
    except OSError as error:
        print(f"error: {error.filename}: {error.strerror}", file=sys.stderr, flush=True)
        return 1
    return 0


def write(model: Model, labels: Mapping[str, Any], out: Path, labels_file: Path | None) -> None:
    """Write the IR folder and, when asked for, labels.json."""
    ir.save(model, out)
    if labels_file is not None:
        labels_file.parent.mkdir(parents=True, exist_ok=True)
        labels_file.write_bytes(ir.canonical_json(labels))


def refused(name: str, fault: ModelFault) -> int:
    """Refuse a model source: the exit code."""
    return refuse(
        report(name, fault),
        [
            hinted(
                line if line.startswith(name) else f"{name}: {line}",
                "inference" if line.startswith(("inference", "--inference")) else "source",
            )
            for line in fault.faults
        ],
    )


def report(name: str, fault: ModelFault) -> str:
    """The message for the user: how many faults, then one a line."""
    count = len(fault.faults)
    return "\n".join(
        [
            f"error: {name}: {count} fault{'s' if count > 1 else ''}",
            *(f"  * {line}" for line in fault.faults),
        ]
    )
