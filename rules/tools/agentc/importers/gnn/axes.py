"""In which order the axes of a matrix were written: as its user says, else the one order in which it is a distribution.

GNN files do not mark which axis is which: some write B as (next, previous, action), others action first, others with
rows that sum to 1. An order is taken only when no other one makes another model.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from agentc.ir.types import F64, ModelFault
from agentc.ir.validate import column_faults, off_columns, unrounded

MAX_ROLES = 6
SHOWN = 2

Order = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Axes:
    """The meaning of a matrix's axes in pymdp's order, and their sizes as far as they are known elsewhere."""

    name: str
    roles: Order
    sizes: Mapping[str, int | None]


def arrange(axes: Axes, written: F64, layout: Order | None) -> F64:
    """The matrix with its axes in the order of `axes.roles`; ModelFault when that is impossible or not clear."""
    if written.ndim != len(axes.roles):
        raise ModelFault(
            [
                f"{axes.name} is written with {written.ndim} axes {written.shape}, its connections call for "
                f"{len(axes.roles)}: {', '.join(axes.roles)}"
            ]
        )
    if layout is not None:
        return _as_said(axes, written, layout)
    orders = [order for order in _usual(axes.roles) if _fits(axes, written, order)]
    orders = orders or [order for order in _all(axes.roles) if _fits(axes, written, order)]
    if not orders:
        usual = (
            f"; of more than {MAX_ROLES} axes only the usual orders are tried: say it, "
            f'layout = {{ {axes.name} = "{",".join(axes.roles)}" }}, as written'
            if len(axes.roles) > MAX_ROLES
            else ""
        )
        raise ModelFault(
            [
                f"{axes.name} has the shape {written.shape}, which no order of {_sizes(axes)} has{usual}"
            ]
        )
    sound = [order for order in orders if _is_distribution(_read(axes, written, order))]
    if not sound:
        reading = _read(axes, written, orders[0])
        tried = " and as ".join(",".join(order) for order in orders[1:])
        raise ModelFault(
            [
                f"{fault} (read as {','.join(orders[0])}{'; nor is it one as ' + tried if tried else ''})"
                for fault in itertools.islice(column_faults(axes.name, reading), SHOWN)
            ]
        )
    different = _different(axes, written, sound)
    if len(different) > 1:
        choices = " or ".join(f'"{",".join(order)}"' for order in different)
        raise ModelFault(
            [
                f"{axes.name} can be read in {len(different)} ways that make different models: say which it "
                f"is, layout = {{ {axes.name} = {choices} }}"
            ]
        )
    return _read(axes, written, sound[0])


def _as_said(axes: Axes, written: F64, layout: Order) -> F64:
    if sorted(layout) != sorted(axes.roles):
        raise ModelFault(
            [
                f"layout of {axes.name} = {','.join(layout)!r} must hold each of {', '.join(axes.roles)} once"
            ]
        )
    if not _fits(axes, written, layout):
        raise ModelFault(
            [
                f"{axes.name} has the shape {written.shape}, its layout {','.join(layout)!r} calls for "
                f"{_sizes(axes)}"
            ]
        )
    reading = _read(axes, written, layout)
    faults = list(itertools.islice(column_faults(axes.name, reading), SHOWN))
    if faults:
        raise ModelFault([f"{fault} (read as {','.join(layout)})" for fault in faults])
    return reading


def _usual(roles: Order) -> Iterator[Order]:
    """pymdp's order first. A: observations anywhere. B: action last or first, next and previous either way."""
    if roles[0] == "observation":
        states = roles[1:]
        yield from ((*states[:i], "observation", *states[i:]) for i in range(len(roles)))
        return
    action = roles[-1:] if roles[-1] == "action" else ()
    rest = roles[2 : len(roles) - len(action)]
    for first, second in (("next", "previous"), ("previous", "next")):
        yield (first, second, *rest, *action)
        if action:
            yield (*action, first, second, *rest)


def _all(roles: Order) -> Iterator[Order]:
    return itertools.permutations(roles) if len(roles) <= MAX_ROLES else iter(())


def _fits(axes: Axes, written: F64, order: Order) -> bool:
    found = dict(zip(order, written.shape, strict=True))
    square = found.get("next") == found.get("previous")
    return square and all(axes.sizes.get(role) in (None, size) for role, size in found.items())


def _read(axes: Axes, written: F64, order: Order) -> F64:
    return unrounded(np.transpose(written, [order.index(role) for role in axes.roles]))


def _is_distribution(array: F64) -> bool:
    return bool(np.all(array >= 0.0) and not np.any(off_columns(array)))


def _different(axes: Axes, written: F64, orders: list[Order]) -> list[Order]:
    """One order for each different reading."""
    found: list[tuple[Order, F64]] = []
    for order in orders:
        reading = _read(axes, written, order)
        if not any(np.array_equal(reading, other) for _, other in found):
            found.append((order, reading))
    return [order for order, _ in found]


def _sizes(axes: Axes) -> str:
    return ", ".join(
        f"{role} {'?' if axes.sizes.get(role) is None else axes.sizes[role]}" for role in axes.roles
    )
