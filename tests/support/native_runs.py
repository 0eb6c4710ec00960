"""Programs of one small agent for tests of the run time."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import record_nominal
from agentc.ir.types import Model
from agentc.numerics.counter_rng import uniform
from agentc.proof.probe import next_state, observe

from tests.support.http_client import LIMIT, Server
from tests.support.native_agents import (
    Compiled,
    emitted,
    linked,
    main_text,
    probed,
    proved,
    ring,
)
from tests.support.once import once
from tests.support.requirements import need_module


def scout(folder: Path) -> Compiled:
    """An agent on a ring that it sees dimly: 5 outcomes, 3 actions."""
    need_module("ziglang")
    return emitted(ring(noise=0.3), "scout", folder / "scout")


def proved_scout(factory: pytest.TempPathFactory) -> Compiled:
    """The same agent, proved, made once a session."""

    def work(folder: Path) -> None:
        agent = scout(folder)
        probed(agent, episodes=2, steps=8)
        assert proved(agent) == 0

    need_module("ziglang")
    return Compiled("scout", once(factory, "proved-scout", work) / "scout")


def built(
    agent: Compiled, folder: Path, *words: str, target: tuple[str, str] | None = None
) -> Path:
    """The agent's program; `words` are options of emit_program.py."""
    folder.mkdir(parents=True, exist_ok=True)
    return linked([agent], main_text([agent], folder, (), *words), target)


def monitored(agent: Compiled) -> tuple[str, ...]:
    """Record the agent's nominal model; return the options of emit_program for a monitor."""
    probed(agent, episodes=2, steps=8)
    out = agent.path("monitor.json")
    argv = ["--ir", agent.path("ir"), "--plan", agent.path("plan"), "--probe", agent.path("probe")]
    assert record_nominal.main([*argv, "--out", out]) == 0
    return ("--monitor", f"{agent.name}={out}")


def walk(model: Model, steps: int) -> list[tuple[list[int], list[int]]]:
    """Observations and executed actions of random actions in the world of a model."""
    state, rows = (0,) * len(model.num_states), []
    for s in range(steps):
        obs = list(observe(model, state, 5, (0, s)))
        choices = [model.num_controls[c] for c in model.control_factors]
        rows.append((obs, [int(uniform(7, s, c) * n) for c, n in enumerate(choices)]))
        state = next_state(model, state, rows[-1][1], [uniform(9, s, f) for f in range(len(state))])
    return rows


def seen(k: int) -> str:
    """The k-th request of a walk that visits every outcome."""
    return '{"scout":[%d]}' % (k * k % 5)


@contextmanager
def serving(program: Path, folder: Path, *words: str, wrap: Sequence[str] = ()) -> Iterator[Server]:
    """The program behind a socket in `folder`; ended by SIGTERM, with exit code 0."""
    path = str(folder / "s")
    process = subprocess.Popen(
        [*wrap, str(program), *words, "--listen", f"unix:{path}"],
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )
    with process:
        assert (
            process.stderr and process.stderr.readline() == f"listening on unix:{path}\n".encode()
        )
        try:
            yield Server(path)
        finally:
            process.terminate()
            code = process.wait(LIMIT)
        assert code == 0
