"""Import a model in Generalized Notation Notation (GNN): arrange its matrices in pymdp's order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from agentc.importers.gnn.axes import AxisRoles, Order, arrange
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
from agentc.importers.main import ModelAndLabels
from agentc.importers.parameters import format_suggestion
from agentc.importers.resolve import ModelSource, resolve
from agentc.importers.text_input import read_text
from agentc.ir.columns import renormalise_rounded
from agentc.ir.types import F64, ModelError

Layouts = Mapping[str, Order]


def source_of(model: Gnn, layouts: Layouts, overridden: frozenset[str]) -> ModelSource:
    """Return the model in pymdp's shapes and names; ModelError lists all errors."""
    errors = [
        f"Time says {line!r}: only discrete time is supported"
        for line in model.time
        if "continuous" in line.lower()
    ]
    if errors:
        raise ModelError(errors)
    structure = structure_of(model)
    errors += unclaimed(structure)
    errors += [
        f"layout: no matrix {name!r}{format_suggestion(name, [*'AB', *_names(structure)])}"
        for name in layouts
        if name not in ("A", "B", *_names(structure))
    ]
    reader = _Reader(model, structure, layouts, errors)
    B = [reader.transition(factor) for factor in structure.factors]
    A = [reader.likelihood(modality) for modality in structure.modalities]
    parameters = parameters_of(model, overridden, reader.sizes | reader.controls, errors)
    if errors:
        raise ModelError(errors)
    if not reader.controls:
        B = [b[..., None] for b in B]
    return ModelSource(
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
    """Matrices of one file, read in order, and the sizes that they give."""

    def __init__(
        self, model: Gnn, structure: Structure, layouts: Layouts, errors: list[str]
    ) -> None:
        self.model, self.structure, self.layouts, self.errors = model, structure, layouts, errors
        self.sizes: dict[str, int | None] = {
            one.own: self.known("D", one) for one in structure.factors
        }
        self.controls: dict[str, int] = {}
        self.parents: dict[str, tuple[int, ...]] = {}
        self.moved: dict[str, str] = {}

    def known(self, letter: str, matrix: Matrix) -> int | None:
        """Return the size of a matrix's own variable: as declared, else that of its C or D."""
        whole = self.structure.modalities if letter == "C" else self.structure.factors
        declared = declared_size(self.model, matrix.own)
        beside = of_suffix(self.structure, letter, matrix.suffix, len(whole) == 1)
        return declared if declared is not None or beside is None else _vector(beside).shape[-1]

    def transition(self, factor: Matrix) -> F64:
        """Return B of a factor in pymdp's order, without a trailing action axis of length 1."""
        own, *others = parents(self.structure, factor, 0)
        roles: Order = ("next", "previous", *(self.structure.factors[f].own for f in others))
        acts = factor.values.ndim > len(roles)
        roles = (*roles, "action") if acts else roles
        size = self.sizes[factor.own]
        sizes = self.sizes | {"next": size, "previous": size}
        self.parents[factor.name] = (own, *others)
        try:
            matrix = arrange(
                AxisRoles(factor.name, roles, sizes), factor.values, self.layout(factor.name, roles)
            )
        except ModelError as error:
            self.errors += error.errors
            return factor.values
        self.sizes[factor.own] = int(matrix.shape[0])
        return self.moves(factor, matrix) if acts else matrix

    def moves(self, factor: Matrix, matrix: F64) -> F64:
        """Record the control of B's last axis; drop the axis if it has length 1."""
        actions = int(matrix.shape[-1])
        if actions == 1:
            return matrix[..., 0]
        self.moved[factor.name] = name = control(self.structure, factor)
        if self.controls.setdefault(name, actions) != actions:
            self.errors.append(
                f"{factor.name} has {actions} actions, {name} has {self.controls[name]} where it "
                "moves "
                "another factor"
            )
        return matrix

    def likelihood(self, modality: Matrix) -> F64:
        """Return A of a modality in pymdp's order."""
        size = self.sizes[modality.own] = self.known("C", modality)
        try:
            self.parents[modality.name] = states = parents(
                self.structure, modality, modality.values.ndim - 1
            )
            roles: Order = ("observation", *(self.structure.factors[f].own for f in states))
            matrix = arrange(
                AxisRoles(modality.name, roles, self.sizes | {"observation": size}),
                modality.values,
                self.layout(modality.name, roles),
            )
        except ModelError as error:
            self.errors += error.errors
            return modality.values
        self.sizes[modality.own] = int(matrix.shape[0])
        return matrix

    def layout(self, name: str, roles: Order) -> Order | None:
        """Return the user's layout of a matrix, by its name or its letter."""
        written = self.layouts.get(name) or self.layouts.get(name[0])
        if written is None:
            return None
        alone = roles[1] if name[0] == "A" and len(roles) == 2 else "state"
        words = tuple(alone if word == "state" else word for word in written)
        if name not in self.layouts and "action" not in roles:
            words = tuple(word for word in words if word != "action")
        return words

    def vectors(self, letter: str, matrices: Sequence[Matrix]) -> list[Any] | None:
        """Return C or D of all matrices: None if the file has none, uniform for missing ones."""
        declared = [
            of_suffix(self.structure, letter, one.suffix, len(matrices) == 1) for one in matrices
        ]
        if all(one is None for one in declared):
            return None
        sizes = [self.sizes[one.own] or 1 for one in matrices]
        flat = [
            np.full(size, 1.0) / size if one is None else _vector(one)
            for one, size in zip(declared, sizes, strict=True)
        ]
        return flat if letter == "C" else [renormalise_rounded(one) for one in flat]

    def labels(self) -> dict[str, Any]:
        """Return names and dependencies in the keys of compile_model."""
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
    """Return `{(a, b)}` as the vector `{a, b}`."""
    return array.reshape(-1) if array.size == max(array.shape) else array


def layouts_of(texts: Mapping[str, Any]) -> Layouts:
    """Parse `--layout`: axes of each matrix in the order written, separated by commas."""
    errors = [
        f'layout: {name} = {words!r} must be text such as "next,previous,action"'
        for name, words in texts.items()
        if not isinstance(words, str) or not words.strip()
    ]
    errors += [
        f"layout: {name!r} is not an A or a B"
        for name in texts
        if not (match := MATRIX.fullmatch(name)) or match[1] not in "AB"
    ]
    if errors:
        raise ModelError(errors)
    return {name: tuple(word.strip() for word in words.split(",")) for name, words in texts.items()}


def make(source: Path, layout: str, inference: str) -> ModelAndLabels:
    """Return the model and its labels; ModelError lists all errors."""
    overrides = read_json(inference, "--inference")
    layouts = layouts_of(read_json(layout, "--layout"))
    return resolve(source_of(parse(read_text(source)), layouts, frozenset(overrides)), overrides)
