"""Sensitivity of a probe: a small model with any two entries swapped must not pass as the model."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from agentc.ir.files import F64, Model
from agentc.oracle import agent as reference
from agentc.proof import probe
from agentc.proof.fidelity import compare
from agentc.proof.replay import Probe, Replies, load_probe

from tests.support.native_agents import emitted, probed, proved, ring
from tests.support.requirements import need_module

RINGS = {
    "seen": ring(),
    "seen through noise": ring(noise=0.05),
    "two kinds of moves": ring(6, noise=0.2),
}


def swapped(array: F64, one: tuple[int | slice, ...], other: tuple[int | slice, ...]) -> F64:
    result = array.copy()
    result[one], result[other] = array[other], array[one]
    return result


def wrong_transitions(model: Model) -> Iterator[Model]:
    """Every model with two differing columns of B swapped."""
    B = model.B[0]
    for u in range(B.shape[2]):
        for i, j in itertools.combinations(range(B.shape[1]), 2):
            if not np.array_equal(B[:, i, u], B[:, j, u]):
                yield dataclasses.replace(
                    model, B=(swapped(B, (slice(None), i, u), (slice(None), j, u)),)
                )


def wrong_likelihoods(model: Model) -> Iterator[Model]:
    """Every model with two differing entries of a column of A swapped."""
    A = model.A[0]
    for s in range(A.shape[1]):
        for i, j in itertools.combinations(range(A.shape[0]), 2):
            if A[i, s] != A[j, s]:
                yield dataclasses.replace(model, A=(swapped(A, (i, s), (j, s)),))


def believed(model: Model, forced: Probe) -> Replies:
    """Beliefs of a perfect program of the model in the probe, with the probe's actions."""
    agent, beliefs = reference.prepare(model), []
    for seen, done in zip(forced.obs.tolist(), forced.executed.tolist(), strict=True):
        prior = reference.initial_prior(agent)
        for obs, executed in zip(seen, done, strict=True):
            qs = reference.infer_states(agent, obs, prior)
            beliefs.append(np.concatenate(qs).astype(np.float32))
            prior = reference.next_prior(agent, qs, executed)
    steps = len(beliefs)
    return Replies(
        np.array(beliefs),
        np.zeros((steps, 1), np.float32),
        forced.action.reshape(steps, -1),
        np.zeros(steps, np.int32),
    )


def violations(model: Model, forced: Probe) -> int:
    return compare(believed(model, forced), forced, model.num_controls).violations


@pytest.mark.parametrize("kind", RINGS)
def test_no_wrong_entry_escapes(kind: str, tmp_path: Path) -> None:
    model = RINGS[kind]
    probe.write_probe(model, tmp_path, 8, 32, 0)
    forced = load_probe(tmp_path)
    assert violations(model, forced) == 0
    wrong = [*wrong_transitions(model), *wrong_likelihoods(model)]
    assert len(wrong) >= 50
    assert [n for n, other in enumerate(wrong) if not violations(other, forced)] == []


def test_what_the_agent_itself_does_would_not_do(tmp_path: Path) -> None:
    """The control: roll-outs alone let wrong transitions pass."""
    model = RINGS["seen"]
    probe.write_probe(model, tmp_path, 8, 32, 0)
    forced = load_probe(tmp_path)
    own = dataclasses.replace(
        forced,
        obs=forced.obs[::2],
        action=forced.action[::2],
        executed=forced.executed[::2],
        qs=forced.qs[::2],
        regret=forced.regret[::2],
    )
    assert np.array_equal(own.action, own.executed)
    assert any(not violations(other, own) for other in wrong_transitions(model))


@pytest.mark.slow
def test_compiled_code_of_a_wrong_model_is_caught(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One swap that roll-outs do not notice, and one of A, through the whole chain."""
    need_module("ziglang")
    model = RINGS["seen"]
    probed(emitted(model, "agent", tmp_path / "right"))
    forced = load_probe(tmp_path / "right/probe")
    own = dataclasses.replace(
        forced,
        obs=forced.obs[::2],
        action=forced.action[::2],
        executed=forced.executed[::2],
        qs=forced.qs[::2],
        regret=forced.regret[::2],
    )
    unnoticed = next(other for other in wrong_transitions(model) if not violations(other, own))
    for n, other in enumerate((unnoticed, next(wrong_likelihoods(model)))):
        agent = emitted(other, "agent", tmp_path / str(n))
        (agent.folder / "probe").symlink_to(tmp_path / "right/probe")
        assert proved(agent) == 1
        assert "of 64 steps violate" in capsys.readouterr().err
