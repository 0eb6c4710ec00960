"""Action `ingest_gnn`: a model in Generalized Notation Notation (GNN, markdown) -> IR folder and labels.json.

    python3 import_gnn.py --source FILE.md [--layout JSON] [--inference JSON] --out DIR [--labels FILE]

`--layout {"B": "action,previous,next", "A_reward": "observation,s_place,s_side"}` says in which order the axes of a
matrix (or of all with its letter) are written; without it the order is inferred where only one makes sense, see
gnn_layout. C is taken as it stands, in nats. Parameters under pymdp's names count wherever the file has them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from agentc.importers.gnn.axes import Axes, Order, arrange
from agentc.importers.gnn.parameters import declared_size, parameters_of
from agentc.importers.gnn.parser import Gnn, parse
from agentc.importers.gnn.structure import (
    MATRIX,
    Matrix,
    Structure,
    control,
    of_suffix,
    parents,
    structure_of,
    unclaimed,
)
from agentc.importers.json_input import read_json
from agentc.importers.main import Made
from agentc.importers.parameters import meant
from agentc.importers.resolve import Source, resolve
from agentc.importers.text_input import read_text
from agentc.ir.types import F64, ModelFault
from agentc.ir.validate import unrounded

Layouts = Mapping[str, Order]


def source_of(model: Gnn, layouts: Layouts, overridden: frozenset[str]) -> Source:
    """The model in pymdp's shapes and words; ModelFault with every reason why not."""
    faults = [
        f"Time says {line!r}: only discrete time is known here"
        for line in model.time
        if "continuous" in line.lower()
    ]
    if faults:
        raise ModelFault(faults)
    structure = structure_of(model)
    faults += unclaimed(structure)
    faults += [
        f"layout: no matrix {name!r}{meant(name, [*'AB', *_names(structure)])}"
        for name in layouts
        if name not in ("A", "B", *_names(structure))
    ]
    reader = _Reader(model, structure, layouts, faults)
    B = [reader.transition(factor) for factor in structure.factors]
    A = [reader.likelihood(modality) for modality in structure.modalities]
    parameters = parameters_of(model, overridden, reader.sizes | reader.controls, faults)
    if faults:
        raise ModelFault(faults)
    if not reader.controls:
        B = [b[..., None] for b in B]
    return Source(
        A=A,
        B=B,
        C=reader.vectors("C", structure.modalities),
        D=reader.vectors("D", structure.factors),
        E=_vector(structure.rest["E"]) if "E" in structure.rest else None,
        spec=parameters | reader.labels(),
    )


def _names(structure: Structure) -> list[str]:
    return [one.name for one in (*structure.modalities, *structure.factors)]


