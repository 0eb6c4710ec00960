"""Matrices: one table declares many targets."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildgraph.types.errors import Location
from buildgraph.types.label import Label
from buildgraph.workspace.workspace import Workspace
from tests.support.analysed_workspace import analysed, faults, write

BOARDS = '[hardware.pi]\nrule = "board"\n[hardware.jetson]\nrule = "board"\n'


def test_cells_are_the_product_of_the_axes_and_the_bare_label_is_their_group(
    tmp_path: Path,
) -> None:
    write(
        tmp_path,
        {
            "BUILD.toml": '[m.f]\nrule = "x"\nk = 1\n'
            'matrix = { hardware = ["//hardware:*"], mode = ["15W", 2, true] }\n' + BOARDS
        },
    )
    workspace = Workspace(str(tmp_path))
    group = workspace.target(Label("m", "f"))
    assert (group.rule, group.values["targets"]) == (
        "group",
        [f"//m:f.{board}.{mode}" for board in ("jetson", "pi") for mode in ("15W", "2", "true")],
    )
    cell = workspace.target(Label("m", "f.pi.2"))
    assert (cell.rule, cell.values) == ("x", {"k": 1, "hardware": "//hardware:pi", "mode": 2})
    assert cell.place("hardware") == Location("BUILD.toml", 6, 25, 12)
    assert [str(label) for label in workspace.targets(["//m:*"])] == [
        "//m:f",
        *group.values["targets"],
    ]


def test_a_matrix_is_analysed_like_separate_targets(tmp_path: Path) -> None:
    matrix = '{ hardware = ["//hardware:*", "-//hardware:pi"] }'
    every = '[all]\nrule = "export"\nhardware = "//hardware:pi"\nboards = ["//..."]\n'
    write(
        tmp_path,
        {"BUILD.toml": f'[exports.fleet]\nrule = "export"\nmatrix = {matrix}\n{every}{BOARDS}'},
    )
    analysis = analysed(tmp_path, "//exports:fleet", "//:all")
    assert [str(label) for label in analysis.deps[Label("exports", "fleet")]] == [
        "//exports:fleet.jetson"
    ]
    assert len(analysis.providers[Label("", "all")].arguments[1]) == 2  # type: ignore[attr-defined]


def test_a_cell_can_be_requested_alone_and_a_missing_one_is_reported(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "BUILD.toml": '[exports.fleet]\nrule = "export"\n'
            'matrix = { hardware = ["//hardware:*"] }\n' + BOARDS
        },
    )
    assert [str(label) for label in analysed(tmp_path, "//exports:fleet.pi").order] == [
        "//hardware:pi",
        "//exports:fleet.pi",
    ]
    (error,) = faults(tmp_path, "//exports:fleet.p")
    assert error.fix == "did you mean '//exports:fleet.pi'?"


def test_an_error_in_a_cell_is_at_the_value_of_the_matrix(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"BUILD.toml": '[b.m]\nrule = "board"\nmatrix = { dtype = ["float32", "float61"] }\n'},
    )
    (error,) = faults(tmp_path, "//b:m")
    assert error.at == Location("BUILD.toml", 5, 33, 7) and "//b:m.float61" in error.what


@pytest.mark.parametrize(
    ("matrix", "what"),
    [
        ("3", "a matrix is a table of lists"),
        ("{}", "a matrix is a table of lists"),
        ("{ hardware = [] }", "table of lists"),
        ('{ hardware = ["//zzz:*"] }', "no target matches //zzz:*"),
        ('{ hardware = ["//hardware:x"] }', "no target //hardware:x"),
        ("{ k = [1] }", "'k' is in the matrix and beside it"),
        ('{ mode = ["a b"] }', "cannot be part of a label"),
        ('{ mode = ["a", "A"] }', "named 'A'"),
        ("{ mode = [[1]] }", "cannot be part of a label"),
        ('{ hardware = ["//hardware:*", "-//..."] }', "the matrix has no hardware"),
        (f"{{ a = {list(range(101))}, b = {list(range(101))} }}", "10,201 cells"),
    ],
)
def test_an_invalid_matrix_is_reported(tmp_path: Path, matrix: str, what: str) -> None:
    write(tmp_path, {"BUILD.toml": f'[m.f]\nrule = "x"\nk = 1\nmatrix = {matrix}\n' + BOARDS})
    (error,) = faults(tmp_path, "//m:f")
    assert what in error.what and error.at is not None and error.at.line in (5, 6)


def test_matrices_that_name_each_other_are_expanded(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "BUILD.toml": '[m.a]\nrule = "node"\nmatrix = { deps = ["//m:*"] }\n'
            '[m.b]\nrule = "node"\nmatrix = { deps = ["//m:*"] }\n[m.c]\nrule = "node"\n'
        },
    )
    assert "//m:a.c" in [str(label) for label in Workspace(str(tmp_path)).targets(["//m:*"])]
