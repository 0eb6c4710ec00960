"""Shared parts of the import programs: options, output files, and error reports."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from agentc.errors import refuse, split_hint
from agentc.ir import files as ir
from agentc.ir.types import Model, ModelError

ModelAndLabels = tuple[Model, Mapping[str, Any]]


def argument_parser(
    prog: str, description: str | None, source: str = "--source", spec: bool = False
) -> argparse.ArgumentParser:
    """Return a parser with the options of all import programs."""
    parser = argparse.ArgumentParser(prog=prog, description=description)
    parser.add_argument(source, dest="source", type=Path, required=True)
    if spec:
        parser.add_argument("--spec", type=Path, required=True)
    parser.add_argument("--inference", default="{}")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--labels", type=Path)
    return parser


def run(args: argparse.Namespace, make: Callable[[], ModelAndLabels]) -> int:
    """Make the model and write it; return 0, or 1 after one message with all errors."""
    try:
        model, names = make()
        write(model, names, args.out, args.labels)
    except ModelError as problem:
        return refuse_source(args.source.name, problem)
    except OSError as error:
        print(f"error: {error.filename}: {error.strerror}", file=sys.stderr, flush=True)
        return 1
    return 0


def write(model: Model, labels: Mapping[str, Any], out: Path, labels_file: Path | None) -> None:
    """Write the IR folder and, if requested, labels.json."""
    ir.save(model, out)
    if labels_file is not None:
        labels_file.parent.mkdir(parents=True, exist_ok=True)
        labels_file.write_bytes(ir.canonical_json(labels))


def refuse_source(name: str, error: ModelError) -> int:
    """Report that a model source is refused; return the exit code."""
    return refuse(
        format_errors(name, error),
        [
            split_hint(
                line if line.startswith(name) else f"{name}: {line}",
                "inference" if line.startswith(("inference", "--inference")) else "source",
            )
            for line in error.errors
        ],
    )


def format_errors(name: str, error: ModelError) -> str:
    """Format the message for users: number of errors, then one error a line."""
    count = len(error.errors)
    return "\n".join(
        [
            f"error: {name}: {count} error{'s' if count > 1 else ''}",
            *(f"  * {line}" for line in error.errors),
        ]
    )
