"""Errors that actions detect in BUILD.toml are printed with line, caret and help, exit code 2."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import buildgraph
from buildgraph.execution.tool_refusal import parse_refusals
from buildgraph.types.action import Action, Content, Shipped
from tests.support.workspace import Space

pytestmark = pytest.mark.slow
EXAMPLE = Path(buildgraph.__file__).parents[1] / "examples/npz"


@pytest.fixture
def rooms(tmp_path: Path) -> Space:
    """Return a workspace with two linked agents."""
    shutil.copytree(EXAMPLE, tmp_path / "w", ignore=shutil.ignore_patterns("out", ".buildgraph"))
    return Space(tmp_path / "w", tmp_path / "cache")


def edit(workspace: Space, old: str, new: str) -> None:
    """Change BUILD.toml."""
    text = (workspace.root / "BUILD.toml").read_text()
    assert old in text
    workspace.write("BUILD.toml", text.replace(old, new))


def spoil(workspace: Space) -> None:
    """Write a likelihood whose columns do not sum to 1."""
    arrays = dict(np.load(workspace.root / "models/heater.npz"))
    np.savez(workspace.root / "models/heater.npz", **{**arrays, "A0": arrays["A0"] * 1.5})


def check_caret(err: str, line: str, at: str) -> None:
    """Check for the line and a caret under the value, without exit codes, logs or commands."""
    assert "--> BUILD.toml:" in err and line in err
    number = next(number for number, text in enumerate(err.split("\n")) if line in text)
    text, caret = err.split("\n")[number : number + 2]
    assert caret.index("^") == text.index(at)
    assert not any(
        word in err for word in ("exit code", "by hand", "--sandbox-debug", "Traceback", "refused:")
    )


def test_a_model_is_refused_at_its_source(rooms: Space) -> None:
    rooms.run("build", "//models:heater")
    spoil(rooms)  # the next build is incremental
    for words in (
        ("build", "//models:heater"),
        ("build", "-k", "//models:*"),
        ("build", "--no-gates", "//models:heater"),
    ):
        err = rooms.run(*words, code=2).err
        assert "error: //models:heater: heater.npz: A0[:,0] sums to 1.5" in err
        check_caret(err, 'source = "models/heater.npz"', "models/")
    rooms.write("models/heater.npz", "no archive")
    check_caret(
        rooms.run("build", "//models:heater", code=2).err, 'source = "models/heater.npz"', "models/"
    )


def test_parameters_are_refused_at_their_table(rooms: Space) -> None:
    edit(
        rooms,
        'source = "models/heater.npz"',
        'source = "models/heater.npz"\ninference = { action_selection = "best" }',
    )
    err = rooms.run("build", "//models:heater", code=2).err
    assert "action_selection" in err and "--> BUILD.toml:" in err and "exit code" not in err


def test_json_has_these_errors_like_any_other(rooms: Space) -> None:
    spoil(rooms)
    events = rooms.build("//models:heater", code=2).events
    fault = next(event for event in events if event["event"] == "fault")
    assert (
        fault["at"]["path"] == "BUILD.toml"
        and fault["at"]["line"] == 8
        and fault["reason"] == "refused"
    )
    failed = next(event for event in events if event["event"] == "failed")
    assert failed["refused"] and not failed["reproducer"] and "refused:" not in failed["log"]
    assert events[-1]["code"] == 2


@pytest.mark.parametrize("wrong", ["heater.action.burnr", "heater.action.7", "heater.belief.attic"])
def test_links_are_checked_in_the_coalition(rooms: Space, wrong: str) -> None:
    edit(rooms, "heater.action.burner", wrong)
    err = rooms.run("build", "//coalitions:rooms", code=2).err
    assert f"link {wrong} -> vent.observation.burner: heater has no" in err
    check_caret(err, f'links = [{{ from = "{wrong}"', "{ from")


def test_two_links_into_one_observation_are_refused_at_the_second(rooms: Space) -> None:
    edit(
        rooms,
        'to = "vent.observation.burner" }]',
        'to = "vent.observation.burner" },\n'
        '  { from = "heater.belief.0", to = "vent.observation.burner" }]',
    )
    err = rooms.run("build", "//coalitions:rooms", code=2).err
    assert "--> BUILD.toml:" in err and "links" in err and "exit code" not in err


def test_a_link_between_ports_of_other_sizes_is_refused_without_an_export(tmp_path: Path) -> None:
    workspace = Space(tmp_path / "w", tmp_path / "cache")
    models = "".join(f'[models.{name}]\nrule = "model"\nsource = "{name}.py"\n' for name in "ab")
    workspace.write(
        "BUILD.toml",
        f"""[workspace]\nname = "w"\n{models}[c]\nrule = "coalition"
agents = {{ x = "//models:a", y = "//models:b" }}
links = [{{ from = "x.action.0", to = "y.observation.0" }}]\n""",
    )
    for name, states, controls in (("a", 3, 4), ("b", 2, 2)):
        workspace.write(
            f"{name}.py",
            f"import numpy as np\ndef build():\n    eye = np.eye({states})\n"
            f"    return dict(A=[eye], B=[np.stack([eye] * {controls}, -1)])\n",
        )
    err = workspace.run("build", "//:c", code=2).err
    assert "link x.action.0 -> y.observation.0: 4 actions do not fit 2 outcomes" in err
    check_caret(err, "links = [{ from", "{ from")


def test_a_budget_is_refused_at_its_value_with_a_sufficient_one(rooms: Space) -> None:
    edit(rooms, 'memory = "256KiB"', 'memory = "8KiB"')
    err = rooms.run("test", "//exports:rooms.x86", code=2).err
    assert (
        "memory: needs " in err
        and "the budget says 8 KiB" in err
        and "help: raise budget.memory to " in err
        and "or drop agent `" in err
    )
    check_caret(err.replace("gate failed", ""), "budget = {", "8KiB")


def test_an_action_that_failed_beside_it_decides_the_exit_code(rooms: Space) -> None:
    spoil(rooms)
    edit(
        rooms,
        "[hardware.pi]",
        '[bad]\nrule = "command"\nargv = ["sh", "-c", "exit 3"]\noutputs = { o = "o" }\n\n'
        "[hardware.pi]",
    )
    err = rooms.run("build", "-k", "//models:heater", "//:bad", code=1).err
    assert "A0[:,0] sums to 1.5" in err and "exit code 3" in err


def test_commands_of_users_refuse_nothing() -> None:
    """Their output is a log, and so is a damaged line."""
    good = 'refused: {"faults": [{"what": "w", "at": ["links", 0], "fix": "f"}], "lines": 1}\n'
    argv = ("python3", "-S", "-s", "-B", "tools/plan_agent.py")
    tool = Action(argv, (("tools/plan_agent.py", Shipped("tools/plan_agent.py")),), ())
    theirs = Action(argv, (("tools/plan_agent.py", Content("plan_agent.py", b"")),), ())
    refusals, log = parse_refusals(tool, f"printed\ntext\n{good}late\n")
    assert [(one.what, one.path, one.fix) for one in refusals] == [
        ("w", ("links", 0), "f")
    ] and log == "printed\nlate\n"
    assert parse_refusals(theirs, good) == ((), good)
    for damaged in (
        "refused: {\n",
        "refused: []\n",
        'refused: {"faults": [{}], "lines": 1}\n',
        "text\n",
    ):
        assert parse_refusals(tool, damaged) == ((), damaged)
