"""The gates that an export requires: its own ones by name, and those of other targets by label."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from buildgraph import BuildError, Ctx, Gate, Output, Provider, did_you_mean


def require_gates(
    ctx: Ctx, own: Iterable[Gate], required: tuple[str, ...], others: tuple[Provider, ...]
) -> tuple[Gate, ...]:
    """Return an export's own gates and those of other targets, which are named by their labels.

    `required` names own gates that must not be "not checked".
    """
    gates = tuple(own)
    check_names(ctx, "required", required, [gate.name for gate in gates], "gate of this export")
    marked = [replace(gate, required=gate.name in required) for gate in gates]
    return (*marked, *_others(ctx, others))


def _others(ctx: Ctx, providers: tuple[Provider, ...]) -> Iterator[Gate]:
    for number, provider in enumerate(providers):
        gates = [gate for gate in getattr(provider, "gates", ()) if isinstance(gate, Gate)]
        if not gates:
            raise BuildError(
                f"{ctx.label}: a target of `gates` has no gate",
                ctx.target.place("gates", number),
                "name targets with a rule such as `gate`",
            )
        yield from (replace(gate, name=_label(gate), required=True) for gate in gates)


def check_names(
    ctx: Ctx, key: str, names: tuple[str, ...], known: Iterable[str], what: str
) -> None:
    """Raise BuildError for a name in the list of a key that is not known."""
    known = sorted(known)
    for number, name in enumerate(names):
        if name not in known:
            hint = did_you_mean(name, known) or f"there are {', '.join(known)}"
            raise BuildError(f"{name!r} is no {what}", ctx.target.place(key, number), hint)


def _label(gate: Gate) -> str:
    """The label of a gate's target, with the name of the gate if the target has another one."""
    assert isinstance(gate.verdict, Output) and gate.verdict.action.owner is not None
    owner = gate.verdict.action.owner
    return str(owner) if owner.name == gate.name else f"{owner} {gate.name}"
