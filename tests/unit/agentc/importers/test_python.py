"""Models from Python files: possible results of an entry, and messages for mistakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import import_python
import numpy as np
import pytest
from agentc.importers import npz as ingest, python as ingest_python
from agentc.ir.types import ModelError

SOURCE = """
import numpy as np

def build(noise=0.25, **extra):
    A = np.array([[1 - noise, noise], [noise, 1 - noise]], dtype=np.float32)
    B = np.stack([np.eye(2), np.eye(2)[::-1]], axis=-1)
    return {"A": [A], "B": [B], "C": [np.array([0.0, 1.0])], "D": None, "policy_len": 2,
            "gamma": np.float32(0.1), "num_controls": [np.int64(2)], **extra}

def legacy():
    A = np.empty(2, dtype=object)
    A[0], A[1] = np.eye(2), np.eye(2)
    return {"A": A, "B": np.stack([np.eye(2), np.eye(2)], axis=-1)}

class Table:
    def __init__(self, data):
        self.data = data

def distributions():
    return {"A": [Table(np.eye(2))], "B": [Table(np.eye(2)[:, :, None])]}

def broken():
    return 1 / 0

def wrong():
    return 3

not_a_function = 3
"""


def run(folder: Path, *options: str, source: str = SOURCE) -> int:
    (folder / "m.py").write_text(source)
    return import_python.main(
        [
            "--source",
            str(folder / "m.py"),
            "--out",
            str(folder / "ir"),
            "--labels",
            str(folder / "labels.json"),
            *options,
        ]
    )


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_python_and_npz_give_the_same_bytes(tmp_path: Path) -> None:
    assert run(tmp_path) == 0
    A = np.array([[0.75, 0.25], [0.25, 0.75]])
    B = np.stack([np.eye(2), np.eye(2)[::-1]], axis=-1)
    np.savez(tmp_path / "m.npz", A0=A, B0=B, C0=np.array([0.0, 1.0]))
    (tmp_path / "m.json").write_text('{"policy_len": 2, "gamma": 0.1}')
    ingest.ingest(tmp_path / "m.npz", tmp_path / "m.json", "{}", tmp_path / "other", None)
    assert content(tmp_path / "ir") == content(tmp_path / "other")


def test_a_comment_changes_nothing_an_argument_does(tmp_path: Path) -> None:
    assert run(tmp_path) == 0
    before = content(tmp_path / "ir")
    assert run(tmp_path, source=SOURCE + "\n# a comment\n") == 0
    assert content(tmp_path / "ir") == before
    assert run(tmp_path, "--args", '{"noise": 0.3}') == 0
    after = content(tmp_path / "ir")
    assert {name for name in after if after[name] != before[name]} == {"A0.f64"}


def test_float32_columns_are_normalised(tmp_path: Path) -> None:
    assert run(tmp_path, "--args", '{"noise": 0.1}') == 0
    A = np.frombuffer((tmp_path / "ir/A0.f64").read_bytes()).reshape(2, 2)
    assert np.array_equal(A.sum(axis=0), [1.0, 1.0]) and abs(A[0, 1] - 0.1) < 1e-8


@pytest.mark.parametrize("entry", ["legacy", "distributions"])
def test_other_containers_are_read(entry: str, tmp_path: Path) -> None:
    assert run(tmp_path, "--entry", entry) == 0
    assert json.loads((tmp_path / "ir/model.json").read_bytes())["num_obs"] in ([2], [2, 2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--entry", "broken"], "m.py, line 23: ZeroDivisionError: division by zero"),
        (["--entry", "biuld"], "m.py has no function 'biuld'"),
        (["--entry", "not_a_function"], "m.py has no function"),
        (["--entry", "wrong"], "the entry returned int"),
        (["--args", '{"noise": 2}'], "A0[0,0] = -1.0 is negative"),
        (["--args", '{"nois": 1}'], "unknown key 'nois'"),
        (["--args", "[1]"], "--args: an object"),
        (["--args", '{"gamma": "high"}'], "gamma = 'high'"),
        (["--inference", '{"policy_length": 3}'], "did you mean 'policy_len'?"),
    ],
)
def test_mistakes_are_told_with_their_place(
    options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, *options) == 1
    text = capsys.readouterr().err
    assert message in text and "Traceback" not in text and not (tmp_path / "ir").exists()


def test_a_syntax_error_names_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, source="x = 1\ndef build(:\n") == 1
    assert "m.py, line 2: SyntaxError" in capsys.readouterr().err


def test_an_absent_file_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        import_python.main(["--source", str(tmp_path / "none.py"), "--out", str(tmp_path / "ir")])
        == 1
    )
    assert "none.py" in capsys.readouterr().err


@pytest.mark.parametrize("value", [None, [], "A", {"agent": 3}])
def test_only_models_are_accepted(value: Any) -> None:
    with pytest.raises(ModelError, match="the entry returned"):
        ingest_python.source_of(value)
