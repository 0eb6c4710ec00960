"""Cassandra's format: every statement, every refusal with its line, rewards that can and cannot be
preferences.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import import_npz
import import_pomdp
import numpy as np
import pytest
from agentc.importers.pomdp import parser as pomdp_text, reader as ingest_pomdp
from agentc.importers.pomdp.rewards import RewardOptions
from agentc.importers.resolve import resolve
from agentc.ir import files as ir
from agentc.ir.types import ModelError
from hypothesis import strategies as st

from tests.support.small_models import columns

HEAD = "discount: 1.0\nvalues: reward\nstates: a b\nactions: go stay\nobservations: x y\n"
GOOD = HEAD + "T: * identity\nO: * : a\n0.9 0.1\nO: * : b : y 1.0\n"


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def imported(
    text: str,
    preferences: str | None = None,
    wanted: RewardOptions = RewardOptions(),
    **inference: Any,
) -> ir.Model:
    preferred = None if preferences is None else json.loads(preferences)
    length = inference.get("policy_len", 1)
    return resolve(
        ingest_pomdp.source_of(pomdp_text.parse(text), preferred, length, wanted), inference
    )[0]


def refused(text: str, **inference: Any) -> str:
    with pytest.raises(ModelError) as error:
        imported(text, **inference)
    return str(error.value)


def test_a_plain_model() -> None:
    model = imported(GOOD)
    assert (model.num_states, model.num_obs, model.num_controls) == ((2,), (2,), (2,))
    assert np.array_equal(model.A[0], [[0.9, 0.0], [0.1, 1.0]])
    assert np.array_equal(model.B[0][:, :, 1], np.eye(2)) and np.array_equal(model.D[0], [0.5, 0.5])
    assert np.array_equal(model.C[0], [0.0, 0.0])


def test_transitions_are_turned() -> None:
    model = imported(
        HEAD + "T: stay identity\nT: go : a\n0.25 0.75\nT: go : b : a 1\nO: * identity\n"
    )
    assert np.array_equal(model.B[0][:, :, 0], [[0.25, 1.0], [0.75, 0.0]])


def test_later_statements_win_and_indices_stand_for_names() -> None:
    model = imported(GOOD + "T: 0 : * : 1 1.0\nT: go : * : a 0.0\n")
    assert np.array_equal(model.B[0][:, :, 0], [[0.0, 0.0], [1.0, 1.0]])


def test_numbers_instead_of_names_comments_and_signs() -> None:
    model = imported(
        "# c\ndiscount:1 # "
        "d\nvalues:cost\nstates:3\nactions:2\nobservations:3\nT:*:*\nuniform\nO:*\nidentity\n"
        "R:*:*:*:2 -1.5e1\nR: * : * : * : 1 +.5\n"
    )
    assert np.array_equal(model.C[0], [0.0, -0.5, 15.0])


@pytest.mark.parametrize(
    ("start", "wanted"),
    [
        ("start: 0.25 0.75", [0.25, 0.75]),
        ("start: b", [0.0, 1.0]),
        ("start: 0", [1.0, 0.0]),
        ("start: uniform", [0.5, 0.5]),
        ("start include: a", [1.0, 0.0]),
        ("start exclude: a", [0.0, 1.0]),
        ("start include: a b", [0.5, 0.5]),
        ("", [0.5, 0.5]),
    ],
)
def test_start(start: str, wanted: list[float]) -> None:
    assert np.array_equal(
        imported(HEAD + start + GOOD.removeprefix(HEAD).join("\n\n")).D[0], wanted
    )


def test_reset_goes_to_the_start() -> None:
    model = imported(HEAD + "start: 0.25 0.75\nT: stay identity\nT: go : * reset\nO: * uniform\n")
    assert np.array_equal(model.B[0][:, :, 0], [[0.25, 0.25], [0.75, 0.75]])


def test_observations_that_depend_on_the_action_are_remembered() -> None:
    model = imported(HEAD + "T: * identity\nO: stay uniform\nO: go identity\n")
    assert (
        model.num_states == (2, 3)
        and model.B_action_dependencies == ((0,), (0,))
        and model.num_controls == (2,)
    )
    assert np.array_equal(model.A[0][:, :, 0], np.full((2, 2), 0.5)) and np.array_equal(
        model.A[0][:, :, 1], np.eye(2)
    )
    assert np.array_equal(model.B[1][:, :, 1], [[0, 0, 0], [0, 0, 0], [1, 1, 1]])
    assert np.array_equal(model.D[1], [1.0, 0.0, 0.0])


def test_rewards_that_are_seen_become_preferences() -> None:
    assert np.array_equal(imported(GOOD + "R: * : * : * : y 3\n").C[0], [0.0, 3.0])


def test_rewards_of_states_count_where_what_is_seen_tells_the_state() -> None:
    seen = HEAD + "T: * uniform\nO: * identity\n"
    assert np.array_equal(
        imported(seen + "R: * : * : b\n2 2\nR: * : * : a : * -1\n").C[0], [-1.0, 2.0]
    )
    message = refused(GOOD + "R: * : * : b : * 2\n", wanted=RewardOptions("preferences"))
    assert "'y' is seen with reward" in message and "preferences = {}" in message


def test_rewards_of_impossible_events_do_not_count() -> None:
    assert np.array_equal(
        imported(GOOD + "R: * : * : b : x 100\nR: go : a : b : y 100\n").C[0], [0.0, 0.0]
    )


def test_rewards_of_actions_are_no_preferences_and_both_events_are_named() -> None:
    message = refused(GOOD + "R: go : * : * : * 1\n", wanted=RewardOptions("preferences"))
    assert 'rewards = "observed"' in message
    assert "reward 1.0 (go from a to a)" in message and "0.0 (stay from a to a)" in message


def test_a_discount_varies_preferences_over_the_policy() -> None:
    text = GOOD.replace("discount: 1.0", "discount: 0.5") + "R: * : * : * : y 8\n"
    model = imported(text, policy_len=3)
    assert model.C_time_varying == (True,) and np.array_equal(model.C[0], [[0, 8], [0, 4], [0, 2]])
    assert imported(text).C_time_varying == (False,)


def test_preferences_stand_in_for_rewards() -> None:
    text = GOOD + "R: go : * : * : * 1\n"
    assert (
        np.array_equal(imported(text, '{"y": -2}').C[0], [0.0, -2.0])
        and not imported(text, "{}").C[0].any()
    )
    with pytest.raises(ModelError, match="no observation 'z'"):
        imported(text, '{"z": 1}')
    with pytest.raises(ModelError, match="is not a number"):
        imported(text, '{"x": true}')


def test_rounded_decimals_are_scaled_and_wrong_ones_refused() -> None:
    three = (
        HEAD.replace("a b", "a b c")
        + "T: * uniform\nO: * uniform\nstart: 0.33333 0.33333 0.33333\n"
    )
    assert abs(imported(three).D[0].sum() - 1.0) < 1e-15
    assert "start sums to 0.98996" in refused(three.replace("0.33333 0", "0.3233 0", 1))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "states, actions, observations, discount missing"),
        (HEAD.replace("discount: 1.0\n", ""), "discount missing"),
        (GOOD + "discount: 1\n", "discount is declared a second time"),
        (
            GOOD + "T: jump identity\n",
            "line 10: one of the actions (go, stay) is expected, not 'jump'",
        ),
        (GOOD + "T: go : a : b\n", "line 11: number 1 of 1 is expected, the file ends there"),
        (GOOD + "T: go : a\n0.5 half\n", "line 11: number 2 of 2 is expected, not 'half'"),
        (GOOD + "T: 2 identity\n", "one of the actions (go, stay) is expected"),
        (GOOD + "R: go 1\n", "R requires at least an action and a start state"),
        (GOOD + "start: 0.5 0.25 0.25\n", "start requires 2 probabilities"),
        (GOOD + "start exclude: a b\n", "start leaves no state"),
        (GOOD + "T: go : a : a 1e999\n", "a number is too large"),
        (GOOD + "frobnicate\n", "line 10: a statement (discount, "),
        ("T: go identity\n" + GOOD, "line 1: T comes before states"),
        (
            GOOD.replace("discount: 1.0", "discount: 1.5"),
            "line 1: a discount from 0 to 1 is expected",
        ),
        (GOOD.replace("a b\n", "a a\n"), "line 3: states requires a number"),
        (GOOD.replace("states: a b", "states: 0"), "states requires a number from 1"),
        (GOOD.replace("states: a b", "states: 999999"), "more than 16777216 entries"),
        (GOOD.replace("a b\n", "a 2b\n"), "'2b' cannot be a name"),
        (
            GOOD.replace("values: reward", "values: fun"),
            "reward or cost is expected, not 'fun'",
        ),
        (GOOD + "T: go : a : b 0.5\n", "T: go : a sums to 1.5, not to 1"),
        (GOOD + "T: go : a : b -1\n", "T: go : a holds -1.0, which is negative"),
        (HEAD + "T: * identity\n", "O: go : a sums to 0.0, not to 1: it is not declared"),
    ],
)
def test_refusals(text: str, message: str) -> None:
    assert message in refused(text)


def test_the_same_model_as_npz_has_the_same_bytes(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    B, A, D = columns(rng, 4, 4, 3), columns(rng, 3, 4), columns(rng, 4)
    rows = [
        "discount: 1",
        "values: reward",
        "states: 4",
        "actions: 3",
        "observations: 3",
        "start: " + " ".join(repr(float(p)) for p in D),
    ]
    rows += [
        f"T: {a} : {s} : {e} {float(B[e, s, a])!r}"
        for a in range(3)
        for s in range(4)
        for e in range(4)
    ]
    rows += [f"O: * : {s} : {o} {float(A[o, s])!r}" for s in range(4) for o in range(3)]
    rows += ["R: * : * : * : 1 2.5"]
    (tmp_path / "m.pomdp").write_text("\n".join(rows))
    np.savez(tmp_path / "m.npz", A0=A, B0=B, C0=np.array([0, 2.5, 0]), D0=D)
    (tmp_path / "m.json").write_text('{"policy_len": 2}')
    assert (
        import_pomdp.main(
            [
                "--source",
                str(tmp_path / "m.pomdp"),
                "--inference",
                '{"policy_len": 2}',
                "--out",
                str(tmp_path / "one"),
                "--labels",
                str(tmp_path / "labels.json"),
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
    assert json.loads((tmp_path / "labels.json").read_bytes())["controls"][0] == {
        "name": "action",
        "size": 3,
        "elements": None,
    }


def test_a_refusal_is_a_message_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "m.pomdp").write_bytes(b"discount: \xff")
    words = ["--source", str(tmp_path / "m.pomdp"), "--out", str(tmp_path / "ir")]
    assert import_pomdp.main(words) == 1
    *message, refused = capsys.readouterr().err.splitlines()
    assert message == ["error: m.pomdp: 1 error", "  * byte 10 is not UTF-8: save it as UTF-8 text"]
    assert refused.startswith('refused: {"faults": [{"what": "m.pomdp: byte 10 is not UTF-8')
    assert (
        import_pomdp.main(["--source", str(tmp_path / "none.pomdp"), "--out", str(tmp_path / "ir")])
        == 1
    )
    assert not (tmp_path / "ir").exists()


WORDS = st.sampled_from(
    [
        "T",
        "O",
        "R",
        ":",
        ":",
        "*",
        "a",
        "b",
        "go",
        "stay",
        "x",
        "y",
        "0",
        "1",
        "0.5",
        "-1",
        "uniform",
        "identity",
        "reset",
        "start",
        "include",
        "exclude",
        "\n",
        "#",
        "states",
        "actions",
        "1e400",
        "discount",
        "values",
        "cost",
        "99999999999",
        "é",
        ".",
        "observations",
        "\0",
    ]
)
