"""`buildgraph hardware show LABEL`: the facts of a board of the workspace, as exports read them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, fields
from importlib import import_module
from typing import Any

from ..types.errors import BuildError
from ..ui.json_document import print_document
from .invocation import Invocation

_SIZES = ("memory", "reserved", "storage", "l1d", "l2", "l3", "page_size")


def show_board(label: str, *, json: bool) -> None:
    """Print each fact of a target of the rule `hardware`: its value, its use and its key.

    BuildError if the label is of other targets.
    """
    from ..build.from_source import analyze_request

    rule = import_module("buildgraph.rules.hardware")
    facts = import_module("buildgraph.rules.boards.facts").FACTS
    invocation = Invocation.find()
    request = analyze_request(invocation.root, (label,), invocation.package)
    boards = [
        (name, board)
        for name in request.labels
        if isinstance(board := request.analysis.providers[name], rule.Hardware)
    ]
    if len(boards) != 1:
        raise BuildError(
            f"{label} names {len(boards)} boards",
            fix="name one target of the rule `hardware`: "
            "`buildgraph query list //... --kind hardware`",
            reason="usage",
        )
    name, board = boards[0]
    rows = [fact for fact in facts if fact.hardware]
    values = {item.name: getattr(board, item.name) for item in fields(board)}
    if json:
        known = {fact.hardware: values[fact.hardware] for fact in rows}
        print_document(
            {"target": str(name), "hardware": known, "facts": [asdict(fact) for fact in rows]}
        )
        return
    print(name)
    for fact in rows:
        value = _format(fact.hardware, values[fact.hardware], rule.size)
        key = f"  (key `{fact.key}`)" if fact.key else ""
        print(f"  {fact.hardware:<14} {value:<22} {fact.use:<12} {fact.what}{key}")


def _format(name: str, value: Any, size: Callable[[int], str]) -> str:
    """Format a fact; 0, "" and None are unknown ones, but a variant may be empty."""
    if value is not False and value in (None, "", 0, (), (0, 0)):
        return "none" if name in ("variant", "power_mode", "reserved") else "unknown"
    if name in _SIZES:
        return size(value)
    if name == "clock_mhz" and isinstance(value, tuple):
        return " to ".join(map(str, dict.fromkeys(value)))
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
