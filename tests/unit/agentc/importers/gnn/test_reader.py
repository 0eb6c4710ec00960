"""GNN: sections, axes in every order, refusals and their messages; one form for one agent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import import_gnn
import import_npz
import numpy as np
import pytest
from agentc.importers.gnn import parser as gnn_text, reader as ingest_gnn
from agentc.importers.resolve import resolve
from agentc.ir import files as ir
from agentc.ir.types import ModelError
from hypothesis import strategies as st

from tests.support.small_models import columns
from tests.unit.agentc.importers.pomdp.test_reader import content

RNG = np.random.default_rng(11)
A, B, D = columns(RNG, 3, 4), columns(RNG, 4, 4, 2), columns(RNG, 4)


def nested(array: np.ndarray[Any, Any]) -> str:
    if array.ndim == 0:
        return repr(float(array))
    return "(" + ", ".join(nested(row) for row in array) + ")"


def text(**values: np.ndarray[Any, Any] | str) -> str:
    """A file with one factor and one modality, or others by name; values are nested tuples in
    braces.
    """
    inputs: dict[str, Any] = {"A": A, "B": B, "C": np.array([0.0, 1.0, -1.0]), "D": D} | values
    block = inputs.pop(
        "block",
        "s[4,1,type=int]\no[3,1,type=int]\nu[1,type=int]\n"
        + "".join(
            f"{name}[{','.join(map(str, value.shape))},type=float]\n"
            for name, value in inputs.items()
            if isinstance(value, np.ndarray)
        ),
    )
    edges, extra, time = (
        inputs.pop("edges", "D>s\ns-A\nA-o\n(s,u)>B\n"),
        inputs.pop("extra", ""),
        inputs.pop("time", "Discrete"),
    )
    values_ = "".join(
        f"{name}={{{nested(value)[1:-1]}}}  # {name}\n"
        for name, value in inputs.items()
        if isinstance(value, np.ndarray)
    )
    return (
        f"# A title\n## GNNSection\nX\n## StateSpaceBlock\n{block}\n## Connections\n{edges}\n"
        f"## InitialParameterization\n{values_}\n## Equations\nanything = {{(\n## Time\n{time}\n"
        f"## ModelParameters\n{extra}\n"
    )


def imported(file: str, layout: dict[str, str] | None = None, **inference: Any) -> ir.Model:
    layouts = ingest_gnn.layouts_of(layout or {})
    source = ingest_gnn.source_of(gnn_text.parse(file), layouts, frozenset(inference))
    return resolve(source, inference)[0]


def refused(file: str, layout: dict[str, str] | None = None, **inference: Any) -> str:
    with pytest.raises(ModelError) as error:
        imported(file, layout, **inference)
    return str(error.value)


def test_the_same_model_as_npz_has_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "m.md").write_text(text(extra="policy_len: 2\ngamma: 4.0\nuse_utility: true"))
    np.savez(tmp_path / "m.npz", A0=A, B0=B, C0=np.array([0.0, 1.0, -1.0]), D0=D)
    (tmp_path / "m.json").write_text('{"policy_len": 2, "gamma": 4.0}')
    assert (
        import_gnn.main(
            [
                "--source",
                str(tmp_path / "m.md"),
                "--out",
                str(tmp_path / "one"),
                "--labels",
                str(tmp_path / "l.json"),
            ]
        )
        == 0
    )
    assert (
        import_npz.main(
            [
                "--npz",
                str(tmp_path / "m.npz"),
                "--spec",
                str(tmp_path / "m.json"),
                "--out",
                str(tmp_path / "two"),
            ]
        )
        == 0
    )
    assert content(tmp_path / "one") == content(tmp_path / "two")
    assert [
        json.loads((tmp_path / "l.json").read_bytes())[kind][0]["name"]
        for kind in ("observations", "states", "controls")
    ] == ["o", "s", "u"]


@pytest.mark.parametrize(
    "axes",
    [
        "next,previous,action",
        "previous,next,action",
        "action,next,previous",
        "action,previous,next",
    ],
)
@pytest.mark.parametrize("message", [True, False])
def test_b_in_every_order(axes: str, message: bool) -> None:
    order = [["next", "previous", "action"].index(word) for word in axes.split(",")]
    model = imported(text(B=np.transpose(B, order)), {"B": axes} if message else None)
    assert np.array_equal(model.B[0], imported(text()).B[0])


def test_rows_of_a_that_sum_to_1_are_turned() -> None:
    assert np.array_equal(imported(text(A=A.T)).A[0], imported(text()).A[0])
    assert np.array_equal(
        imported(text(A=A.T), {"A": "state, observation"}).A[0], imported(text()).A[0]
    )


def test_a_cycle_can_be_read_in_two_ways() -> None:
    cycle = np.stack([np.roll(np.eye(4), 1, axis=0), np.eye(4)], axis=2)
    message = refused(text(B=cycle))
    assert (
        "B can be read in 2 ways" in message
        and '"next,previous,action" or "previous,next,action"' in message
    )
    assert np.array_equal(imported(text(B=cycle), {"B": "next,previous,action"}).B[0], cycle)


def test_what_is_a_distribution_in_no_order_is_refused_with_column_and_sum() -> None:
    wrong = B.copy()
    wrong[:, 2, 1] *= 0.5
    assert "B[:,2,1] sums to 0.5" in refused(
        text(B=wrong)
    ) and "read as next,previous,action" in refused(text(B=wrong))


def test_two_factors_share_or_own_controls() -> None:
    block = "s_a[2,1]\ns_b[3,1]\no[2,1]\nu_x[1]\nu_y[1]\nA[2,2,3]\nB_a[2,2,2]\nB_b[3,3,2]\n"
    a, b = columns(RNG, 2, 2, 2), columns(RNG, 3, 3, 2)
    likelihood = columns(RNG, 2, 2, 3)
    values = {"A": likelihood, "B_a": a, "B_b": b}

    def whole(edges: str) -> str:
        rows = "".join(f"{name}={{{nested(value)[1:-1]}}}\n" for name, value in values.items())
        return (
            f"## StateSpaceBlock\n{block}\n## Connections\n{edges}\n## "
            f"InitialParameterization\n{rows}"
        )

    shared = imported(whole("(s_a,s_b)-A\nu_x>B_a\nu_x>B_b\n"))
    assert shared.num_controls == (2,) and shared.B_action_dependencies == ((0,), (0,))
    own = imported(whole("(s_a,s_b)-A\nu_x>B_a\nu_y>B_b\n"))
    assert own.num_controls == (2, 2) and own.A_dependencies == ((0, 1),)
    assert np.array_equal(own.A[0], imported(whole("")).A[0])


def test_a_factor_that_depends_on_another() -> None:
    b = columns(RNG, 2, 2, 3, 2)
    rows = "".join(
        f"{name}={{{nested(value)[1:-1]}}}\n"
        for name, value in (("A", columns(RNG, 2, 3)), ("B_a", b), ("B_b", columns(RNG, 3, 3)))
    )
    model = imported(
        "## StateSpaceBlock\ns_a[2,1]\ns_b[3,1]\no[2,1]\nA[2,3]\nB_a[2,2,3,2]\nB_b[3,3]\n## "
        "Connections\n"
        f"(s_a,s_b)>B_a\ns_b-A\n## InitialParameterization\n{rows}"
    )
    assert model.B_dependencies == ((0, 1), (1,)) and model.A_dependencies == ((1,),)
    assert model.num_controls == (2, 1) and np.allclose(model.B[0], b, rtol=0, atol=1e-15)


def test_a_model_without_actions() -> None:
    model = imported(text(B=columns(RNG, 4, 4)))
    assert model.num_controls == (1,) and model.B[0].shape == (4, 4, 1)


@pytest.mark.parametrize(
    ("file", "layout", "message"),
    [
        ("", None, "no section '## StateSpaceBlock'"),
        (text(time="Continuous"), None, "only discrete time is supported"),
        (text(D=np.array([0.5, 0.5])), None, "D0 has the shape (2,)"),
        (
            text(A=columns(RNG, 3, 3)),
            None,
            "A has the shape (3, 3), which no order of observation 3, s 4 has",
        ),
        (text(A=columns(RNG, 3, 4, 2)), None, "A is written with 3 axes (3, 4, 2)"),
        (text(extra="gama: 2"), None, "unknown parameter 'gama'; did you mean 'gamma'?"),
        (text(extra="num_actions: 3"), None, "num_actions = 3, the matrices have 2"),
        (text(extra="planning_horizon: 3"), None, "write policy_len = 3 in the file"),
        (text(extra="gamma: high"), None, "gamma = 'high' must be of the type float"),
        (text(), {"Q": "next"}, "layout: 'Q' is not an A or a B"),
        (text(), {"B_x": "next"}, "layout: no matrix 'B_x'"),
        (text(), {"B": "next,previous"}, "must hold each of next, previous, action once"),
        (
            text(),
            {"B": "action,next,previous"},
            "its layout 'action,next,previous' calls for next 4, previous 4",
        ),
        (text().replace("B={", "Bx={"), None, "B is declared and has no values"),
        (text().replace("A={(", "A={((", 1), None, "has a bracket that is never closed"),
        (text().replace("C={", "C={(1.0), "), None, "C: its brackets do not make a matrix"),
        (
            text().replace("A={(", "A={(0.5), (", 1),
            None,
            "A: its rows are of different lengths: 1 and 4 entries",
        ),
        (text().replace("C={", "C={nan, "), None, "C: a number is expected, not 'nan'"),
        (text(edges="s>>A"), None, "'s>>A' is not a connection"),
        (text(C_other=np.array([1.0])), None, "C_other belongs to no A of this name"),
        (
            text(block="A[3,5]\nB[4,4,2]\nC[3]\nD[4]\n"),
            None,
            "A is declared with the sizes (3, 5) and written with (3, 4)",
        ),
        (text() + "## Time\nDiscrete\n", None, "a second section '## Time'"),
    ],
)
def test_refusals(file: str, layout: dict[str, str] | None, message: str) -> None:
    assert message in refused(file, layout)


def test_a_horizon_that_is_said_otherwise_is_no_fault() -> None:
    assert imported(text(extra="planning_horizon: 3"), policy_len=3).policy_len == 3
    assert imported(text(extra="planning_horizon: 3\npolicy_len: 2")).policy_len == 2


def test_a_refusal_is_a_message_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "m.md").write_text("# nothing\n")
    assert import_gnn.main(["--source", str(tmp_path / "m.md"), "--out", str(tmp_path / "ir")]) == 1
    message = capsys.readouterr().err
    assert message.startswith("error: m.md: 2 errors\n  * ") and not (tmp_path / "ir").exists()


PIECES = st.sampled_from(
    [
        "## Time\n",
        "## Connections\n",
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        ",",
        "A",
        "B",
        "B_x",
        "=",
        "1.0",
        "0",
        "s",
        "s_x",
        "u",
        "-",
        ">",
        "\n",
        "\n",
        "#",
        ":",
        "type=float",
        "é",
        "1e999",
        "gamma",
        "policy_len: 9",
    ]
)
