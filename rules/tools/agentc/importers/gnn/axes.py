"""Order of a matrix's axes in a GNN file: given by the user, or the only order that is a
distribution.

GNN files do not mark their axes. Some write B as (next, previous, action), others put the action
first or write rows that sum to 1. An order is inferred only if no other order gives another model.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from agentc.ir.columns import column_errors, off_columns, renormalise_rounded
from agentc.ir.types import F64, ModelError

MAX_ROLES = 6
SHOWN = 2

Order = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AxisRoles:
    """Meaning of a matrix's axes in pymdp's order, and their known sizes."""

    name: str
    roles: Order
    sizes: Mapping[str, int | None]


def _shape_error(axes: AxisRoles, written: F64) -> str:
    usual = (
        f"; of more than {MAX_ROLES} axes only the usual orders are tried: write it, "
        f'layout = {{ {axes.name} = "{",".join(axes.roles)}" }}, as written'
        if len(axes.roles) > MAX_ROLES
        else ""
    )
    return f"{axes.name} has the shape {written.shape}, which no order of {_sizes(axes)} has{usual}"


def arrange(axes: AxisRoles, written: F64, layout: Order | None) -> F64:
    """Return the matrix with axes in the order of `axes.roles`; ModelError if impossible or
    ambiguous.
    """
    if written.ndim != len(axes.roles):
        raise ModelError(
            [
                f"{axes.name} is written with {written.ndim} axes {written.shape}, its "
                "connections call for "
                f"{len(axes.roles)}: {', '.join(axes.roles)}"
            ]
        )
    if layout is not None:
        return _as_said(axes, written, layout)
    orders = [order for order in _usual_orders(axes.roles) if _fits(axes, written, order)]
    orders = orders or [order for order in _all(axes.roles) if _fits(axes, written, order)]
    if not orders:
        raise ModelError([_shape_error(axes, written)])
    sound = [order for order in orders if _is_distribution(_read(axes, written, order))]
    if not sound:
        reading = _read(axes, written, orders[0])
        tried = " and as ".join(",".join(order) for order in orders[1:])
        raise ModelError(
            [
                f"{error} (read as "
                f"{','.join(orders[0])}{'; it is also none as ' + tried if tried else ''})"
                for error in itertools.islice(column_errors(axes.name, reading), SHOWN)
            ]
        )
    different = _distinct_orders(axes, written, sound)
    if len(different) > 1:
        choices = " or ".join(f'"{",".join(order)}"' for order in different)
        raise ModelError(
            [
                f"{axes.name} can be read in {len(different)} ways that make different models: "
                "write which it "
                f"is, layout = {{ {axes.name} = {choices} }}"
            ]
        )
    return _read(axes, written, sound[0])


def _as_said(axes: AxisRoles, written: F64, layout: Order) -> F64:
    if sorted(layout) != sorted(axes.roles):
        raise ModelError(
            [
                f"layout of {axes.name} = {','.join(layout)!r} must hold each of "
                f"{', '.join(axes.roles)} once"
            ]
        )
    if not _fits(axes, written, layout):
        raise ModelError(
            [
                f"{axes.name} has the shape {written.shape}, its layout {','.join(layout)!r} "
                "calls for "
                f"{_sizes(axes)}"
            ]
        )
    reading = _read(axes, written, layout)
    errors = list(itertools.islice(column_errors(axes.name, reading), SHOWN))
    if errors:
        raise ModelError([f"{error} (read as {','.join(layout)})" for error in errors])
    return reading


def _usual_orders(roles: Order) -> Iterator[Order]:
    """Return usual orders, pymdp's first. A: observations anywhere. B: action last or first."""
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


def _fits(axes: AxisRoles, written: F64, order: Order) -> bool:
    lengths = dict(zip(order, written.shape, strict=True))
    square = lengths.get("next") == lengths.get("previous")
    return square and all(axes.sizes.get(role) in (None, size) for role, size in lengths.items())


def _read(axes: AxisRoles, written: F64, order: Order) -> F64:
    return renormalise_rounded(np.transpose(written, [order.index(role) for role in axes.roles]))


def _is_distribution(array: F64) -> bool:
    return bool(np.all(array >= 0.0) and not np.any(off_columns(array)))


def _distinct_orders(axes: AxisRoles, written: F64, orders: list[Order]) -> list[Order]:
    """Return one order for each distinct result."""
    distinct: list[tuple[Order, F64]] = []
    for order in orders:
        reading = _read(axes, written, order)
        if not any(np.array_equal(reading, other) for _, other in distinct):
            distinct.append((order, reading))
    return [order for order, _ in distinct]


def _sizes(axes: AxisRoles) -> str:
    return ", ".join(
        f"{role} {'?' if axes.sizes.get(role) is None else axes.sizes[role]}" for role in axes.roles
    )
