"""The program as users see it: JSON Lines, links, errors, self-test and signals, with the real
toolchain.
"""

from __future__ import annotations

import json
import random
import subprocess
import time
from pathlib import Path

import emit_program
import numpy as np
import pytest
from agentc.ir import files as ir
from agentc.ir.files import Model
from agentc.oracle.action_selection import select
from agentc.oracle.agent import (
    free_energy,
    infer_policies,
    infer_states,
    initial_prior,
    next_prior,
    prepare,
)

from tests.support.native_agents import (
    SEEN,
    Compiled,
    columns,
    emitted,
    linked,
    main_text,
    make,
    talk,
    two_agents,
)
from tests.support.requirements import need_module

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("native-main")]


@pytest.fixture(scope="module")
def agents(tmp_path_factory: pytest.TempPathFactory) -> list[Compiled]:
    """scout and picker, proved."""
    return two_agents(tmp_path_factory)


@pytest.fixture(scope="module")
def pair(agents: list[Compiled], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program of both agents without links."""
    return linked(agents, main_text(agents, tmp_path_factory.mktemp("pair")))


@pytest.fixture(scope="module")
def chained(agents: list[Compiled], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """scout's action is picker's second modality."""
    links = [{"from": "scout.action.0", "to": "picker.observation.1"}]
    return linked(agents, main_text(agents, tmp_path_factory.mktemp("chained"), links))


def test_answers_are_those_of_the_reference(pair: Path, agents: list[Compiled]) -> None:
    models = {agent.name: ir.load(agent.folder / "ir") for agent in agents}
    draw = np.random.default_rng(0)
    asked = [
        {name: [int(draw.integers(n)) for n in model.num_obs] for name, model in models.items()}
        for _ in range(12)
    ]
    answers = talk(pair, [json.dumps(line) for line in asked], "--beliefs")
    for name, model in models.items():
        agent, prior = prepare(model), model.D
        for line, answer in zip(asked, answers, strict=True):
            qs = infer_states(agent, line[name], prior)
            verdict = infer_policies(agent, qs)
            action, policy = select(agent, verdict)
            got = answer[name]
            assert got["action"] == list(action)
            assert got["vfe"] == pytest.approx(free_energy(agent, line[name], prior, qs), abs=1e-5)
            assert got["efe"] == pytest.approx(-float(verdict.neg_efe[policy]), abs=1e-4)
            for q, wanted in zip(got["qs"], qs, strict=True):
                assert np.array(q) == pytest.approx(wanted, abs=1e-6)
            prior = next_prior(agent, qs, action)
    assert initial_prior(prepare(models["scout"])) == models["scout"].D


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "}",
        "[]",
        "null",
        "{}",
        "0",
        '"x"',
        '{"scout":[1]}',
        '{"scout":[1],"picker":[0,1]}',
        '{"scout":[1],"picker":[0,1,2,0]}',
        '{"scout":[5],"picker":[0,1,2]}',
        '{"scout":[-1],"picker":[0,1,2]}',
        '{"scout":[01],"picker":[0,1,2]}',
        '{"scout":[1.0],"picker":[0,1,2]}',
        '{"scout":[1e0],"picker":[0,1,2]}',
        '{"scout":["1"],"picker":[0,1,2]}',
        '{"scout":[null],"picker":[0,1,2]}',
        '{"scout":1,"picker":[0,1,2]}',
        '{"scout":[99999999999],"picker":[0,1,2]}',
        SEEN + "x",
        SEEN + SEEN,
        '{"scout":[1],"picker":[0,1,2],}',
        '{"scout":[1],"scout":[1],"picker":[0,1,2]}',
        '{"sc\\u006fut":[1],"picker":[0,1,2]}',
        '{"thief":[1]}',
        '{"reset":false}',
        '{"reset":true,"reset":true}',
        '{"reset":true,"scout":[1],"picker":[0,1,2]}',
        '{"executed":{"scout":[1]}}',
        '{"scout":[1],"picker":[0,1,2],"executed":{"scout":[3]}}',
        '{"scout":[1],"picker":[0,1,2],"executed":{"scout":[1],"scout":[1]}}',
        '{"scout":[1],"picker":[0,1,2],"executed":{"thief":[1]}}',
        '{"scout":[1],"picker":[0,1,2],"executed":[1]}',
        '{"scout":[1],"picker":[0,1,2],"executed":{},"executed":{}}',
        '{"scout',
        '{"scout"',
        '{"scout":',
        '{"scout":[',
        '{"scout":[1',
        '{"scout":[1]',
        '{"scout":[1],',
        "\x00" + SEEN,
        "{" * 1000,
        " " * 70000,
        "a" * 70000,
    ],
)
def test_a_malformed_line_is_answered_and_changes_nothing(pair: Path, line: str) -> None:
    plain = talk(pair, [SEEN, SEEN, SEEN])
    mixed = talk(pair, [SEEN, line, SEEN, line, SEEN])
    errors = [answer for answer in mixed if "error" in answer]
    assert [answer for answer in mixed if "error" not in answer] == plain
    assert len(errors) == (0 if not line else 2)
    assert all(list(error) == ["error"] and error["error"] for error in errors)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (
            '{"scout":[1],"picker":[0,3,2]}',
            "agent picker, modality 1: expected an index from 0 to 2, not 3, at byte 26",
        ),
        ('{"scout":[1]}', "agent picker: its observation is missing"),
        (
            '{"scout":[1.0]}',
            "agent scout, modality 0: expected an integer from 0 to 4, not 1.0, at byte 11",
        ),
        (
            '{"scout":[1e0]}',
            "agent scout, modality 0: expected an integer from 0 to 4, not 1e0, at byte 11",
        ),
        (
            '{"scout":[-1]}',
            "agent scout, modality 0: expected an index from 0 to 4, not -1, at byte 11",
        ),
        (
            '{"scout":[01]}',
            "agent scout, modality 0: expected an index from 0 to 4, not 01, at byte 11",
        ),
        (
            '{"scout":["1"]}',
            'agent scout, modality 0: expected an index from 0 to 4, not "1", at byte 11',
        ),
        (
            '{"scout":[ true]}',
            "agent scout, modality 0: expected an index from 0 to 4, not true, at byte 12",
        ),
        (
            '{"scout":[null]}',
            "agent scout, modality 0: expected an index from 0 to 4, not null, at byte 11",
        ),
        (
            '{"scout":[]}',
            "agent scout, modality 0: expected an index from 0 to 4, not ], at byte 11",
        ),
        ('{"scout":[1,2]}', "agent scout: more indices than it has modalities, at byte 12"),
        (
            '{"picker":[0,1]}',
            "agent picker, modality 2: expected an index from 0 to 3, not ], at byte 15",
        ),
        ('{"picker":[0 1]}', "agent picker, modality 1: expected ',', not 1, at byte 14"),
        (
            '{"picker":[0,',
            "agent picker, modality 1: expected an index from 0 to 2, but the text ends, at byte "
            "14",
        ),
        ('{"scout":1}', "agent scout: expected an array of indices, not 1, at byte 10"),
        ('{"cat":[0]}', 'no agent is called "cat", at byte 2; the agents are scout, picker'),
        ('{"c\x7f\xe9":[0]}', 'no agent is called "c???", at byte 2; the agents are scout, picker'),
        (
            '{"%s":[0]}' % ("x" * 500),
            'no agent is called "%s.., at byte 2; the agents are scout, picker' % ("x" * 39),
        ),
        ('{"copy":0}', 'leave out "copy": there is one copy of the coalition'),
        ('{"scout":[1],"scout":[1]}', "agent scout: given twice"),
        ('{"scout" [1]}', "expected ':' after a key, not [, at byte 10"),
        ("{'scout':[1]}", "expected a name in quotation marks, not 'scout', at byte 2"),
        ('{"scout":[1],}', "expected a name in quotation marks, not }, at byte 14"),
        ('{"scout":[1]', "expected ',' or '}', but the text ends, at byte 13"),
        ("[1]", 'expected an object such as {"agent":[0]}, not [, at byte 1'),
        (SEEN + " {}", "expected nothing after the object, not {, at byte %d" % (len(SEEN) + 2)),
        ('{"reset":false}', '"reset": expected true or an array of names, not false, at byte 10'),
        (
            '{"reset":["cat"]}',
            '"reset": no agent is called "cat", at byte 11; the agents are scout, picker',
        ),
        ('{"reset":true,"scout":[1]}', '"reset" goes without observations and "executed"'),
        (
            '{"executed":{"cat":[1]}}',
            '"executed": no agent is called "cat", at byte 14; the agents are scout, picker',
        ),
        (
            '{"executed":{"scout":[3]}}',
            "agent scout, executed control 0: expected an index from 0 to 2, not 3, at byte 23",
        ),
        (
            '{"executed":{"scout":[1,1]}}',
            "agent scout: more indices than it has controls, at byte 24",
        ),
        (
            '{"executed":[1]}',
            '"executed": expected an object such as {"agent":[0]}, not [, at byte 13',
        ),
        (
            SEEN[:-1] + ',"executed":{"scout":[1]}}',
            "agent scout: nothing can be executed before the first step",
        ),
    ],
)
def test_a_refusal_says_what_is_wrong_and_where(pair: Path, line: str, error: str) -> None:
    assert talk(pair, [line]) == [{"error": error}]


def test_random_bytes_never_stop_the_program(pair: Path) -> None:
    random.seed(7)
    noise = [
        bytes(
            random.choice(b'{}[]",:0123scoutpickernul \\\x00\xff')
            for _ in range(random.randrange(80))
        )
        for _ in range(3000)
    ]
    mutants = []
    for _ in range(3000):
        text = bytearray(SEEN.encode())
        for _ in range(random.randrange(1, 4)):
            text[random.randrange(len(text))] = random.randrange(256)
        mutants.append(bytes(text).replace(b"\n", b" "))
    data = b"\n".join([*noise, *mutants, SEEN.encode()]) + b"\n"
    done = subprocess.run([str(pair)], input=data, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert "scout" in answers[-1]
    assert all(list(answer) in (["error"], ["scout", "picker"]) for answer in answers)


def test_blanks_and_carriage_returns_are_allowed_and_the_last_newline_is_not_needed(
    pair: Path,
) -> None:
    data = b' { "scout" : [ 1 ] ,\t"picker":[0 , 1,2] } \r\n\r\n' + SEEN.encode()
    done = subprocess.run([str(pair)], input=data, capture_output=True, timeout=60, check=True)
    assert [list(json.loads(line)) for line in done.stdout.splitlines()] == [
        ["scout", "picker"]
    ] * 2


def test_reset_starts_over(pair: Path) -> None:
    first, _, reset, again = talk(pair, [SEEN, SEEN, '{"reset":true}', SEEN], "--beliefs")
    assert reset == {"reset": True} and again == first


def test_the_executed_action_moves_the_belief(pair: Path) -> None:
    proposed = talk(pair, [SEEN, SEEN], "--beliefs")
    action = proposed[0]["scout"]["action"][0]
    output = SEEN[:-1] + ',"executed":{"scout":[%d]}}'
    assert talk(pair, [SEEN, output % action], "--beliefs") == proposed
    assert talk(pair, [SEEN, output % ((action + 1) % 3)], "--beliefs")[1] != proposed[1]
    assert "before the first step" in talk(pair, [output % 0])[0]["error"]


def test_a_link_feeds_the_action_of_this_tick(pair: Path, chained: Path) -> None:
    asked = [f'{{"scout":[{i % 5}],"picker":[{i % 6},null,2]}}' for i in range(10)]
    linked_answers = talk(chained, asked)
    by_hand = [
        f'{{"scout":[{i % 5}],"picker":[{i % 6},{answer["scout"]["action"][0]},2]}}'
        for i, answer in enumerate(linked_answers)
    ]
    assert linked_answers == talk(pair, by_hand)


def test_a_tick_keeps_steps_apart(agents: list[Compiled], tmp_path: Path) -> None:
    slow = linked(agents, main_text(agents, tmp_path, (), "--tick", "20000000"))
    begin = time.perf_counter()
    assert len(talk(slow, [SEEN] * 6)) == 6
    assert time.perf_counter() - begin >= 0.1  # the first does not wait


def test_links_may_use_the_names_of_the_model(agents: list[Compiled], tmp_path: Path) -> None:
    for agent, label in (
        (agents[0], {"controls": [{"name": "go"}], "observations": [{"name": None}]}),
        (agents[1], {"observations": [{"name": "a"}, {"name": "cue"}, {"name": None}]}),
    ):
        (tmp_path / agent.name).write_text(json.dumps(label))
    words = [
        word for agent in agents for word in ("--labels", f"{agent.name}={tmp_path / agent.name}")
    ]
    named = main_text(
        agents,
        tmp_path / "n",
        [{"from": "scout.action.go", "to": "picker.observation.cue"}],
        *words,
    )
    plain = main_text(
        agents, tmp_path / "p", [{"from": "scout.action.0", "to": "picker.observation.1"}]
    )
    assert named.read_bytes() == plain.read_bytes()


def test_faulty_links_are_a_message(
    agents: list[Compiled], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "links.json").write_text(
        '[{"from": "scout.action.7", "to": "thief.observation.0"}]'
    )
    words = [f"--interface={agent.name}={agent.path('plan/interface.json')}" for agent in agents]
    assert (
        emit_program.main(
            [*words, "--links", str(tmp_path / "links.json"), "--out", str(tmp_path / "main.c")]
        )
        == 1
    )
    shown = capsys.readouterr().err
    assert "no action '7'" in shown and "no agent 'thief'" in shown


def test_a_linked_modality_must_be_null(chained: Path) -> None:
    assert talk(chained, [SEEN])[0]["error"].startswith(
        "agent picker, modality 1: a link feeds this modality: write null, not 1"
    )


def test_a_cycle_carries_the_action_of_the_tick_before(
    pair: Path, agents: list[Compiled], tmp_path: Path
) -> None:
    links = [
        {"from": "scout.action.0", "to": "picker.observation.1"},
        {"from": "picker.action.0", "to": "scout.observation.0"},
    ]
    ring_of_two = linked(agents, main_text(agents, tmp_path, links))
    asked = [f'{{"scout":[null],"picker":[{i % 6},null,2]}}' for i in range(8)]
    answers = talk(ring_of_two, asked)
    before, by_hand = {"scout": 0, "picker": 0}, []
    for i, answer in enumerate(answers):
        by_hand.append(f'{{"scout":[{before["picker"]}],"picker":[{i % 6},{before["scout"]},2]}}')
        before = {name: answer[name]["action"][0] for name in before}
    assert answers == talk(pair, by_hand)


def test_an_agent_without_controls_has_an_empty_action(tmp_path: Path) -> None:
    need_module("ziglang")
    draw = np.random.default_rng(1)
    watcher: Model = make([columns(draw, (3, 2))], [columns(draw, (2, 2, 1))], [(0,)], (1,))
    agent = emitted(watcher, "watcher", tmp_path / "watcher")
    answer = talk(
        linked([agent], main_text([agent], tmp_path / "main")),
        ['{"watcher":[0]}', '{"watcher":[2]}'],
    )
    assert [line["watcher"]["action"] for line in answer] == [[], []]
