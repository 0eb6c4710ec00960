"""Quantized plans: parts that they keep of the exact plan, and programs that compute with the
codes.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import quantize_plan
from agentc.ir import files as ir
from agentc.ir.files import Model
from agentc.plan import build as plan, files
from agentc.plan.lower_tables import folded
from agentc.proof import probe
from agentc.proof.fidelity import compare
from agentc.proof.native import build_host_program, run_replay
from agentc.proof.replay import load_probe, parse
from agentc.quantize import plan as plan_coded
from agentc.quantize.grids import STORAGES

from tests.bench.random_agents import random_agent
from tests.integration.agentc.proof.test_native import blind, tiny as tiny_entries
from tests.pymdp.generated import agent
from tests.support.native_agents import (
    EXAMPLE_NAMES,
    example,
    planning,
    random_model,
    ring,
)
from tests.support.quantized_agents import decoded_model, dense, stored
from tests.support.requirements import need_module


@pytest.mark.parametrize("storage", STORAGES)
def test_a_dense_agent_takes_far_fewer_bytes_and_keeps_its_structure(storage: str) -> None:
    model = dense(24, 16)
    exact, (built, facts) = plan.build(model), plan_coded.build(model, storage)
    before, after = facts["table_bytes"]["before"], facts["table_bytes"]["after"]
    assert before == sum(t.nbytes for t in exact.tables.values()) and after == sum(
        t.nbytes for t in built.tables.values()
    )
    assert after < before / 2
    assert [(each["array"], each["coded"]) for each in facts["arrays"]] == [
        ("A[0]", True),
        ("B[0]", True),
    ]
    for name in (
        "B0_ptr",
        "B0_col",
        "B0_slice",
        "D",
        "G0_at",
        "L0_ptr",
        "L0_ground",
        "P_leaf",
        "P_parent",
        "P_place",
    ):
        assert np.array_equal(built.tables[name], exact.tables[name]), name
    assert {**built.header, "coded": None} == {**exact.header, "coded": None}


@pytest.mark.parametrize("storage", STORAGES)
def test_what_is_said_of_errors_is_what_is_read(storage: str) -> None:
    model = random_agent(64)
    built, facts = plan_coded.build(model, storage)
    read = decoded_model(model, built)
    message = {each["array"]: each for each in facts["arrays"]}
    for name, true, other in (("A[0]", model.A[0], read.A[0]), ("B[0]", model.B[0], read.B[0])):
        worst = float(np.abs(true - other).max())
        assert worst == (
            float.fromhex(message[name]["max_error"]) if message[name]["coded"] else 0.0
        )
        assert (
            float(np.abs((other - true).sum(axis=0)).max())
            <= float.fromhex(message[name]["max_column_error"]) + 1e-15
        )
    assert message["B[0]"]["coded"] and float.fromhex(message["B[0]"]["max_error"]) > 0.0


def test_likelihoods_of_the_old_version_stay_as_they_are() -> None:
    built, facts = plan_coded.build(dense(24, semantics="pymdp-0.0.7"), "uint16")
    assert [each["array"] for each in facts["arrays"]] == ["B[0]"] and built.header["coded"][
        "modalities"
    ] == []


def test_uint16_columns_of_B_sum_to_one() -> None:
    built, _facts = plan_coded.build(dense(24), "uint16")
    assert np.all(decoded_model(dense(24), built).B[0].sum(axis=0) == 1.0)


@pytest.mark.parametrize("name", EXAMPLE_NAMES)
def test_what_would_save_too_little_stays_as_it_is(name: str, tmp_path: Path) -> None:
    """The shipped models have few distinct values: exact palettes leave nothing to gain."""
    model = example(name, tmp_path)
    exact, (built, facts) = plan.build(model), plan_coded.build(model, "uint16")
    assert not any(each["coded"] for each in facts["arrays"])
    files.save(exact, tmp_path / "exact")
    files.save(built, tmp_path / "coded")
    for part in ("plan.json", "tables.bin"):
        assert (tmp_path / "exact" / part).read_bytes() == (tmp_path / "coded" / part).read_bytes()


def test_utility_and_ambiguity_are_folded_from_what_is_read() -> None:
    model = dense(24)
    built, _ = plan_coded.build(model, "uint16")
    planes = folded(decoded_model(model, built), 0)[1]
    ends, facts = built.tables["E0_ptr"].astype(int), built.header["modalities"][0]
    first = ends[facts["outcomes"]]
    worth = np.full(24, float(built.tables["E0_ground"][-1]))
    worth[built.tables["E0_col"][first:]] += built.tables["W0_val"]
    assert np.allclose(worth, planes[0], rtol=0, atol=1e-6)


def test_inference_and_energy_share_their_codes() -> None:
    built, _ = plan_coded.build(dense(24), "fp16")
    assert built.header["coded"]["same"] == {"L0_s0": "E0_col", "L0_val": "E0_val"}
    assert "L0_val" not in built.tables and "L0_s0" not in built.tables


CASES = {
    "dense": dense(),
    "one_factor": random_model("one_factor", seed=11),
    "still_factor": random_model("still_factor", seed=11),
    "two_moving": random_model("two_moving", seed=11),
    "noisy_ring": ring(noise=0.05),
    "no_information_gain": random_model("two_moving", use_states_info_gain=False),
    "tiny": dataclasses.replace(dense(), A=tuple(np.where(a < 0.01, 1e-13, a) for a in dense().A)),
    "drawn": random_model("two_moving", seed=13, action_selection="stochastic", alpha=3.0),
    "plans kept": random_model("one_factor", seed=12, plan_every=2),
    "pymdp 0.0.7": dense(semantics="pymdp-0.0.7"),
    "irrelevant": blind(),
    "goals": planning(random_model("two_moving", seed=14)),
    "tiny entries": tiny_entries(),
    "timed": ring(
        policy_len=2, C=(np.arange(10.0).reshape(2, 5) % 4,), C_time_varying=(True,), noise=0.2
    ),
}


def proved(model: Model, storage: str, folder: Path) -> bool:
    """Return whether a quantized program matches the reference on its decoded model, by the limits
    of exact code.
    """
    built = stored(model, storage, folder)
    read = decoded_model(model, files.load(folder / "coded"))
    probe.write_probe(read, folder / "probe", 4, 8, 1)
    golden = load_probe(folder / "probe")
    program = build_host_program(folder / "agent.c", "agent", built.interface, folder)
    answered = run_replay(program, "agent", golden.records().tobytes())
    return (
        compare(
            parse(answered, built.interface), golden, built.interface["num_controls"]
        ).violations
        == 0
    )


@pytest.mark.slow
@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("case", CASES)
def test_the_program_does_what_the_reference_does_on_the_model_that_it_reads(
    case: str, storage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No tolerance for lossy storage here: against its own probabilities the compiled code is as
    exact as ever.
    """
    need_module("ziglang")
    monkeypatch.setattr(plan_coded, "LEAST_SAVING", -10_000)
    model = CASES[case]
    read = decoded_model(model, plan_coded.build(model, storage)[0])
    assert any(
        not np.array_equal(a, b)
        for a, b in zip((*model.A, *model.B), (*read.A, *read.B), strict=True)
    )
    assert proved(model, storage, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(0, 24, 2))
def test_so_it_does_for_agents_of_every_structure(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_module("ziglang")
    monkeypatch.setattr(plan_coded, "LEAST_SAVING", -10_000)
    assert proved(agent(number, 7), STORAGES[number // 2 % 3], tmp_path)


def test_the_tool_writes_the_plan_and_what_was_coded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ir.save(dense(), tmp_path / "ir")
    words = [
        "--storage",
        "palette",
        "--out",
        str(tmp_path / "plan"),
        "--facts",
        str(tmp_path / "coding.json"),
    ]
    assert quantize_plan.main(["--ir", str(tmp_path / "ir"), *words]) == 0
    assert json.loads((tmp_path / "coding.json").read_text())["storage"] == "palette"
    ir.save(dataclasses.replace(dense(), learn_A=True), tmp_path / "learning")
    assert quantize_plan.main(["--ir", str(tmp_path / "learning"), *words]) == 1
    assert "learn_A" in capsys.readouterr().err
