"""Replicas, copies, resets of some, deadlines: one code and one table, many separate states."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import emit_program
import pytest

from tests.support.http_client import LIMIT
from tests.support.native_agents import Compiled, emitted, linked, main_text, ring, talk
from tests.support.native_runs import built, scout, seen

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("native-instances")]


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """The agent of most programs here."""
    return scout(tmp_path_factory.mktemp("agent"))


@pytest.fixture(scope="module")
def alone(agent: Compiled, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One instance."""
    return built(agent, tmp_path_factory.mktemp("alone"))


@pytest.fixture(scope="module")
def three(agent: Compiled, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three replicas in two copies."""
    return built(agent, tmp_path_factory.mktemp("three"), "--replicas", "scout=3", "--copies", "2")


def all_three(copy: int, *observations: int) -> str:
    """A request for one copy."""
    return json.dumps({"copy": copy, **{f"scout.{k}": [o] for k, o in enumerate(observations)}})


def test_every_instance_is_an_agent_of_its_own(alone: Path, three: Path) -> None:
    walks = {
        (c, r): [(c + 2 * r + k * k) % 5 for k in range(6)] for c in range(2) for r in range(3)
    }
    wanted = {
        place: talk(alone, ['{"scout":[%d]}' % o for o in walk], "--beliefs")
        for place, walk in walks.items()
    }
    asked = [all_three(c, *(walks[c, r][k] for r in range(3))) for k in range(6) for c in range(2)]
    answered = talk(three, asked, "--beliefs")
    for number, answer in enumerate(answered):
        k, c = divmod(number, 2)
        assert answer["copy"] == c
        for r in range(3):
            assert answer[f"scout.{r}"] == wanted[c, r][k]["scout"]


@pytest.mark.parametrize(
    ("reset", "output", "fresh"),
    [
        ('{"reset":true}', {"reset": True}, {(c, r) for c in range(2) for r in range(3)}),
        ('{"copy":1,"reset":true}', {"copy": 1, "reset": True}, {(1, 0), (1, 1), (1, 2)}),
        (
            '{"copy":1,"reset":["scout.2","scout.0"]}',
            {"copy": 1, "reset": ["scout.0", "scout.2"]},
            {(1, 0), (1, 2)},
        ),
        ('{"reset":["scout.1"]}', {"reset": ["scout.1"]}, {(0, 1), (1, 1)}),
        ('{"reset":["scout"],"copy":0}', {"copy": 0, "reset": True}, {(0, 0), (0, 1), (0, 2)}),
    ],
)
def test_a_reset_reaches_those_that_it_names(
    three: Path, reset: str, output: dict[str, Any], fresh: set[tuple[int, int]]
) -> None:
    step = [all_three(0, 1, 1, 1), all_three(1, 1, 1, 1)]
    first, _, _, _, answer, *after = talk(three, [*step, *step, reset, *step])
    assert answer == output
    untouched = talk(three, [*step, *step, *step])[4:]
    for c in range(2):
        for r in range(3):
            wanted = first if (c, r) in fresh else untouched[c]
            assert after[c][f"scout.{r}"] == wanted[f"scout.{r}"], (c, r)
    assert first["scout.0"] != untouched[0]["scout.0"]


@pytest.mark.parametrize(
    "line",
    [
        '{"reset":["scout","scout.1"]}',
        '{"reset":["scout.3"]}',
        '{"reset":[]}',
        '{"reset":["scout.1",]}',
        '{"reset":["scout.1"}',
        '{"reset":"scout"}',
        '{"reset":["scout"],"reset":true}',
        '{"reset":[1]}',
        '{"copy":2,"reset":true}',
        '{"copy":0,"copy":0,"reset":true}',
        '{"scout.0":[1],"scout.1":[1],"scout.2":[1]}',
        '{"scout":[1]}',
        "[" * 60,
        '{"copy":1,"scout.0":[1],"scout.1":[1],"scout.2":[1],"executed":{"scout.0":[0]}}',
    ],
)
def test_what_is_refused_changes_nothing(three: Path, line: str) -> None:
    step = [all_three(0, 1, 2, 3)]
    refused, *after = [
        answer
        for answer in talk(three, [*step, line, *step])
        if "error" in answer or "scout.0" in answer
    ][1:]
    assert list(refused) == ["error"] and after == talk(three, step * 2)[1:]


def test_a_copy_must_be_named_and_one_coalition_has_none(alone: Path, three: Path) -> None:
    assert "which copy" in talk(three, ['{"scout.0":[1],"scout.1":[1],"scout.2":[1]}'])[0]["error"]
    assert talk(alone, ['{"copy":0,"scout":[1]}']) == [
        {"error": 'leave out "copy": there is one copy of the coalition'}
    ]
    assert talk(three, ['{"copy":2}']) == [
        {"error": '"copy": expected an index from 0 to 1, not 2, at byte 9'}
    ]
    assert talk(three, ['{"copy":1,"scout":[1]}']) == [
        {
            "error": (
                'expected each replica by its name instead of "scout", at byte 11; the '
                "agents are scout.0, scout.1, scout.2"
            )
        }
    ]


def test_of_many_agents_the_first_names_are_told(agent: Compiled, tmp_path: Path) -> None:
    crowd = built(agent, tmp_path, "--replicas", "scout=5000")
    error = talk(crowd, ['{"cat":[0]}'])[0]["error"]
    assert error.startswith(
        'no agent is called "cat", at byte 2; the agents are scout.0, scout.1, '
    ) and error.endswith(", ..")
    assert len(error) < 400


def test_a_reset_agent_is_as_before_its_first_step_for_those_that_it_feeds(tmp_path: Path) -> None:
    """A circle carries the last tick's action: after a reset that is action 0, as at the start."""
    agents = [emitted(ring(noise=0.3), name, tmp_path / name) for name in ("left", "right")]
    links = [
        {"from": "left.action.0", "to": "right.observation.0"},
        {"from": "right.action.0", "to": "left.observation.0"},
    ]
    circle = linked(agents, main_text(agents, tmp_path / "main", links))
    step = '{"left":[null],"right":[null]}'
    answers = talk(circle, [step, step, '{"reset":["left","right"]}', step, step])
    assert answers[2] == {"reset": True} and answers[3:] == answers[:2]
    alone = linked([agents[0]], main_text([agents[0]], tmp_path / "alone"))
    fed = talk(circle, [step, '{"reset":["left"]}', step])
    assert fed[1] == {"reset": ["left"]}
    right = fed[0]["right"]["action"][0]
    assert fed[2]["left"] == talk(alone, ['{"left":[%d]}' % right])[0]["left"]


def test_replicas_are_linked_pairwise(tmp_path: Path) -> None:
    agents = [emitted(ring(noise=0.3), name, tmp_path / name) for name in ("left", "right")]
    links = [{"from": "left.action.0", "to": "right.observation.0"}]
    words = ("--replicas", "left=2", "--replicas", "right=2")
    both = linked(agents, main_text(agents, tmp_path / "main", links, *words))
    apart = linked(agents, main_text(agents, tmp_path / "apart"))
    (answer,) = talk(both, ['{"left.0":[1],"left.1":[3],"right.0":[null],"right.1":[null]}'])
    for k in range(2):
        line = '{"left":[%d],"right":[%d]}' % ((1, 3)[k], answer[f"left.{k}"]["action"][0])
        alone = talk(apart, [line])[0]
        assert (answer[f"left.{k}"], answer[f"right.{k}"]) == (alone["left"], alone["right"])


def most_probable(answer: dict[str, Any], name: str) -> int:
    """The lowest of the most probable states of an agent's first factor."""
    beliefs = answer[name]["qs"][0]
    return int(beliefs.index(max(beliefs)))


def test_a_belief_is_observed_in_its_tick_and_round_a_circle_in_the_next(tmp_path: Path) -> None:
    agents = [emitted(ring(noise=0.3), name, tmp_path / name) for name in ("left", "right")]
    forward = {"from": "left.belief.0", "to": "right.observation.0"}
    back = {"from": "right.belief.0", "to": "left.observation.0"}
    apart = linked(agents, main_text(agents, tmp_path / "apart"))
    chain = linked(agents, main_text(agents, tmp_path / "chain", [forward]))
    circle = linked(agents, main_text(agents, tmp_path / "circle", [forward, back]))
    result = talk(
        chain, ['{"left":[%d],"right":[null]}' % (k * k % 5) for k in range(8)], "--beliefs"
    )
    by_hand = [
        '{"left":[%d],"right":[%d]}' % (k * k % 5, most_probable(result[k], "left"))
        for k in range(8)
    ]
    assert (
        result == talk(apart, by_hand, "--beliefs")
        and len({most_probable(each, "left") for each in result}) > 1
    )
    step = '{"left":[null],"right":[null]}'
    result = talk(circle, [step, step, step, '{"reset":true}', step], "--beliefs")
    last, by_hand = {"left": 0, "right": 0}, []
    for answer in result[:3]:
        by_hand.append('{"left":[%d],"right":[%d]}' % (last["right"], last["left"]))
        last = {name: most_probable(answer, name) for name in last}
    assert result[:3] == talk(apart, by_hand, "--beliefs") and result[4] == result[0]


def test_the_room_for_a_line_grows_with_the_agents(
    agent: Compiled, alone: Path, tmp_path: Path
) -> None:
    crowd = built(agent, tmp_path, "--replicas", "scout=6000")
    line = json.dumps({f"scout.{k}": [k % 5] for k in range(6000)})
    assert len(line) > 65536
    assert len(talk(crowd, [line])[0]) == 6000
    assert "longer than 65536 bytes" in talk(alone, [line])[0]["error"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--replicas", "thief=2"], "no agent 'thief'"),
        (["--replicas", "scout=0"], "one or more"),
        (["--copies", "0"], "one or more"),
        (["--copies", "70000"], "65536 in all"),
    ],
)
def test_numbers_that_cannot_be(
    agent: Compiled,
    words: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    interface = f"scout={agent.path('plan/interface.json')}"
    assert (
        emit_program.main(["--interface", interface, *words, "--out", str(tmp_path / "main.c")])
        == 1
    )
    assert message in capsys.readouterr().err


def test_a_step_after_its_deadline_is_counted_and_said(agent: Compiled, tmp_path: Path) -> None:
    hasty = built(agent, tmp_path / "hasty", "--deadline", "1")
    assert [answer["late"] for answer in talk(hasty, [seen(k) for k in range(4)])] == [1, 2, 3, 4]
    patient = built(agent, tmp_path / "patient", "--deadline", "60000000000")
    assert not any("late" in answer for answer in talk(patient, [seen(k) for k in range(4)]))


def test_a_tick_that_begins_too_late_is_late(agent: Compiled, tmp_path: Path) -> None:
    paced = built(agent, tmp_path, "--tick", "500000000", "--deadline", "500000000")
    late = []
    with subprocess.Popen([paced], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin and child.stdout
        for pause in (0.0, 0.0, 1.5, 0.0):  # the third comes a second after it was due
            time.sleep(pause)
            child.stdin.write(seen(1).encode() + b"\n")
            child.stdin.flush()
            late.append("late" in json.loads(child.stdout.readline()))
        child.stdin.close()
        assert child.wait(LIMIT) == 0
    assert late[0] is False and late[2] is True


def asleep(pid: int) -> bool:
    """Return whether a process waits."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


def test_a_stop_does_not_wait_for_a_tick(agent: Compiled, tmp_path: Path) -> None:
    slow = built(agent, tmp_path, "--tick", "600000000000")
    with subprocess.Popen([slow], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin and child.stdout
        child.stdin.write((seen(1) + "\n").encode() * 2)
        child.stdin.flush()
        assert child.stdout.readline()
        while not asleep(child.pid):  # it has read the second request, and waits for its tick
            time.sleep(0.01)
        child.terminate()
        assert child.wait(LIMIT) == 0
        assert b"scout" in child.stdout.read()  # the step that had its request was carried out


def test_replicas_that_draw_their_actions_draw_other_numbers(tmp_path: Path) -> None:
    agent = emitted(ring(noise=0.3, action_selection="stochastic"), "scout", tmp_path / "scout")
    four = built(agent, tmp_path / "four", "--replicas", "scout=4")
    alone = built(agent, tmp_path / "alone")
    line = json.dumps({f"scout.{k}": [1] for k in range(4)})

    def walks(*words: str) -> list[list[int]]:
        answers = talk(four, [line] * 30, *words)
        return [[answer[f"scout.{k}"]["action"][0] for answer in answers] for k in range(4)]

    first = walks()
    assert first == walks() and len(set(map(tuple, first))) == 4
    assert walks("--seed", "7") == walks("--seed", "7") and not set(map(tuple, first)) & set(
        map(tuple, walks("--seed", "7"))
    )
    assert [
        answer["scout"]["action"][0] for answer in talk(alone, ['{"scout":[1]}'] * 30)
    ] == first[0]
    state = ("--state", str(tmp_path / "state"))
    resumed = talk(four, [line] * 11, *state) + talk(four, [line] * 19, *state, "--seed", "9")
    assert resumed == talk(four, [line] * 30)
