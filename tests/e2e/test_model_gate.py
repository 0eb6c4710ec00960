"""The gate `model` and the checks of links: each workspace fails for its own reason."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tests.support.workspace import Space

pytestmark = pytest.mark.slow
X86 = "//exports:rooms.x86"
LINKS = 'links = [{ from = "heater.action.burner", to = "vent.observation.burner" }]'
BELIEF = 'links = [{ from = "heater.belief.room", to = "vent.observation.felt" }]'


def edit(space: Space, old: str, new: str) -> None:
    """Replace a text that occurs once in BUILD.toml."""
    text = (space.root / "BUILD.toml").read_text()
    assert text.count(old) == 1, text
    space.write("BUILD.toml", text.replace(old, new))


def spoil(space: Space, **arrays: Any) -> None:
    """Replace arrays of the heater."""
    path = space.root / "models/heater.npz"
    np.savez(path, **{**dict(np.load(path)), **arrays})


def evidence(space: Space) -> dict[str, Any]:
    """The newest evidence of the gate in the cache."""
    files = [
        path
        for path in (space.cache / "blobs/sha256").rglob("*")
        if path.is_file() and path.stat().st_size < 1 << 16 and b'"model"' in path.read_bytes()
    ]
    newest = max(files, key=lambda path: path.stat().st_mtime_ns)
    document: dict[str, Any] = json.loads(newest.read_bytes())
    return document


def test_the_example_passes_with_evidence_for_all_boards(rooms: Space) -> None:
    ran = rooms.run("test", "//exports:*")
    assert "gate passed: //exports:rooms.x86: model" in ran.err
    assert "gate passed: //exports:rooms.pi: model" in ran.err
    document = evidence(rooms)
    assert (document["gate"], document["verdict"]) == ("model", "passed")
    names = [check["name"] for check in document["checks"]]
    each = ("columns", "preferences", "ties", "kl", "regret", "fidelity")
    assert names == [
        *(f"{name} of {agent}" for agent in ("heater", "vent") for name in each),
        "links",
        "blankets",
    ]
    edit(rooms, 'memory = "256KiB"', 'memory = "257KiB"')
    assert not any("check the agents" in title for title in rooms.build("//exports:*").titles())


def test_a_preference_that_cannot_occur_fails(rooms: Space) -> None:
    cold = np.zeros((3, 3, 2))
    cold[0] = 1.0  # the room gets cold, whatever the burner does
    spoil(rooms, B0=cold, D0=np.array([1.0, 0.0, 0.0]), A0=np.eye(3))
    result = rooms.run("test", X86, code=1)
    text = result.out + result.err
    assert "gate failed: //exports:rooms.x86: model" in text, text
    assert "no reachable state shows observation 0 (thermometer) as 1 (fine)" in text


def test_an_agent_that_the_tie_rule_decides_fails(rooms: Space) -> None:
    spoil(rooms, B0=np.stack([np.eye(3), np.eye(3)], -1))
    result = rooms.run("test", X86, code=1)
    assert "ties of heater: the tie rule makes 128 of 128 decisions" in result.out + result.err


def test_a_budget_of_ties_is_refused_at_its_value(rooms: Space) -> None:
    edit(rooms, 'memory = "256KiB" }', 'memory = "256KiB", ties = 0.001 }')
    err = rooms.run("test", X86, code=2).err
    assert "the tie rule makes 1 of 128 decisions" in err and "ties = 0.001" in err


def test_a_leaky_blanket_names_the_edge_and_its_line(rooms: Space) -> None:
    edit(rooms, LINKS, BELIEF + '\nblankets = { heater = ["observation", "action"] }')
    err = rooms.run("build", "//coalitions:rooms", code=2).err
    assert "the blanket of heater leaks: heater.belief.room -> vent.observation.felt" in err
    assert "add 'belief.room' to it" in err and 'blankets = { heater = ["observation"' in err
    edit(rooms, '"observation", "action"]', '"observation", "action", "belief.room"]')
    rooms.run("test", X86)


@pytest.mark.parametrize(
    ("line", "what", "help_"),
    [
        ('blankets = { heater = ["action.brner"] }', "no port 'action.brner'", "action.burner"),
        ('blankets = { heeter = ["action"] }', "no agent 'heeter'", "did you mean 'heater'?"),
        ('blankets = { heater = ["actoin"] }', "'actoin' is not a port", "did you mean 'action'?"),
        (
            'inputs = ["heater.observation.thermometer"]',
            "vent.observation.felt is fed by no link and is not among the inputs",
            "name it in `inputs`, or link it",
        ),
        (
            'inputs = ["heater.observation.0", "vent.observation.0", "vent.observation.1"]',
            "vent.observation.burner is fed by a link and is among the inputs",
            "name it in `inputs`, or link it",
        ),
        ('inputs = ["heter.observation.0"]', "no agent 'heter'", "did you mean 'heater'?"),
        ('inputs = ["heater.observation.thermo"]', "has no observation 'thermo'", "inputs"),
        ('inputs = ["heater.action.0"]', "is not a port", "heater.action.0"),
    ],
)
def test_inputs_and_blankets_are_checked_at_their_line(
    rooms: Space, line: str, what: str, help_: str
) -> None:
    edit(rooms, LINKS, f"{LINKS}\n{line}")
    err = rooms.run("build", "//coalitions:rooms", code=2).err
    assert what in err and help_ in err and "--> BUILD.toml:" in err and line in err
    assert "exit code" not in err and "Traceback" not in err


def test_inputs_that_are_complete_pass(rooms: Space) -> None:
    edit(
        rooms,
        LINKS,
        f'{LINKS}\ninputs = ["heater.observation.thermometer", "vent.observation.felt"]',
    )
    rooms.run("build", "//coalitions:rooms")


def test_an_unwired_link_has_a_suggestion(rooms: Space) -> None:
    edit(rooms, "heater.action.burner", "heater.action.burnr")
    err = rooms.run("build", "//coalitions:rooms", code=2).err
    assert "heater has no action 'burnr'; it has 0 to 0, burner" in err
    assert "help: did you mean 'burner'?" in err
