"""The monitor of a program: what it finds, what it keeps, and what it leaves alone."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import write_alerts
from agentc.monitor.bets import CAP, STAKES, Limits, fair, threshold
from agentc.monitor.nominal import predicted
from agentc.oracle.agent import infer_states, initial_prior, next_prior, prepare

from tests.support.http_client import LIMIT
from tests.support.native_agents import (
    Compiled,
    emitted,
    linked,
    main_text,
    make,
    random_model,
    ring,
    talk,
)
from tests.support.native_runs import built, monitored, serving, walk
from tests.support.requirements import need, need_module

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("native-monitor")]
MODEL = ring(noise=0.3)
HEADER, MONITOR_HEADER, HEAD = 32, 16, 24


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """An agent on a ring that it sees dimly."""
    need_module("ziglang")
    return emitted(MODEL, "scout", tmp_path_factory.mktemp("agent") / "scout")


@pytest.fixture(scope="module")
def words(agent: Compiled) -> tuple[str, ...]:
    """Options of its monitor."""
    return monitored(agent)


@pytest.fixture(scope="module")
def program(
    agent: Compiled, words: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The agent with a monitor and HTTP."""
    return built(agent, tmp_path_factory.mktemp("program"), *words, "--http")


@pytest.fixture(scope="module")
def plain(agent: Compiled, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The agent without a monitor."""
    return built(agent, tmp_path_factory.mktemp("plain"))


def stuck(steps: int, since: int) -> list[str]:
    """Requests of a walk; the sensor is stuck from a step on, and executed actions are reported."""
    rows, lines = walk(MODEL, steps), []
    for s, (obs, _) in enumerate(rows):
        request: dict[str, Any] = {"scout": obs if s < since else rows[since][0]}
        if s:
            request["executed"] = {"scout": rows[s - 1][1]}
        lines.append(json.dumps(request))
    return lines


def state_of(program: Path, lines: Sequence[str], path: Path, wrap: Sequence[str] = ()) -> bytes:
    """The state file after some requests."""
    done = subprocess.run(
        [*wrap, str(program), "--state", str(path), "--every", "0"],
        input="".join(line + "\n" for line in lines).encode(),
        capture_output=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode == 0, done
    return path.read_bytes()


def monitor_of(data: bytes) -> bytes:
    """The monitor's part of a state file: heads of the agents, then their streams."""
    beliefs = int.from_bytes(data[16:24], "little")
    size = int.from_bytes(data[HEADER + beliefs + 8 : HEADER + beliefs + MONITOR_HEADER], "little")
    part = data[HEADER + beliefs + MONITOR_HEADER :]
    assert len(part) == size + 8  # and the checksum
    return part[:size]


def test_a_stuck_sensor_degrades_and_names_itself(program: Path, tmp_path: Path) -> None:
    lines = stuck(200, 60)
    with serving(program, tmp_path) as server:

        def health() -> Any:
            return json.loads(server.ask("GET", "/healthz").body)

        for line in lines[:60]:
            assert server.ask("POST", "/step", line).status == 200
        assert health() == {"health": "ok"}
        for line in lines[60:]:
            assert server.ask("POST", "/step", line).status == 200
        answer = server.ask("GET", "/healthz")
        report = json.loads(answer.body)
        assert answer.status == 200 and report["health"] == "degraded" and report["degraded"] == 1
        assert report["agents"][0]["agent"] == "scout" and report["agents"][0]["modality"] == 0
        assert 40 <= report["agents"][0]["since"] <= 90 and report["agents"][0]["steps"] == 200
        text = server.ask("GET", "/metrics").body.decode()
        assert 'coalition_degraded{agent="scout"} 1\n' in text
        assert 'coalition_alarms_total{agent="scout"} 1\n' in text
        assert 'coalition_surprise_evidence_ratio{agent="scout",modality="0"} ' in text
        bad = json.loads(server.ask("POST", "/step", '{"acknowledge":["scott"]}').body)
        assert bad["error"].startswith('"acknowledge": no agent is called "scott"')
        assert health()["health"] == "degraded"
        reply = server.ask("POST", "/step", '{"acknowledge":["scout"]}')
        assert json.loads(reply.body) == {"acknowledge": True} and health() == {"health": "ok"}


def test_the_log_names_agent_modality_and_step(program: Path) -> None:
    done = subprocess.run(
        [program], input="\n".join(stuck(200, 60)).encode(), capture_output=True, timeout=LIMIT
    )
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith(
        "degraded: agent scout, modality 0: its observations surprise since step "
    )
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 200


def test_the_answers_are_those_of_the_agent_without_it(program: Path, plain: Path) -> None:
    lines = stuck(200, 60)
    assert talk(program, lines) == talk(plain, lines)
    unknown = talk(plain, ['{"acknowledge":true}'])[0]["error"]
    assert unknown.startswith('no agent is called "acknowledge"')


def test_a_reset_of_the_beliefs_keeps_the_evidence(program: Path, tmp_path: Path) -> None:
    lines = stuck(200, 60)
    before = state_of(program, lines, tmp_path / "a")
    after = state_of(program, ['{"reset":true}'], tmp_path / "a")
    assert monitor_of(before) == monitor_of(after) and any(monitor_of(after)[HEAD:])


def test_a_restart_continues_the_test(program: Path, tmp_path: Path) -> None:
    lines = stuck(200, 60)
    whole = state_of(program, lines, tmp_path / "whole")
    for first in range(0, 200, 40):
        parts = state_of(program, lines[first : first + 40], tmp_path / "parts")
    assert parts == whole


def test_the_bits_are_equal_on_other_cores(
    agent: Compiled, words: tuple[str, ...], program: Path, tmp_path: Path
) -> None:
    lines = stuck(200, 60)
    here = state_of(program, lines, tmp_path / "here")
    for triple, core, emulator in (
        ("aarch64-linux-musl", "cortex_a53", "qemu-aarch64-static"),
        ("arm-linux-musleabihf", "cortex_a7", "qemu-arm-static"),
    ):
        foreign = built(agent, tmp_path / core, *words, "--http", target=(triple, core))
        there = state_of(foreign, lines, tmp_path / emulator, wrap=[need(emulator)])
        assert there == here


def test_the_state_of_a_program_without_it_is_read_and_the_other_way_round(
    program: Path, plain: Path, tmp_path: Path
) -> None:
    lines = stuck(200, 60)
    path = tmp_path / "state"
    old = state_of(plain, lines[:50], path)
    assert old[:8] == b"bgstate1"
    new = state_of(program, lines[50:100], path)
    assert new[:8] == b"bgstate2" and int.from_bytes(new[24:32], "little") == 100
    again = state_of(plain, lines[100:], path)
    assert again[:8] == b"bgstate1" and len(again) == len(old)
    assert again == state_of(plain, lines, tmp_path / "plain")


def test_other_limits_start_the_test_afresh_and_keep_the_beliefs(
    agent: Compiled, words: tuple[str, ...], program: Path, tmp_path: Path
) -> None:
    other = built(agent, tmp_path / "other", *words, "--http", "--false-alarm-every", "1e9")
    lines, path = stuck(200, 60), tmp_path / "state"
    state_of(program, lines, path)
    after = state_of(other, [], path)
    assert not any(monitor_of(after))
    assert int.from_bytes(after[24:32], "little") == 200


@pytest.mark.parametrize("at", [-1, -9, -48, -60])
def test_a_damaged_monitor_is_refused(program: Path, tmp_path: Path, at: int) -> None:
    path = tmp_path / "state"
    data = bytearray(state_of(program, stuck(20, 60), path))
    data[at % len(data)] ^= 1
    path.write_bytes(data)
    done = subprocess.run([program, "--state", path], input=b"", capture_output=True, timeout=LIMIT)
    assert done.returncode == 2 and b"damaged" in done.stderr


def test_the_evidence_is_that_of_the_definition(program: Path, tmp_path: Path) -> None:
    """The same recursion in float64, with the probabilities of the reference agent."""
    lines = stuck(120, 60)
    data = state_of(program, lines, tmp_path / "state")
    kept = np.frombuffer(monitor_of(data)[HEAD : HEAD + 12], "<f4")
    limits, reference = Limits(), prepare(MODEL)
    prior = qs = initial_prior(reference)
    evidence, last = [1.0, 1.0, 1.0], -1
    most = threshold(limits, 1, 1)
    for number, line in enumerate(lines):
        request = json.loads(line)
        if number:
            prior = next_prior(reference, qs, request["executed"]["scout"])
        (o,) = request["scout"]
        (p,) = predicted(reference, prior, [o])
        payoffs = [min(0.2 / p, CAP)] * 2 + [min((o == last) / p, CAP)]
        for b, (stake, payoff) in enumerate(zip(STAKES, payoffs, strict=True)):
            factor = 1.0 - stake + stake * payoff * fair(limits)
            evidence[b] = min(max(evidence[b], 1.0) * factor, most) if number else 1.0
        qs, last = infer_states(reference, [o], prior), o
    wanted = [e if e > 1.0 else 0.0 for e in evidence]
    assert max(wanted) > 100.0 and np.allclose(kept, wanted, rtol=1e-4)


def test_an_agent_of_many_modalities_has_200_bytes_at_most(tmp_path: Path) -> None:
    need_module("ziglang")
    random = np.random.default_rng(1)
    A = [np.asarray(random.dirichlet(np.ones(3), size=4).T) for _ in range(19)]
    model = make(
        A, [np.stack([np.eye(4), np.roll(np.eye(4), 1, axis=0)], axis=2)], [(0,)] * 19, (2,)
    )
    agent = emitted(model, "many", tmp_path / "many")
    words = monitored(agent)
    program, line = built(agent, tmp_path / "main", *words), json.dumps({"many": [0] * 19})
    assert 100 < len(monitor_of(state_of(program, [line], tmp_path / "state"))) <= 200
    done = subprocess.run(
        [program], input=((line + "\n") * 400).encode(), capture_output=True, timeout=LIMIT
    )
    assert b"degraded: agent many, modality " in done.stderr


def test_what_a_link_feeds_is_not_tested(tmp_path: Path) -> None:
    need_module("ziglang")
    first = emitted(ring(), "first", tmp_path / "first")
    second = emitted(ring(), "second", tmp_path / "second")
    links = [{"from": "first.belief.0", "to": "second.observation.0"}]
    words = (*monitored(first), *monitored(second))
    program = linked([first, second], main_text([first, second], tmp_path / "main", links, *words))
    lines = ['{"first":[%d],"second":[null]}' % (k % 2 * 2) for k in range(60)]
    done = subprocess.run(
        [program], input="\n".join(lines).encode(), capture_output=True, timeout=LIMIT
    )
    assert [line.split(",")[0] for line in done.stderr.decode().splitlines()] == [
        "degraded: agent first"
    ]


def test_replicas_and_copies_are_tested_apart(agent: Compiled, tmp_path: Path) -> None:
    program = built(agent, tmp_path, *monitored(agent), "--replicas", "scout=2", "--copies", "2")
    lines = []
    for line in stuck(300, 60):
        scout = json.loads(line)
        good = json.loads(line)["scout"]
        request: dict[str, Any] = {"copy": 1, "scout.0": [0], "scout.1": good}
        if "executed" in scout:
            request["executed"] = {f"scout.{k}": scout["executed"]["scout"] for k in (0, 1)}
        lines.append(json.dumps(request))
    done = subprocess.run(
        [program], input="\n".join(lines[:55]).encode(), capture_output=True, timeout=LIMIT
    )
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("degraded: agent scout.0, modality 0, copy 1: ")


def test_agents_of_several_factors_are_quiet_in_their_world(tmp_path: Path) -> None:
    """Their predictions are approximations."""
    need_module("ziglang")
    models = {kind: random_model(kind, seed=6) for kind in ("still_factor", "crossed")}
    agents = [emitted(model, kind, tmp_path / kind) for kind, model in models.items()]
    words = [word for agent in agents for word in monitored(agent)]
    program = linked(agents, main_text(agents, tmp_path / "main", (), *words))
    walks = {kind: walk(model, 300) for kind, model in models.items()}
    lines = []
    for s in range(300):
        request: dict[str, Any] = {kind: walks[kind][s][0] for kind in models}
        if s:
            request["executed"] = {kind: walks[kind][s - 1][1] for kind in models}
        lines.append(json.dumps(request))
    done = subprocess.run(
        [program], input="\n".join(lines).encode(), capture_output=True, timeout=LIMIT
    )
    assert done.stderr == b"" and b"error" not in done.stdout


def test_promtool_accepts_metrics_and_rules(
    agent: Compiled, words: tuple[str, ...], program: Path, tmp_path: Path
) -> None:
    promtool, rules = need("promtool"), tmp_path / "alerts.yml"
    nominal = words[1].partition("=")[2]
    argv = ["--group", "g", "--false-alarm-every", "1e6", "--tolerance", "1e-3"]
    argv += ["--agent", "scout", nominal, "--agent", "other-1", nominal, "--deadline", "5000000"]
    assert write_alerts.main([*argv, "--out", str(rules)]) == 0
    for command, data in ((["rules", str(rules)], b""), (["metrics"], b"text")):
        if data:
            with serving(program, tmp_path) as server:
                for line in stuck(200, 60):
                    server.ask("POST", "/step", line)
                data = server.ask("GET", "/metrics").body
        done = subprocess.run(
            [promtool, "check", *command], input=data, capture_output=True, timeout=LIMIT
        )
        assert done.returncode == 0 and b"lint error" not in done.stdout + done.stderr, done
