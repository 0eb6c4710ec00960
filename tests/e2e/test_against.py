"""`why --against`: logs of two runs or two machines name the first field that differs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from buildgraph.state.run_log import split_entries
from tests.support.workspace import Space, space

BUILD = """[workspace]
name = "texts"

[words]
rule = "command"
argv = ["sh", "-c", "sort {text} > {out}"]
inputs = { text = "text.txt" }
outputs = { out = "words.txt" }
env = { MODE = "plain" }

[upper]
rule = "command"
argv = ["sh", "-c", "tr a-z A-Z < {words} > {out}"]
inputs = { words = ":words" }
outputs = { out = "upper.txt" }

[other]
rule = "command"
argv = ["sh", "-c", "cat {text} > {out}"]
inputs = { text = "other.txt" }
outputs = { out = "other.txt" }
"""


@pytest.fixture
def machines(tmp_path: Path) -> tuple[Space, Space]:
    """Two machines with equal workspaces that were built."""
    spaces = space(tmp_path / "a", BUILD), space(tmp_path / "b", BUILD)
    for machine in spaces:
        machine.write("text.txt", "one\ntwo\n")
        machine.write("other.txt", "x\n")
        machine.run("build", "//...")
    return spaces


def log_of(machine: Space) -> str:
    """A copy of the log of another machine."""
    copy = machine.root.parent / "copied.log"
    shutil.copy(machine.root / ".buildgraph/runs.log", copy)
    return str(copy)


def test_equal_runs_are_equal(machines: tuple[Space, Space]) -> None:
    here, there = machines
    assert here.run("why", "--against", log_of(there)).out.endswith(" are equal: 3 actions\n")


def test_the_root_cause_is_first_and_what_follows_is_counted(machines: tuple[Space, Space]) -> None:
    here, there = machines
    there.write("text.txt", "one\nsix\n")
    there.write("BUILD.toml", BUILD.replace('"plain"', '"rich"'))
    there.run("build", "//...")
    head, *lines = here.run("why", "--against", log_of(there)).out.splitlines()
    assert head.startswith("run 1 and run 2 of ") and head.endswith(": 2 of 3 actions differ")
    assert lines == [
        "//:words: sh: source text.txt differs",
        "//:words: sh: env MODE differs",
        "1 action differs only because of these",
    ]
    document = json.loads(here.run("why", "--against", log_of(there), "//:upper", "--json").out)
    assert document["causes"][0]["field"] == "source text.txt"
    assert (document["total"], document["differ"], document["followed"]) == (2, 2, 1)
    assert "are equal: 1 action" in here.run("why", "//:other", "--against", log_of(there)).out


def test_a_run_of_this_workspace_has_a_number(machines: tuple[Space, Space]) -> None:
    here, _ = machines
    here.write("text.txt", "two\none\n")  # sorted, the words are the same
    here.run("build", "//...")
    here.run("build", "//:other")
    assert here.run("why", "--runs").out.splitlines() == [
        "   1  3 actions, ok: //...",
        "   2  3 actions, ok: //...",
        "   3  1 action, ok: //:other",
    ]
    assert here.run("why", "--against", "1").out.splitlines() == [
        "run 2 and run 1: 1 of 3 actions differ",
        "//:words: sh: source text.txt differs",
    ]
    assert "are equal" in here.run("why", "--against", "3").out
    assert len(json.loads(here.run("why", "--runs", "--json").out)["runs"]) == 3


def test_an_output_that_differs_though_the_key_is_equal(machines: tuple[Space, Space]) -> None:
    here, there = machines
    text = BUILD.replace("cat {text}", "date +%N")
    for machine in machines:
        machine.write("BUILD.toml", text)
        machine.run("build", "//...")
    lines = here.run("why", "--against", log_of(there)).out.splitlines()
    assert lines[1:] == [
        "//:other: sh: equal keys, but the outputs differ: the action is not reproducible"
    ]


def test_actions_that_only_one_run_has(machines: tuple[Space, Space]) -> None:
    here, there = machines
    there.write("BUILD.toml", BUILD.replace("[other]", "[another]"))
    there.run("build", "//...")
    lines = here.run("why", "--against", log_of(there)).out.splitlines()
    assert "//:other: sh: only in the last run here" in lines
    assert "//:another: sh: only in the other run" in lines


def test_a_failed_build_is_logged(machines: tuple[Space, Space]) -> None:
    here, there = machines
    there.write("BUILD.toml", BUILD.replace("tr a-z A-Z", "exit 3; tr"))
    there.run("build", "//...", code=1)
    assert "//:upper: sh: argv differs" in here.run("why", "--against", log_of(there)).out


def test_a_clone_that_runs_nothing_has_a_whole_log(machines: tuple[Space, Space]) -> None:
    here, there = machines
    clone = Space(there.root.parent / "clone", there.cache)
    shutil.copytree(there.root, clone.root, ignore=shutil.ignore_patterns("out", ".buildgraph"))
    clone.run("build", "//...")
    assert "are equal: 3 actions" in here.run("why", "--against", log_of(clone)).out
    clone.write("other.txt", "y\n")
    shutil.rmtree(clone.root / ".buildgraph")
    clone.run("build", "//...")
    assert (
        "//:other: sh: source other.txt differs" in here.run("why", "--against", log_of(clone)).out
    )


def test_a_run_is_less_than_a_kilobyte_for_100_actions(tmp_path: Path) -> None:
    targets = "".join(
        f'[t{n}]\nrule = "command"\ninputs = {{ text = "in{n}.txt"'
        + (f', dep = ":t{n - 1}"' if n % 4 else "")
        + ' }\noutputs = { o = "o.txt" }\nargv = ["sh", "-c", "cat {text} > {o}"]\n'
        for n in range(100)
    )
    workspace = space(tmp_path, f'[workspace]\nname = "w"\n{targets}')
    for number in range(100):
        workspace.write(f"in{number}.txt", f"{number}\n")
    workspace.run("build", "//...")
    log = workspace.root / ".buildgraph/runs.log"
    first = log.stat().st_size
    (block,) = (data for *_, data in split_entries(log.read_bytes()))
    assert len(block) < 1024
    workspace.write("in7.txt", "new\n")
    workspace.run("build", "//...")
    assert log.stat().st_size - first < 200
    workspace.run("build", "//...")  # nothing changed
    assert workspace.run("why", "--runs").out.count("\n") == 2


def test_errors_name_what_to_do(machines: tuple[Space, Space]) -> None:
    here, _ = machines
    assert "no target is named" in here.run("why", code=2).err
    assert "its last runs are 1" in here.run("why", "--against", "9", code=2).err
    assert "cannot read the log" in here.run("why", "--against", "none.log", code=2).err
    assert "is no log of runs" in here.run("why", "--against", "BUILD.toml", code=2).err
    assert "no target //:nothing" in here.run("why", "//:nothing", "--against", "1", code=2).err
