"""The page of a model: labels, sizes, costs, parameters and heat maps as text."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agentc.importers import json_input, npz as ingest
from agentc.importers.gnn import reader as ingest_gnn
from agentc.importers.main import ModelAndLabels
from agentc.importers.pomdp import reader as ingest_pomdp
from agentc.ir import files as ir
from agentc.ir.types import Model, ModelError
from modelview.heatmap_png import describe, picture, png
from modelview.heatmap_text import draw
from modelview.summary import matrices, summarize

SHOWN = 8


def read(args: argparse.Namespace) -> ModelAndLabels:
    """Return a model and its labels from a file or IR folder; ModelError lists all errors."""
    path: Path = args.source
    suffix = path.suffix.lower()
    if path.is_dir():
        model = ir.load(path)
        return model, json_input.read_json(
            args.labels.read_bytes(), args.labels.name
        ) if args.labels else _nameless(model)
    if suffix == ".pomdp":
        return ingest_pomdp.make(path, args.preferences, args.inference)
    if suffix == ".md":
        return ingest_gnn.make(path, args.layout, args.inference)
    if suffix in (".npz", ".json"):
        spec = args.spec or path.with_suffix(".json")
        return ingest.make(path.with_suffix(".npz"), spec, args.inference)
    way_out = (
        ": its code runs in a sandbox only, so name the label of its target"
        if suffix == ".py"
        else ": show reads .npz, .pomdp, .md and the label of a target whose rule is `model`"
    )
    raise ModelError([f"{suffix or 'no suffix'} cannot be shown{way_out}"])


def _nameless(model: Model) -> dict[str, Any]:
    choices = [model.num_controls[c] for c in model.control_factors]
    return {
        kind: [{"name": None, "size": size, "elements": None} for size in sizes]
        for kind, sizes in (
            ("observations", model.num_obs),
            ("states", model.num_states),
            ("controls", choices),
        )
    }


def page(model: Model, labels: Mapping[str, Any]) -> Iterator[str]:
    """Yield the model as lines of text."""
    summary = summarize(model, labels)
    for kind in ("observations", "states", "controls"):
        for entry in summary[kind]:
            names = entry["elements"] or ()
            some = ", ".join(names[:SHOWN]) + (", .." if len(names) > SHOWN else "")
            yield f"{kind:<13} {entry['name']}: {entry['size']}" + (f" ({some})" if some else "")
    if "rewards" in summary:
        yield f"{'rewards':<13} {ingest_pomdp.format_rewards(summary['rewards'])}"
    for one in summary["matrices"]:
        zeros = 100.0 * (one["entries"] - one["nonzero"]) / one["entries"]
        yield (
            f"{one['name']:<13} {' x '.join(map(str, one['shape']))} ({', '.join(one['axes'])}): "
            f"{one['nonzero']} of "
            f"{one['entries']} entries, {zeros:.0f} % zeros"
            + (", deterministic" if one["deterministic"] else "")
        )
    yield from _cost(summary)
    yield from _parameters(summary)
    for name, array, axes, elements in matrices(model, labels):
        yield ""
        yield from draw(name, array, axes, elements)


def _cost(summary: Mapping[str, Any]) -> Iterator[str]:
    policies, cost = summary["policies"], summary["cost"]
    yield (
        f"{'policies':<13} {policies['count']} of length {policies['length']} ({policies['kind']})"
    )
    yield (
        f"{'a step':<13} {cost['infer']:,} multiply-adds to infer, {cost['plan']:,} to plan; "
        f"{cost['plan_shared']:,} when the {cost['beginnings']:,} beginnings are planned once "
        "and zeros skipped"
    )


def _parameters(summary: Mapping[str, Any]) -> Iterator[str]:
    legacy = summary["legacy"]
    yield f"{'parameters':<13} " + ", ".join(
        f"{name} {value}" + (f" (pymdp 0.0.7: {legacy[name]})" if name in legacy else "")
        for name, value in summary["parameters"].items()
    )
    present = summary["given"]
    learned = " and ".join(summary["learns"])
    notes = [
        note
        for note, true in (
            (f"{learned} learned from Dirichlet counts", bool(learned)),
            ("C is flat: nothing is preferred", present["C_flat"]),
            ("C varies over the policy", present["C_time_varying"]),
            ("D is flat: nothing is known at first", present["D_flat"]),
            ("E is given", present["E"]),
        )
        if true
    ]
    if notes:
        yield f"{'note':<13} {'; '.join(notes)}"


def pictures(model: Model, labels: Mapping[str, Any], folder: Path) -> None:
    """Write a heat map of every matrix."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, array, axes, _ in matrices(model, labels):
        (folder / f"{name}.png").write_bytes(png(picture(array), describe(name, array.shape, axes)))
