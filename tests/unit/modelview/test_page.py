"""Output of `show_model`: numbers that can be counted by hand, shades, and refusals without a
traceback.
"""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import show_model
from agentc.ir import files as ir
from agentc.ir.types import ModelError
from modelview import (
    heatmap_text as model_draw,
    page as model_show,
    summary as model_sheet,
)

from tests.support.small_models import EXAMPLES, entangled, one_factor

FORMATS = EXAMPLES.parents[1] / "formats/models"
ROOMS = EXAMPLES.parents[1] / "npz/models"


def output_of(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert show_model.main(words) == code
    captured = capsys.readouterr()
    return captured.out if code == 0 else captured.err


def test_costs_by_hand() -> None:
    model = one_factor()  # A: 3x4 and 2x4, B: 4x4x3, nine policies of length two
    result = model_sheet.cost(model)
    assert (
        result["infer"] == 20
        and result["plan"] == 9 * 2 * (16 + 2 * 20)
        and result["beginnings"] == 3 + 9
    )
    nonzero = sum(int(np.count_nonzero(a)) for a in model.A)
    assert result["plan_shared"] == 12 * (-(-int(np.count_nonzero(model.B[0])) // 3) + 2 * nonzero)


def test_beginnings_of_listed_policies_are_shared() -> None:
    model = entangled()
    assert model_sheet.cost(model)["beginnings"] == 6 + 36
    assert model_sheet.cost(model)["infer"] == 16 * sum(a.size for a in model.A)


def test_the_sheet_of_every_shipped_model_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    for path in (*EXAMPLES.glob("*.npz"), *ROOMS.glob("*.npz"), *FORMATS.iterdir()):
        document = json.loads(output_of(capsys, str(path), "--json"))
        assert (
            document["schema"] == 2
            and document["matrices"][0]["name"] == "A0"
            and document["cost"]["plan"] > 0
        )


def test_a_page_names_values_and_marks_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    page = output_of(capsys, str(ROOMS / "vent.npz"))
    assert (
        "states        flap: 2 (closed, open)" in page
        and "B0            2 x 2 x 2 (next flap, flap, flap): 4 of 8" in page
    )
    assert "  flap = close\n        closed ████\n          open ····\n" in page
    assert "gamma 8.0 (pymdp 0.0.7: 16.0)" in page and "2 of length 1 (full)" in page
    assert page == output_of(capsys, str(ROOMS / "vent.json"))


def test_learning_is_noted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = one_factor()
    ir.save(replace(plain, pA=plain.A, pB=plain.B, learn_A=True, learn_B=True), tmp_path)
    assert "note          A and B learned from Dirichlet counts" in output_of(capsys, str(tmp_path))
    assert json.loads(output_of(capsys, str(tmp_path), "--json"))["learns"] == ["A", "B"]


def test_what_was_said_to_the_importer_counts(capsys: pytest.CaptureFixture[str]) -> None:
    ferry = json.loads(
        output_of(
            capsys, str(FORMATS / "ferry.pomdp"), "--json", "--inference", '{"policy_len": 3}'
        )
    )
    assert (
        ferry["policies"] == {"kind": "full", "length": 3, "count": 27}
        and ferry["given"]["C_time_varying"]
    )
    flat = json.loads(
        output_of(capsys, str(FORMATS / "ferry.pomdp"), "--json", "--preferences", "{}")
    )
    assert flat["given"]["C_flat"]
    kept = '{"policy_len": 3, "plan_every": 2}'
    assert "plan_every 2" in output_of(capsys, str(FORMATS / "ferry.pomdp"), "--inference", kept)
    assert "plan_every" not in ferry["parameters"]
    wrong = output_of(
        capsys,
        str(FORMATS / "lamplighter.md"),
        "--layout",
        '{"B_lamp": "next,previous,action"}',
        code=1,
    )
    assert "its layout 'next,previous,action' calls for next 2, previous 2" in wrong


def test_an_ir_folder_is_shown_with_and_without_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, labels = model_show.read(model_show_args(ROOMS / "vent.npz"))
    ir.save(model, tmp_path / "ir")
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    with_names = output_of(capsys, str(tmp_path / "ir"), "--labels", str(tmp_path / "labels.json"))
    assert with_names == output_of(capsys, str(ROOMS / "vent.npz"))
    assert "state 1: 2" in output_of(capsys, str(tmp_path / "ir"))


def model_show_args(path: Path) -> Namespace:
    return Namespace(source=path, spec=None, inference="{}", labels=None)


@pytest.mark.parametrize(
    ("value", "mark"), [(0.0, "·"), (1e-9, "░"), (0.25, "▒"), (0.5, "▓"), (0.75, "█"), (1.0, "█")]
)
def test_shades(value: float, mark: str) -> None:
    assert model_draw.shade(value) == mark


def test_large_matrices_are_drawn_by_the_largest_of_each_block() -> None:
    table = np.zeros((100, 200, 20))
    table[99, 199, 0] = 1.0
    lines = list(model_draw.draw("A0", table, ("o", "s", "t"), (None, None, None)))
    assert (
        lines[0].endswith("(a cell is the largest of a block)")
        and lines[-1] == "  and 12 more slices"
    )
    maps = [line for line in lines if set(line) & set(model_draw.SHADES)]
    assert max(map(len, lines)) <= 2 + 12 + 1 + 72 and sum("█" in line for line in maps) == 1


def test_names_cannot_move_the_cursor() -> None:
    lines = list(model_draw.draw("A0", np.eye(2), ("o\x1b[2J", "s"), (["a\n", "b"], None)))
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("m.py", b"", "runs in a sandbox only"),
        ("m.txt", b"", ".txt cannot be shown"),
        ("m", b"", "no suffix cannot be shown"),
        ("m.npz", b"junk", "m.json: No such file"),
        ("m.md", b"", "this is not a GNN model"),
        ("m.pomdp", b"T", "line 1: a statement"),
        ("none.md", None, "No such file"),
    ],
)
def test_refusals(
    name: str, data: bytes | None, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if data is not None:
        (tmp_path / name).write_bytes(data)
    result = output_of(capsys, str(tmp_path / name), code=1)
    assert message in result and result.startswith("error: ")


def test_python_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text("raise SystemExit(7)")
    with pytest.raises(ModelError, match="label of its target"):
        model_show.read(model_show_args(tmp_path / "m.py"))
