"""`buildgraph model show`: files, labels and wrong arguments."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from buildgraph.cli import main

EXAMPLES = Path(__file__).parents[4] / "examples"
FERRY, LAMP = EXAMPLES / "formats/models/ferry.pomdp", EXAMPLES / "formats/models/lamplighter.md"


def test_a_file_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "show", str(FERRY)]) == 0
    captured = capsys.readouterr()
    assert (
        "controls      action: 3 (listen, row-west, row-east)" in captured.out
        and "█" in captured.out
        and captured.err == ""
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
    answer = json.loads(capsys.readouterr().out)
    assert (
        answer["policies"]["count"] == 9
        and not answer["given"]["C_time_varying"]
        and not answer["given"]["C_flat"]
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
def test_errors_are_reported_without_a_traceback(
    words: list[str], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["model", *words]) == 2
    captured = capsys.readouterr()
    assert (
        what in captured.err
        and captured.err.startswith("error: ")
        and "Traceback" not in captured.err
        and captured.out == ""
    )


def test_each_error_is_reported_separately(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "m.md").write_text("nothing\n")
    assert main(["model", "show", str(tmp_path / "m.md"), "--json"]) == 2
    errors = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(errors) == 2 and all(
        error["event"] == "fault" and "m.md: no section" in error["what"] for error in errors
    )
