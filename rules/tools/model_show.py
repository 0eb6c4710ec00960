"""Program `model_show`: what is in a model, as a table with heat maps or as JSON.

    python3 model_show.py FILE.npz|FILE.pomdp|FILE.md [--spec FILE] [--layout JSON] [--preferences JSON]
        [--inference JSON] [--png FOLDER] [--json]
    python3 model_show.py IR_FOLDER --labels FILE [--png FOLDER] [--json]

--png also writes a heat map of every A and B, A0.png and so on.
"""
from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import ingest
import ingest_gnn
import ingest_pomdp
import ir
from agent_model import Model, ModelFault
from model_draw import draw
from model_picture import describe, picture, png
from model_sheet import matrices, sheet
from model_source import report
from model_text import Made

SHOWN = 8


def read(args: argparse.Namespace) -> Made:
    """The model and its labels; ModelFault with every reason why not."""
    path: Path = args.source
    suffix = path.suffix.lower()
    if path.is_dir():
        model = ir.load(path)
        return model, ingest.read_json(args.labels.read_bytes(), args.labels.name) if args.labels else _nameless(model)
    if suffix == ".pomdp":
        return ingest_pomdp.make(path, args.preferences, args.inference)
    if suffix == ".md":
        return ingest_gnn.make(path, args.layout, args.inference)
    if suffix in (".npz", ".json"):
        spec = args.spec or path.with_suffix(".json")
        return ingest.make(path.with_suffix(".npz"), spec, args.inference)
    way_out = ": its code runs in a sandbox only, so name the label of its target" if suffix == ".py" else \
        ": show reads .npz, .pomdp, .md and the label of a target whose rule is `model`"
    raise ModelFault([f"{suffix or 'no suffix'} cannot be shown{way_out}"])


def _nameless(model: Model) -> dict[str, Any]:
    choices = [model.num_controls[c] for c in model.control_factors]
    return {kind: [{"name": None, "size": size, "elements": None} for size in sizes] for kind, sizes in
            (("observations", model.num_obs), ("states", model.num_states), ("controls", choices))}


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
        yield (f"{one['name']:<13} {' x '.join(map(str, one['shape']))} ({', '.join(one['axes'])}): {one['nonzero']} of "
               f"{one['entries']} entries, {zeros:.0f} % zeros" + (", deterministic" if one["deterministic"] else ""))
    yield from _cost(found)
    yield from _parameters(found)
    for name, array, axes, elements in matrices(model, labels):
        yield ""
        yield from draw(name, array, axes, elements)


def _cost(found: Mapping[str, Any]) -> Iterator[str]:
    policies, cost = found["policies"], found["cost"]
    yield f"{'policies':<13} {policies['count']} of length {policies['length']} ({policies['kind']})"
    yield (f"{'a step':<13} {cost['infer']:,} multiply-adds to infer, {cost['plan']:,} to plan; "
           f"{cost['plan_shared']:,} when the {cost['beginnings']:,} beginnings are planned once and zeros skipped")


def _parameters(found: Mapping[str, Any]) -> Iterator[str]:
    legacy = found["legacy"]
    yield f"{'parameters':<13} " + ", ".join(
        f"{name} {value}" + (f" (pymdp 0.0.7: {legacy[name]})" if name in legacy else "")
        for name, value in found["parameters"].items())
    given = found["given"]
    learned = " and ".join(found["learns"])
    notes = [note for note, true in ((f"{learned} learned from Dirichlet counts", bool(learned)),
                                     ("C is flat: nothing is preferred", given["C_flat"]),
                                     ("C varies over the policy", given["C_time_varying"]),
                                     ("D is flat: nothing is known at first", given["D_flat"]),
                                     ("E is given", given["E"])) if true]
    if notes:
        yield f"{'note':<13} {'; '.join(notes)}"


def pictures(model: Model, labels: Mapping[str, Any], folder: Path) -> None:
    """Write a heat map of every matrix."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, array, axes, _ in matrices(model, labels):
        (folder / f"{name}.png").write_bytes(png(picture(array), describe(name, array.shape, axes)))


def main(argv: Sequence[str] | None = None) -> int:
    """0, or 1 after one message on stderr that lists every fault."""
    parser = argparse.ArgumentParser(prog="model_show", description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("--spec", type=Path)
    parser.add_argument("--layout", default="{}")
    parser.add_argument("--preferences")
    parser.add_argument("--inference", default="{}")
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--png", type=Path)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    try:
        model, labels = read(args)
        if args.png:
            pictures(model, labels, args.png)
    except ModelFault as fault:
        print(report(args.source.name, fault), file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    print(json.dumps(sheet(model, labels), sort_keys=True) if args.json else "\n".join(page(model, labels)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
