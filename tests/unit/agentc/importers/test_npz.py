"""Models from .npz and .json: the shipped examples, every refusal, and one form for one agent."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import import_npz
import numpy as np
import pytest
from agentc.importers import json_input, npz as ingest
from agentc.importers.resolve import ModelSource, resolve
from agentc.ir import files as ir
from agentc.ir.types import ModelError

from tests.support.small_models import EXAMPLES, NAMES, columns

RNG = np.random.default_rng(5)
GOOD: dict[str, Any] = {
    "A0": columns(RNG, 3, 4),
    "A1": columns(RNG, 2, 4),
    "B0": columns(RNG, 4, 4, 3),
}


def run(folder: Path, arrays: dict[str, Any], spec: dict[str, Any], inference: str = "{}") -> int:
    np.savez(folder / "m.npz", **arrays)
    (folder / "m.json").write_text(json.dumps(spec))
    return import_npz.main(
        [
            "--npz",
            str(folder / "m.npz"),
            "--spec",
            str(folder / "m.json"),
            "--inference",
            inference,
            "--out",
            str(folder / "ir"),
            "--labels",
            str(folder / "labels.json"),
        ]
    )


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("name", NAMES)
def test_the_shipped_examples_are_sound(name: str, tmp_path: Path) -> None:
    ingest.ingest(
        EXAMPLES / f"{name}.npz",
        EXAMPLES / f"{name}.json",
        "{}",
        tmp_path / "ir",
        tmp_path / "l.json",
    )
    model = ir.load(tmp_path / "ir")
    labels = json.loads((tmp_path / "l.json").read_bytes())
    assert ir.validate(model) == [] and model.gamma == 16.0
    assert [entry["size"] for entry in labels["states"]] == list(model.num_states)
    assert (
        len(labels["controls"]) == len(model.control_factors) == 1 and labels["controls"][0]["name"]
    )


def test_defaults_are_pymdps_and_written_out(tmp_path: Path) -> None:
    assert run(tmp_path, GOOD, {}) == 0
    model = ir.load(tmp_path / "ir")
    assert (model.gamma, model.alpha, model.num_iter, model.policy_len) == (1.0, 1.0, 16, 1)
    assert model.A_dependencies == ((0,), (0,)) and np.array_equal(model.D[0], np.full(4, 0.25))
    assert json.loads((tmp_path / "labels.json").read_bytes())["states"][0]["name"] is None


def test_overrides_win_over_the_file(tmp_path: Path) -> None:
    assert (
        run(
            tmp_path,
            GOOD,
            {"gamma": 4.0, "policy_len": 1},
            '{"gamma": 8, "policy_len": 3, "algo": "exact"}',
        )
        == 0
    )
    model = ir.load(tmp_path / "ir")
    assert (model.gamma, model.policy_len, model.inference_algo) == (8.0, 3, "exact")


def test_everything_wrong_is_said_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = {"gama": 1.0, "policy_len": "2", "num_controls": [3.5], "A_dependencies": [0]}
    assert run(tmp_path, GOOD, spec, '{"sampling": "full"}') == 1
    message = capsys.readouterr().err
    assert (
        "5 errors" in message
        and "did you mean 'gamma'?" in message
        and "did you mean 'sampling_mode'?" in message
    )
    assert (
        "policy_len = '2'" in message and "num_controls" in message and "A_dependencies" in message
    )
    assert "Traceback" not in message and not (tmp_path / "ir").exists()


def test_bad_numbers_are_placed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    A, B = GOOD["A0"].copy(), GOOD["B0"].copy()
    A[:, 1] *= 0.75
    B[2, 0, 1] = -0.5
    assert run(tmp_path, GOOD | {"A0": A, "B0": B, "D0": np.array([0.5, 0.5, 0.5, 0.5])}, {}) == 1
    message = capsys.readouterr().err
    assert (
        "A0[:,1] sums to 0.75" in message
        and "B0[2,0,1] = -0.5 is negative" in message
        and "D0[:] sums to 2.0" in message
    )


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"A2": np.ones((1, 4))}, None),
        ({"A3": np.ones((1, 4))}, "A2 is missing"),
        ({"Q0": np.ones(3)}, "unknown array 'Q0'"),
        ({"A00": np.ones(3)}, "unknown array 'A00'; did you mean 'A0'?"),
        ({"A0": np.array([[1], None], dtype=object)}, "not numbers"),
        ({"A0": np.array(["a"])}, "not numbers"),
        ({"A0": np.ones((3, 4), complex)}, "not numbers"),
        ({"D0": np.zeros((0,))}, "D0 is not an array of numbers"),
        ({"policies": np.zeros((2, 2, 1))}, "policies"),
        ({"policies": np.full((2, 2, 1), 3)}, "policies[0,0,0] is not an action"),
    ],
)
def test_arrays_that_do_not_fit(
    arrays: dict[str, Any], message: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, GOOD | arrays, {}) == (0 if message is None else 1)
    assert message is None or message in capsys.readouterr().err


def npy(header: bytes, body: bytes) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + body


@pytest.mark.parametrize(
    "member",
    [
        npy(b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }\n", b"\0" * 8),
        npy(
            b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n",
            b"cos\nsystem\n(S'id'\ntR.",
        ),
        npy(b"{'descr': __import__('os'), }\n", b""),
        b"",
        b"\x93NUMPY",
    ],
)
def test_hostile_members_are_refused_without_allocating(
    member: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with zipfile.ZipFile(tmp_path / "m.npz", "w") as archive:
        archive.writestr("A0.npy", member)
    (tmp_path / "m.json").write_text("{}")
    assert (
        import_npz.main(
            [
                "--npz",
                str(tmp_path / "m.npz"),
                "--spec",
                str(tmp_path / "m.json"),
                "--out",
                str(tmp_path / "ir"),
            ]
        )
        == 1
    )
    assert "A0.npy" in capsys.readouterr().err


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 not really", b"\0" * 100])
def test_what_is_no_archive_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.npz").write_bytes(data)
    with pytest.raises(ModelError, match="m.npz: cannot be read"):
        ingest.read_npz(tmp_path / "m.npz")


@pytest.mark.parametrize("text", ["[]", "{", '{"a": 1, "a": 2}', '{"gamma": NaN}', "[" * 100_000])
def test_odd_json_is_refused(text: str) -> None:
    with pytest.raises(ModelError, match="spec"):
        json_input.read_json(text, "spec")


LABELS: dict[str, Any] = {
    "observations": {
        "seen": {"size": 3, "depends_on": ["place"]},
        "heard": {"size": 2, "depends_on": ["place"]},
    },
    "states": {
        "place": {
            "elements": ["a", "b", "c", "d"],
            "depends_on": ["place"],
            "controlled_by": ["go"],
        }
    },
    "controls": {"go": {"size": 3}},
}


def test_labels_do_not_change_the_ir(tmp_path: Path) -> None:
    for name, spec in (("plain", {}), ("named", LABELS)):
        (tmp_path / name).mkdir()
        assert run(tmp_path / name, GOOD, spec) == 0
    assert content(tmp_path / "plain/ir") == content(tmp_path / "named/ir")
    labels = json.loads((tmp_path / "named/labels.json").read_bytes())
    assert labels["controls"] == [{"name": "go", "size": 3, "elements": None}]
    assert labels["states"][0]["elements"] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        (
            "states",
            {"place": {"size": 5}},
            "states.place: 5 values are declared, the arrays have 4",
        ),
        (
            "observations",
            {
                "seen": {"size": 3, "depends_on": ["plaice"]},
                "heard": {"size": 2, "depends_on": ["place"]},
            },
            "'plaice' is not declared; did you mean 'place'?",
        ),
        ("states", {"place": {"size": 4, "elements": ["a"]}}, "size = 4 but 1 elements"),
        ("states", {"place": {"depends_on": ["place"]}}, "say `size`"),
        ("states", {"place": {"size": 4, "depend_on": []}}, "did you mean 'depends_on'?"),
        ("observations", {"seen": {"size": 3}}, "observations names 1 entries, the arrays have 2"),
        ("states", {"place": {"size": 4, "controlled_by": ["gone"]}}, "did you mean 'go'?"),
        ("states", ["place"], "must be a table"),
    ],
)
def test_labels_that_contradict_the_arrays(
    kind: str, change: Any, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, GOOD, LABELS | {kind: change}) == 1
    assert message in capsys.readouterr().err


def test_both_ways_to_say_which_control_moves_a_factor_give_one_form() -> None:
    rng = np.random.default_rng(8)
    A, B0, B1 = columns(rng, 2, 3, 2), columns(rng, 3, 3, 4), columns(rng, 2, 2)
    wide, _ = resolve(ModelSource(A=[A], B=[B0, B1[..., None]]), {})
    tight, _ = resolve(
        ModelSource(
            A=[A], B=[B0, B1], spec={"B_action_dependencies": [[0], []], "num_controls": [4]}
        ),
        {},
    )
    assert ir.header(wide) == ir.header(tight)
    assert all(np.array_equal(a, b) for a, b in zip(wide.B, tight.B, strict=True))


def test_listed_policies_equal_to_the_product_are_the_product() -> None:
    full = ir.full_policies([3], 2)
    base = {key: GOOD[key] for key in GOOD}
    source = ModelSource(A=[base["A0"], base["A1"]], B=[base["B0"]], policies=full)
    assert resolve(source, {})[0].policies_kind == "full"
    listed = ModelSource(A=[base["A0"], base["A1"]], B=[base["B0"]], policies=full[[0, 4]])
    model = resolve(listed, {})[0]
    assert (model.policies_kind, model.num_policies, model.policy_len) == ("listed", 2, 2)
    with pytest.raises(ModelError, match="policy_len = 3 contradicts"):
        resolve(listed, {"policy_len": 3})


def test_the_archive_order_of_the_members_does_not_matter(tmp_path: Path) -> None:
    for name, order in (("a", list(GOOD)), ("b", list(reversed(GOOD)))):
        (tmp_path / name).mkdir()
        assert run(tmp_path / name, {key: GOOD[key] for key in order}, {}) == 0
    assert content(tmp_path / "a/ir") == content(tmp_path / "b/ir")


def test_fortran_order_is_read_as_the_same_matrix(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, A0=np.asfortranarray(GOOD["B0"]))
    (tmp_path / "m.npz").write_bytes(buffer.getvalue())
    assert np.array_equal(ingest.read_npz(tmp_path / "m.npz")["A0"], GOOD["B0"])