class _Reader:
    """The matrices of one file, one after the other, and what they tell about sizes."""

    def __init__(
        self, model: Gnn, structure: Structure, layouts: Layouts, faults: list[str]
    ) -> None:
        self.model, self.structure, self.layouts, self.faults = model, structure, layouts, faults
        self.sizes: dict[str, int | None] = {
            one.own: self.known("D", one) for one in structure.factors
        }
        self.controls: dict[str, int] = {}
        self.parents: dict[str, tuple[int, ...]] = {}
        self.moved: dict[str, str] = {}

    def known(self, letter: str, matrix: Matrix) -> int | None:
        """The size of a matrix's own variable: as declared, else that of its C or D."""
        whole = self.structure.modalities if letter == "C" else self.structure.factors
        declared = declared_size(self.model, matrix.own)
        beside = of_suffix(self.structure, letter, matrix.suffix, len(whole) == 1)
        return declared if declared is not None or beside is None else _vector(beside).shape[-1]

    def transition(self, factor: Matrix) -> F64:
        """B of a factor in pymdp's order; the trailing action axis is left out where the file has none or one action."""
        own, *others = parents(self.structure, factor, 0)
        roles: Order = ("next", "previous", *(self.structure.factors[f].own for f in others))
        acts = factor.values.ndim > len(roles)
        roles = (*roles, "action") if acts else roles
        size = self.sizes[factor.own]
        sizes = self.sizes | {"next": size, "previous": size}
        self.parents[factor.name] = (own, *others)
        try:
            found = arrange(
                Axes(factor.name, roles, sizes), factor.values, self.layout(factor.name, roles)
            )
        except ModelFault as fault:
            self.faults += fault.faults
            return factor.values
        self.sizes[factor.own] = int(found.shape[0])
        return self.moves(factor, found) if acts else found

    def moves(self, factor: Matrix, found: F64) -> F64:
        """B with the control of its last axis noted; without that axis when it offers no choice."""
        actions = int(found.shape[-1])
        if actions == 1:
            return found[..., 0]
        self.moved[factor.name] = name = control(self.structure, factor)
        if self.controls.setdefault(name, actions) != actions:
            self.faults.append(
                f"{factor.name} has {actions} actions, {name} has {self.controls[name]} where it moves "
                "another factor"
            )
        return found

    def likelihood(self, modality: Matrix) -> F64:
        """A of a modality in pymdp's order."""
        size = self.sizes[modality.own] = self.known("C", modality)
        try:
            self.parents[modality.name] = states = parents(
                self.structure, modality, modality.values.ndim - 1
            )
            roles: Order = ("observation", *(self.structure.factors[f].own for f in states))
            found = arrange(
                Axes(modality.name, roles, self.sizes | {"observation": size}),
                modality.values,
                self.layout(modality.name, roles),
            )
        except ModelFault as fault:
            self.faults += fault.faults
            return modality.values
        self.sizes[modality.own] = int(found.shape[0])
        return found

    def layout(self, name: str, roles: Order) -> Order | None:
        """What the user says of a matrix, by its name or by its letter."""
        said = self.layouts.get(name) or self.layouts.get(name[0])
        if said is None:
            return None
        alone = roles[1] if name[0] == "A" and len(roles) == 2 else "state"
        words = tuple(alone if word == "state" else word for word in said)
        if name not in self.layouts and "action" not in roles:
            words = tuple(word for word in words if word != "action")
        return words

    def vectors(self, letter: str, matrices: Sequence[Matrix]) -> list[Any] | None:
        """C or D of all; None when the file has none, uniform for those it leaves out."""
        found = [
            of_suffix(self.structure, letter, one.suffix, len(matrices) == 1) for one in matrices
        ]
        if all(one is None for one in found):
            return None
        sizes = [self.sizes[one.own] or 1 for one in matrices]
        flat = [
            np.full(size, 1.0) / size if one is None else _vector(one)
            for one, size in zip(found, sizes, strict=True)
        ]
        return flat if letter == "C" else [unrounded(one) for one in flat]

    def labels(self) -> dict[str, Any]:
        """Names and dependencies in the words of compile_model; the names are those of the variables."""
        states = [factor.own for factor in self.structure.factors]

        def depends(matrix: Matrix) -> list[str]:
            return [states[f] for f in self.parents[matrix.name]]

        observations = {
            one.own: {"size": self.sizes[one.own], "depends_on": depends(one)}
            for one in self.structure.modalities
        }
        factors = {
            one.own: {
                "size": self.sizes[one.own],
                "depends_on": depends(one),
                "controlled_by": [self.moved[one.name]] if one.name in self.moved else [],
            }
            for one in self.structure.factors
        }
        return {
            "observations": observations,
            "states": factors,
            "controls": {name: {"size": size} for name, size in self.controls.items()},
        }


def _vector(array: F64) -> F64:
    """`{(a, b)}` is a vector as `{a, b}` is."""
    return array.reshape(-1) if array.size == max(array.shape) else array


def layouts_of(given: Mapping[str, Any]) -> Layouts:
    """The words of `--layout`: for each matrix its axes in the order written, as text with commas."""
    faults = [
        f'layout: {name} = {words!r} must be text such as "next,previous,action"'
        for name, words in given.items()
        if not isinstance(words, str) or not words.strip()
    ]
    faults += [
        f"layout: {name!r} is no A and no B"
        for name in given
        if not (match := MATRIX.fullmatch(name)) or match[1] not in "AB"
    ]
    if faults:
        raise ModelFault(faults)
    return {name: tuple(word.strip() for word in words.split(",")) for name, words in given.items()}


def make(source: Path, layout: str, inference: str) -> Made:
    """The model and its labels; ModelFault with every reason why not."""
    overrides = read_json(inference, "--inference")
    layouts = layouts_of(read_json(layout, "--layout"))
    return resolve(source_of(parse(read_text(source)), layouts, frozenset(overrides)), overrides)
