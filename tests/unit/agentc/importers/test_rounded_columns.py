"""Probabilities written as rounded decimals: one rule for every kind of source, and for both sides
of its boundary.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from agentc.importers import npz as ingest, objects as ingest_objects, python as ingest_python
from agentc.importers.gnn import parser as gnn_text, reader as ingest_gnn
from agentc.importers.pomdp import parser as pomdp_text, reader as ingest_pomdp
from agentc.importers.resolve import resolve
from agentc.ir import files as ir
from agentc.ir.columns import off_columns, renormalise_rounded, rounding
from agentc.ir.types import F64, ModelError
from agentc.ir.validate import normalise

from tests.unit.agentc.importers.test_objects import objects

Row = list[str]


def matrices(row: Row) -> tuple[F64, F64]:
    """A whose first column is the row, and a B, of two states."""
    A = np.zeros((len(row), 2))
    A[:, 0], A[0, 1] = [float(word) for word in row], 1.0
    return A, np.stack([np.eye(2), np.eye(2)[::-1]], axis=-1)


def of_npz(row: Row, folder: Path) -> ir.Model:
    A, B = matrices(row)
    np.savez(folder / "m.npz", A0=A, B0=B)
    (folder / "m.json").write_text("{}")
    return ingest.make(folder / "m.npz", folder / "m.json", "{}")[0]


def of_objects(row: Row, folder: Path) -> ir.Model:
    A, B = matrices(row)
    np.savez(folder / "m.npz", A=objects(A), B=objects(B))
    (folder / "m.json").write_text(json.dumps({"semantics": "pymdp-0.0.7"}))
    return ingest_objects.make(folder / "m.npz", folder / "m.json", "{}")[0]


def of_python(row: Row, folder: Path) -> ir.Model:
    A, B = matrices(row)
    return resolve(ingest_python.source_of({"A": [A], "B": [B]}), {})[0]


def of_pomdp(row: Row, folder: Path) -> ir.Model:
    text = (
        "discount: 1.0\nvalues: reward\nstates: a b\nactions: go stay\nobservations: "
        f"{len(row)}\nT: go identity\n"
        f"T: stay\n0 1\n1 0\nO: * : a\n{' '.join(row)}\nO: * : b : 0 1.0\n"
    )
    return resolve(ingest_pomdp.source_of(pomdp_text.parse(text), None, 1), {})[0]


def of_gnn(row: Row, folder: Path) -> ir.Model:
    rest = ["1", *["0"] * (len(row) - 1)]
    columns = ", ".join(f"({a}, {b})" for a, b in zip(row, rest, strict=True))
    text = (
        f"## StateSpaceBlock\ns[2,1]\no[{len(row)},1]\nu[1]\n## "
        "Connections\nD>s\ns-A\nA-o\n(s,u)>B\n"
        f"## InitialParameterization\nA={{{columns}}}\nB={{((1,0),(0,1)), ((0,1),(1,0))}}\n## "
        "ModelParameters\n"
    )
    source = ingest_gnn.source_of(
        gnn_text.parse(text), {"A": ("observation", "state")}, frozenset()
    )
    return resolve(source, {})[0]


KINDS = [of_npz, of_objects, of_python, of_pomdp, of_gnn]
SCALED = [
    ["0.841236", "0.047363", "0.111402"],  # 1.000001
    ["0.841236", "0.047364", "0.111402"],  # 1.000002
    ["0.841236", "0.047361", "0.111402"],  # 0.999999
    ["0.333333", "0.333333", "0.333333"],
    ["0.33333", "0.33333", "0.33333"],
    ["0.5000125", "0.25", "0.25"],  # just at 1.1e-5 + 3 x 5e-7
    ["0.4999875", "0.25", "0.25"],
    ["0.3333333", "0.3333333", "0.3333333"],
    ["0.33333333", "0.33333333", "0.33333333"],
    ["0.000977"] * 1024,  # 1.000448
    ["0.00010"] * 9999 + ["0.0"],
]
REFUSED = [
    (["0.33", "0.33", "0.33"], 0.99),
    (["0.333", "0.333", "0.333"], 0.999),
    (["0.3333", "0.3333", "0.3333"], 0.9999),
    (["0.5000126", "0.25", "0.25"], 1.0000126),
    (["0.4999874", "0.25", "0.25"], 0.9999874),
    (["0.50001251", "0.25", "0.25"], 1.00001251),
    (["0.00099"] * 1024, 1.01376),
]


@pytest.mark.parametrize("built", KINDS)
@pytest.mark.parametrize("row", SCALED, ids=lambda row: f"{row[0]}x{len(row)}")
def test_what_rounding_leaves_is_divided_by_its_sum(
    row: Row, built: Callable[[Row, Path], ir.Model], tmp_path: Path
) -> None:
    column = built(row, tmp_path).A[0][:, 0]
    numbers = np.array([float(word) for word in row])
    assert abs(column.sum() - 1.0) < 1e-12 and np.allclose(
        column, numbers / numbers.sum(), rtol=1e-12, atol=0.0
    )


@pytest.mark.parametrize("built", KINDS)
@pytest.mark.parametrize(("row", "total"), REFUSED, ids=str)
def test_what_is_no_rounding_is_refused_with_its_sum_and_the_tolerance(
    row: Row, total: float, built: Callable[[Row, Path], ir.Model], tmp_path: Path
) -> None:
    with pytest.raises(ModelError) as error:
        built(row, tmp_path)
    message = str(error.value)
    place = "O: go : a" if built is of_pomdp else "A[:,0]" if built is of_gnn else "A0[:,0]"
    assert (
        f"{place} sums to {total!r}, not to 1" in message and f"{rounding(len(row)):.3g}" in message
    )


def test_the_tolerance_grows_with_the_entries_and_ends_at_a_hundredth() -> None:
    assert (
        rounding(1) == pytest.approx(1.15e-5)
        and rounding(1000) == pytest.approx(5.11e-4)
        and rounding(10**6) == 0.01
    )


@pytest.mark.parametrize("entries", [1, 2, 3, 7, 64, 1000])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_the_boundary_does_not_hang_on_the_order_of_adding(entries: int, sign: float) -> None:
    rng = np.random.default_rng(entries)
    even = rng.random((entries, 50))
    even /= even.sum(axis=0)
    inside, outside = (
        even + sign * (rounding(entries) + beside) / entries for beside in (-1e-11, 1e-11)
    )
    assert not off_columns(inside).any() and not off_columns(inside[::-1]).any()
    assert off_columns(outside).all() and off_columns(outside[::-1]).all()


def test_scaling_early_gives_the_bits_of_scaling_late() -> None:
    rng = np.random.default_rng(2)
    rough = np.round(rng.dirichlet(np.ones(9), size=40).T, 6)
    source = {"A": [rough], "B": [np.eye(40)[..., None]]}
    late = resolve(ingest_python.source_of(source), {})[0]
    early = resolve(ingest_python.source_of(source | {"A": [renormalise_rounded(rough)]}), {})[0]
    assert np.array_equal(late.A[0], early.A[0]) and np.array_equal(normalise(late).A[0], late.A[0])
