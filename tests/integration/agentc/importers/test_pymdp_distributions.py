"""Labelled tables as pymdp's compile_model makes them: their names are the model's structure."""

from __future__ import annotations

import json
from pathlib import Path

import import_python
import pytest
from agentc.ir import files as ir

from tests.support.requirements import need_module

LABELLED = """
import numpy as np

class Table:
    def __init__(self, event, batch, data):
        self.event, self.batch, self.data = event, batch, data

class Indexer(dict):
    def __init__(self, tables):
        super().__init__({key: one for one in tables for key in one.event})
        self.distributions = tables

def fair(*shape):
    return np.full(shape, 1.0 / shape[0])

def tables():
    place, mood, go = {"place": ["x", "y"]}, {"mood": [0, 1, 2]}, {"go": ["l", "r", "s"]}
    A = [Table({"seen": ["a", "b"]}, place, np.eye(2)),
         Table({"both": [0, 1, 2, 3]}, {**mood, **place}, fair(4, 3, 2))]
    B = [Table(place, {**place, **go}, fair(2, 2, 3)), Table(mood, {**mood, **go}, fair(3, 3, 3))]
    return A, B

def build():
    A, B = tables()
    return {"A": A, "B": B, "H": [Table({"place": ["x", "y"]}, {}, fair(2))], "num_controls": [3],
            "B_action_dependencies": [[0], [0]]}

def indexed():
    A, B = tables()
    return {"A": Indexer(A), "B": Indexer(B), "policy_len": 1}

def wanted():
    A, B = tables()
    return {"A": A, "B": B, "H": [Table({"place": ["x", "y"]}, {}, np.array([1.0, 0.0]))]}
"""
COMPILED = """
import numpy as np
from pymdp.distribution import compile_model

def filled():
    made = compile_model({
        "observations": {"seen": {"elements": ["a", "b"], "depends_on": ["place"]},
                         "both": {"size": 3, "depends_on": ["mood", "place"]}},
        "controls": {"go": {"elements": ["l", "r"]}, "do": {"size": 3}},
        "states": {"place": {"elements": ["x", "y"], "depends_on": ["place"],
                             "controlled_by": ["go"]},
                   "mood": {"size": 3, "depends_on": ["mood"], "controlled_by": ["do", "go"]}}})
    for table in (*made.A, *made.B):
        table.data[:] = np.eye(len(table.data))[0].reshape(-1, *(1,) * (table.data.ndim - 1))
    return made

def whole():
    return filled()

def parts():
    made = filled()
    return {"A": made.A, "B": made.B, "C": made.C, "D": made.D}

def agent():
    from pymdp.agent import Agent
    made = filled()
    return Agent(**{key: value for key, value in made.items() if key != "H"})
"""


def ran(folder: Path, source: str, entry: str) -> int:
    (folder / "m.py").write_text(source)
    return import_python.main(
        [
            "--source",
            str(folder / "m.py"),
            "--entry",
            entry,
            "--out",
            str(folder / entry),
            "--labels",
            str(folder / f"{entry}.json"),
        ]
    )


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_names_are_structure(tmp_path: Path) -> None:
    assert ran(tmp_path, LABELLED, "build") == 0 and ran(tmp_path, LABELLED, "indexed") == 0
    model = ir.load(tmp_path / "build")
    assert model.A_dependencies == ((0,), (1, 0)) and model.B_action_dependencies == ((0,), (0,))
    assert model.num_controls == (3,) and content(tmp_path / "build") == content(
        tmp_path / "indexed"
    )
    labels = json.loads((tmp_path / "build.json").read_bytes())
    assert labels["controls"] == [{"name": "go", "size": 3, "elements": ["l", "r", "s"]}]
    assert labels["states"][1] == {"name": "mood", "size": 3, "elements": None}


def test_preferred_states_without_inductive_planning_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ran(tmp_path, LABELLED, "wanted") == 1
    assert "have no place in a model without use_inductive" in capsys.readouterr().err


DESCRIBED = """
import numpy as np

WORDS = {"observations": {"seen": {"elements": ["a", "b"], "depends_on": ["place"]},
                          "both": {"size": 3, "depends_on": ["mood", "place"]}},
         "controls": {"go": {"elements": ["l", "r"]}, "do": {"size": 3}},
         "states": {"place": {"elements": ["x", "y"], "depends_on": ["place"],
                             "controlled_by": ["go"]},
                    "mood": {"size": 3, "depends_on": ["mood"], "controlled_by": ["do", "go"]}}}

def fair(*shape):
    return np.full(shape, 1.0 / shape[0])

def listed():
    return {**WORDS, "A": [fair(2, 2), fair(3, 3, 2)], "B": [fair(2, 2, 2), fair(3, 3, 3, 2)],
            "C": [np.eye(2)[0], fair(3)]}

def named():
    return {**WORDS, "A": {"both": fair(3, 3, 2), "seen": fair(2, 2)},
            "C": {"both": fair(3), "seen": np.eye(2)[0]},
            "B": {"place": fair(2, 2, 2), "mood": fair(3, 3, 3, 2)}}

def misnamed():
    return {**WORDS, "A": {"sen": fair(2, 2), "both": fair(3, 3, 2)}, "B": {"place": fair(2, 2, 2)}}

def described():
    return WORDS

def unfilled():
    return {**listed(), "B": [np.zeros((2, 2, 2)), fair(3, 3, 3, 2)]}
"""


def test_matrices_by_the_names_of_a_description(tmp_path: Path) -> None:
    assert ran(tmp_path, DESCRIBED, "listed") == 0 and ran(tmp_path, DESCRIBED, "named") == 0
    assert content(tmp_path / "listed") == content(tmp_path / "named")
    model = ir.load(tmp_path / "named")
    assert model.A_dependencies == ((0,), (1, 0)) and model.B_action_dependencies == ((0,), (1, 0))


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            "misnamed",
            [
                "A['sen'] is not one of observations; did you mean 'seen'?",
                "A['seen'] is missing",
                "B['mood'] is missing",
            ],
        ),
        ("described", ["describes a model and has no numbers"]),
        ("unfilled", ["B0 holds nothing but zeros"]),
    ],
)
def test_descriptions_without_their_numbers(
    entry: str, message: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ran(tmp_path, DESCRIBED, entry) == 1
    output = capsys.readouterr().err
    assert all(text in output for text in message) and f"{len(message)} error" in output


@pytest.mark.slow
def test_compile_model_and_the_agent_made_of_it_are_one_model(tmp_path: Path) -> None:
    need_module("pymdp")
    for entry in ("whole", "parts", "agent"):
        assert ran(tmp_path, COMPILED, entry) == 0
    assert content(tmp_path / "whole") == content(tmp_path / "parts")
    plain, agent = content(tmp_path / "whole"), content(tmp_path / "agent")
    assert {name for name in plain if plain[name] != agent[name]} <= {
        "C0.f64",
        "C1.f64",
        "D0.f64",
        "D1.f64",
    }
