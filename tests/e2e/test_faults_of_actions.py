"""What an action finds wrong in what the user wrote is told as a fault of BUILD.toml: its line, a caret, what to do, exit 2."""

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
    """Two agents, linked, in a workspace of their own."""
    shutil.copytree(EXAMPLE, tmp_path / "w", ignore=shutil.ignore_patterns("out", ".buildgraph"))
    return Space(tmp_path / "w", tmp_path / "cache")


def edit(made: Space, old: str, new: str) -> None:
    """Change BUILD.toml."""
    text = (made.root / "BUILD.toml").read_text()
    assert old in text
    made.write("BUILD.toml", text.replace(old, new))


def spoil(made: Space) -> None:
    """A likelihood whose columns do not sum to 1."""
    arrays = dict(np.load(made.root / "models/heater.npz"))
    np.savez(made.root / "models/heater.npz", **{**arrays, "A0": arrays["A0"] * 1.5})


def shows(said: str, line: str, at: str) -> None:
    """The line, a caret under the value, and nothing of exit codes, logs or commands to run by hand."""
    assert "--> BUILD.toml:" in said and line in said
    number = next(number for number, text in enumerate(said.split("\n")) if line in text)
    text, caret = said.split("\n")[number : number + 2]
    assert caret.index("^") == text.index(at)
    assert not any(
        word in said
        for word in ("exit code", "by hand", "--sandbox-debug", "Traceback", "refused:")
    )


def test_a_model_is_refused_at_its_source(rooms: Space) -> None:
    rooms.run("build", "//models:heater")
    spoil(rooms)  # a build that goes on from the last one
    for words in (
        ("build", "//models:heater"),
        ("build", "-k", "//models:*"),
        ("build", "--no-gates", "//models:heater"),
    ):
        said = rooms.run(*words, code=2).err
        assert "error: //models:heater: heater.npz: A0[:,0] sums to 1.5" in said
        shows(said, 'source = "models/heater.npz"', "models/")
    rooms.write("models/heater.npz", "no archive")
    shows(
        rooms.run("build", "//models:heater", code=2).err, 'source = "models/heater.npz"', "models/"
    )


def test_parameters_are_refused_at_their_table(rooms: Space) -> None:
    edit(
        rooms,
        'source = "models/heater.npz"',
        'source = "models/heater.npz"\ninference = { action_selection = "best" }',
    )
    said = rooms.run("build", "//models:heater", code=2).err
    assert "action_selection" in said and "--> BUILD.toml:" in said and "exit code" not in said


def test_machines_are_told_as_of_any_fault(rooms: Space) -> None:
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
    said = rooms.run("build", "//coalitions:rooms", code=2).err
    assert f"link {wrong} -> vent.observation.burner: heater has no" in said
    shows(said, f'links = [{{ from = "{wrong}"', "{ from")


def test_two_links_into_one_observation_are_refused_at_the_second(rooms: Space) -> None:
    edit(
        rooms,
        'to = "vent.observation.burner" }]',
        'to = "vent.observation.burner" },\n  { from = "heater.belief.0", to = "vent.observation.burner" }]',
    )
    said = rooms.run("build", "//coalitions:rooms", code=2).err
    assert "--> BUILD.toml:" in said and "links" in said and "exit code" not in said


def test_a_link_between_ports_of_other_sizes_is_refused_without_an_export(tmp_path: Path) -> None:
    made = Space(tmp_path / "w", tmp_path / "cache")
    models = "".join(f'[models.{name}]\nrule = "model"\nsource = "{name}.py"\n' for name in "ab")
    made.write(
        "BUILD.toml",
        f"""[workspace]\nname = "w"\n{models}[c]\nrule = "coalition"
agents = {{ x = "//models:a", y = "//models:b" }}\nlinks = [{{ from = "x.action.0", to = "y.observation.0" }}]\n""",
    )
    for name, states, controls in (("a", 3, 4), ("b", 2, 2)):
        made.write(
            f"{name}.py",
            f"import numpy as np\ndef build():\n    eye = np.eye({states})\n"
            f"    return dict(A=[eye], B=[np.stack([eye] * {controls}, -1)])\n",
        )
    said = made.run("build", "//:c", code=2).err
    assert "link x.action.0 -> y.observation.0: 4 actions do not fit 2 outcomes" in said
    shows(said, "links = [{ from", "{ from")


def test_a_budget_is_refused_at_its_value_and_says_what_would_do(rooms: Space) -> None:
    edit(rooms, 'memory = "256KiB"', 'memory = "8KiB"')
    said = rooms.run("test", "//exports:rooms.x86", code=2).err
    assert (
        "memory: " in said
        and "the budget is 8192" in said
        and "help: raise it to memory = " in said
    )
    shows(said.replace("gate failed", ""), "budget = {", "8KiB")


def test_an_action_that_failed_beside_it_decides_the_exit_code(rooms: Space) -> None:
    spoil(rooms)
    edit(
        rooms,
        "[hardware.pi]",
        '[bad]\nrule = "command"\nargv = ["sh", "-c", "exit 3"]\noutputs = { o = "o" }\n\n[hardware.pi]',
    )
    said = rooms.run("build", "-k", "//models:heater", "//:bad", code=1).err
    assert "A0[:,0] sums to 1.5" in said and "exit code 3" in said


def test_commands_of_users_refuse_nothing() -> None:
    """Whatever they print; and a line that is damaged is a log like any other."""
    good = 'refused: {"faults": [{"what": "w", "at": ["links", 0], "fix": "f"}], "lines": 1}\n'
    argv = ("python3", "-S", "-s", "-B", "tools/plan_agent.py")
    tool = Action(argv, (("tools/plan_agent.py", Shipped("tools/plan_agent.py")),), ())
    theirs = Action(argv, (("tools/plan_agent.py", Content("plan_agent.py", b"")),), ())
    found, log = parse_refusals(tool, f"printed\ntext\n{good}late\n")
    assert [(one.what, one.path, one.fix) for one in found] == [
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
