"""`buildgraph model show`: files, labels, and every wrong word."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from buildgraph.cli import main

EXAMPLES = Path(__file__).parents[4] / "examples"
FERRY, LAMP = EXAMPLES / "formats/models/ferry.pomdp", EXAMPLES / "formats/models/lamplighter.md"


def test_a_file_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "show", str(FERRY)]) == 0
    said = capsys.readouterr()
    assert (
        "controls      action: 3 (listen, row-west, row-east)" in said.out
        and "█" in said.out
        and said.err == ""
    )


def test_json_and_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(
            [
                "model",
                "show",
                str(FERRY),
                "--json",
                "--inference",
                "policy_len=2",
                "--prefer",
                "surf=1.5",
            ]
        )
        == 0
    )
    found = json.loads(capsys.readouterr().out)
    assert (
        found["policies"]["count"] == 9
        and not found["given"]["C_time_varying"]
        and not found["given"]["C_flat"]
    )


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["hide", str(FERRY)], "invalid choice"),
        (["show"], "FILE|LABEL"),
        (["show", "none.md"], "No such file"),
        (["show", str(FERRY), "--prefer", "gong=1"], "no observation 'gong'"),
        (["show", str(FERRY), "--inference", "policy_len"], "NAME=VALUE is expected"),
        (["show", str(FERRY), "--inference", "gama=1"], "did you mean 'gamma'?"),
        (
            ["show", str(LAMP), "--layout", "B_lamp=action,next"],
            "must hold each of next, previous, action once",
        ),
        (["show", "//a:b", "--layout", "B=x"], "--layout is for files"),
        (["show", str(EXAMPLES / "pymdp/models/tmaze.py")], "label of its target"),
    ],
)
def test_what_is_wrong_is_the_users_fault(
    words: list[str], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["model", *words]) == 2
    said = capsys.readouterr()
    assert (
        what in said.err
        and said.err.startswith("error: ")
        and "Traceback" not in said.err
        and said.out == ""
    )


def test_every_fault_is_one_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "m.md").write_text("nothing\n")
    assert main(["model", "show", str(tmp_path / "m.md"), "--json"]) == 2
    faults = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(faults) == 2 and all(
        fault["event"] == "fault" and "m.md: no section" in fault["what"] for fault in faults
    )
