"""Program `model_show`: what is in a model, as a table with heat maps or as JSON.

    python3 show_model.py FILE.npz|FILE.pomdp|FILE.md [--spec FILE] [--layout JSON] [--preferences JSON]
        [--inference JSON] [--png FOLDER] [--json]
    python3 show_model.py IR_FOLDER --labels FILE [--png FOLDER] [--json]

--png also writes a heat map of every A and B, A0.png and so on.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agentc.importers import json_input, npz as ingest
from agentc.importers.gnn import reader as ingest_gnn
from agentc.importers.main import Made
from agentc.importers.pomdp import reader as ingest_pomdp
from agentc.ir import files as ir
from agentc.ir.types import Model, ModelFault
from modelview.heatmap_png import describe, picture, png
from modelview.heatmap_text import draw
from modelview.summary import matrices, sheet

SHOWN = 8


def read(args: argparse.Namespace) -> Made:
    """The model and its labels; ModelFault with every reason why not."""
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
    raise ModelFault([f"{suffix or 'no suffix'} cannot be shown{way_out}"])


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
    """The model as lines of text."""
    found = sheet(model, labels)
    for kind in ("observations", "states", "controls"):
        for entry in found[kind]:
            names = entry["elements"] or ()
            some = ", ".join(names[:SHOWN]) + (", .." if len(names) > SHOWN else "")
            yield f"{kind:<13} {entry['name']}: {entry['size']}" + (f" ({some})" if some else "")
    if "rewards" in found:
        yield f"{'rewards':<13} {ingest_pomdp.rewards_text(found['rewards'])}"
    for one in found["matrices"]:
        zeros = 100.0 * (one["entries"] - one["nonzero"]) / one["entries"]
        yield (
            f"{one['name']:<13} {' x '.join(map(str, one['shape']))} ({', '.join(one['axes'])}): {one['nonzero']} of "
            f"{one['entries']} entries, {zeros:.0f} % zeros"
            + (", deterministic" if one["deterministic"] else "")
        )
    yield from _cost(found)
    yield from _parameters(found)
    for name, array, axes, elements in matrices(model, labels):
        yield ""
        yield from draw(name, array, axes, elements)


def _cost(found: Mapping[str, Any]) -> Iterator[str]:
    policies, cost = found["policies"], found["cost"]
    yield f"{'policies':<13} {policies['count']} of length {policies['length']} ({policies['kind']})"
    yield (
        f"{'a step':<13} {cost['infer']:,} multiply-adds to infer, {cost['plan']:,} to plan; "
        f"{cost['plan_shared']:,} when the {cost['beginnings']:,} beginnings are planned once and zeros skipped"
    )


def _parameters(found: Mapping[str, Any]) -> Iterator[str]:
    legacy = found["legacy"]
    yield f"{'parameters':<13} " + ", ".join(
        f"{name} {value}" + (f" (pymdp 0.0.7: {legacy[name]})" if name in legacy else "")
        for name, value in found["parameters"].items()
    )
    given = found["given"]
    learned = " and ".join(found["learns"])
    notes = [
        note
        for note, true in (
            (f"{learned} learned from Dirichlet counts", bool(learned)),
            ("C is flat: nothing is preferred", given["C_flat"]),
            ("C varies over the policy", given["C_time_varying"]),
            ("D is flat: nothing is known at first", given["D_flat"]),
            ("E is given", given["E"]),
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
