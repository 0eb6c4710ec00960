"""The probe: its shapes, its random numbers, and the same bytes whatever the processor offers."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import make_probe
import numpy as np
import pytest
from agentc.ir import files as ir
from agentc.numerics.counter_rng import draw, splitmix64, uniform
from agentc.oracle import action_selection as choice, agent as reference
from agentc.proof import probe

from tests.support.small_models import EXAMPLES, entangled, one_factor

TOOLS = Path(__file__).parents[4] / "rules/tools"


def written(
    model: ir.Model, folder: Path, episodes: int = 4, steps: int = 6, seed: int = 3
) -> dict[str, bytes]:
    probe.write_probe(model, folder, episodes, steps, seed)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize(
    ("model", "sizes"), [(one_factor(), (2, 1, 4, 3)), (entangled(), (3, 2, 7, 6))]
)
def test_shapes_and_meaning(model: ir.Model, sizes: tuple[int, ...], tmp_path: Path) -> None:
    files = written(model, tmp_path)
    modalities, controls, states, first = sizes
    header = json.loads(files["probe.json"])
    assert (header["modalities"], header["controls"], header["first_actions"]) == (
        modalities,
        controls,
        first,
    )
    assert header["kinds"] == ["rollout", "wander", "rollout", "random"]
    obs = np.frombuffer(files["obs.i32"], "<i4").reshape(4, 6, modalities)
    action = np.frombuffer(files["action.i32"], "<i4").reshape(4, 6, controls)
    executed = np.frombuffer(files["executed.i32"], "<i4").reshape(4, 6, controls)
    assert np.array_equal(executed[::2], action[::2]) and not np.array_equal(
        executed[1::2], action[1::2]
    )
    regret = np.frombuffer(files["regret.f64"], "<f8").reshape(4, 6, first)
    qs = np.frombuffer(files["qs.f64"], "<f8").reshape(4, 6, states)
    assert np.all((obs >= 0) & (obs < np.array(model.num_obs)))
    assert np.allclose(qs.sum(axis=-1), len(model.num_states), atol=1e-12)
    assert np.all(regret.min(axis=-1) == 0.0)
    sizes_of_choice = [model.num_controls[c] for c in model.control_factors]
    chosen = np.ravel_multi_index(tuple(np.moveaxis(action, -1, 0)), sizes_of_choice)
    assert np.all(np.take_along_axis(regret, chosen[..., None], axis=-1) <= choice.TIE)
    assert (
        np.frombuffer(files["vfe.f64"], "<f8").shape
        == np.frombuffer(files["efe.f64"], "<f8").shape
        == (24,)
    )


def test_the_seed_decides_and_nothing_else(tmp_path: Path) -> None:
    first = written(one_factor(), tmp_path / "a")
    assert first == written(one_factor(), tmp_path / "b")
    other = written(one_factor(), tmp_path / "c", seed=4)
    assert first["obs.i32"] != other["obs.i32"]


def test_more_episodes_leave_the_first_ones_alone(tmp_path: Path) -> None:
    few, many = written(one_factor(), tmp_path / "a", 2), written(one_factor(), tmp_path / "b", 4)
    assert many["qs.f64"].startswith(few["qs.f64"])


def test_roll_outs_show_only_what_the_world_can_show() -> None:
    model = entangled()
    agent = reference.prepare(model)
    for step in probe.run_episode(agent, 0, 0, 20):
        assert all(np.any(a[o] > 0.0) for a, o in zip(model.A, step.obs, strict=True))
    sharp = replace(
        one_factor(), A=(np.array([[1.0] * 4, [0.0] * 4, [0.0] * 4]), one_factor().A[1])
    )
    assert {step.obs[0] for step in probe.run_episode(reference.prepare(sharp), 0, 0, 20)} == {0}
    assert {step.obs[0] for step in probe.run_episode(reference.prepare(sharp), 0, 3, 40)} == {
        0,
        1,
        2,
    }


def test_splitmix64_gives_the_published_numbers() -> None:
    assert [f"{splitmix64(n):016x}" for n in (1, 2, 3)] == [
        "e220a8397b1dcdaf",
        "6e789e6aa1b965f4",
        "06c45d188009454f",
    ]


def test_uniform_numbers_are_spread_and_independent_of_each_other() -> None:
    drawn = np.array([uniform(7, n, s) for n in range(40) for s in range(50)])
    assert 0.0 <= drawn.min() and drawn.max() < 1.0 and abs(drawn.mean() - 0.5) < 0.03
    assert len(np.unique(drawn)) == 2000
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.08


def test_draw_never_returns_the_impossible() -> None:
    assert draw(np.array([0.0, 0.5, 0.0, 0.5, 0.0]), 0.0) == 1
    assert draw(np.array([0.0, 0.5, 0.0, 0.5, 0.0]), 1.0 - 2.0**-53) == 3
    assert draw(np.array([0.3, 0.7 - 1e-12, 0.0]), 1.0 - 2.0**-53) == 1


def test_regret_of_an_action_no_policy_begins_with_is_infinite() -> None:
    model = one_factor()
    listed = replace(model, policies=model.policies[:3], num_policies=3, policies_kind="listed")
    agent = reference.prepare(listed)
    assert np.isinf(choice.regret(agent, reference.infer_policies(agent, model.D))).tolist() == [
        False,
        True,
        True,
    ]


def test_marginal_regret_adds_up_over_controls() -> None:
    model = entangled()
    agent = reference.prepare(replace(model, sampling_mode="marginal"))
    verdict = reference.infer_policies(agent, model.D)
    lost = choice.regret(agent, verdict).reshape(2, 3)
    marginals = choice.action_marginals(agent, verdict)
    assert (
        abs(
            lost[1, 2]
            - (
                np.log(marginals[0].max() / marginals[0][1])
                + np.log(marginals[1].max() / marginals[1][2])
            )
        )
        < 1e-12
    )


def test_the_command_line_refuses_with_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ir.save(replace(one_factor(), learn_B=True), tmp_path / "ir")
    assert make_probe.main(["--ir", str(tmp_path / "ir"), "--out", str(tmp_path / "out")]) == 1
    assert "learn_B = true is not supported" in capsys.readouterr().err
    assert make_probe.main(["--ir", str(tmp_path / "none"), "--out", str(tmp_path / "out")]) == 1
    assert (
        make_probe.main(
            ["--ir", str(tmp_path / "ir"), "--out", str(tmp_path / "out"), "--steps", "0"]
        )
        == 1
    )


MACHINES: list[dict[str, str]] = [
    {"OPENBLAS_CORETYPE": "Haswell", "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "1"},
    {"OPENBLAS_CORETYPE": "Prescott", "OPENBLAS_NUM_THREADS": "2", "PYTHONHASHSEED": "2"},
    {"NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR"},
    {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-FMA,-FMA4,-AVX2"},
]


def built_on(machine: dict[str, str], folder: Path) -> dict[str, str]:
    """Digests of ingest's and probe's files for the T-maze and the grid, made under the given
    environment.
    """
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONWARNINGS": "ignore",
        **machine,
    }
    for name in ("tmaze", "grid_world"):
        sources = ["--npz", str(EXAMPLES / f"{name}.npz"), "--spec", str(EXAMPLES / f"{name}.json")]
        for tool, options in (
            ("import_npz", [*sources, "--out", str(folder / name)]),
            (
                "make_probe",
                [
                    "--ir",
                    str(folder / name),
                    "--out",
                    str(folder / f"{name}.probe"),
                    "--episodes",
                    "1",
                    "--steps",
                    "6",
                ],
            ),
        ):
            subprocess.run(
                [sys.executable, str(TOOLS / f"{tool}.py"), *options], env=environment, check=True
            )
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.slow
@pytest.mark.parametrize("machine", MACHINES, ids=lambda m: next(iter(m)))
def test_the_bytes_do_not_depend_on_the_processor(machine: dict[str, str], tmp_path: Path) -> None:
    assert built_on(machine, tmp_path / "other") == built_on({}, tmp_path / "plain")


@pytest.mark.slow
def test_numpys_own_logarithm_would_depend_on_it(tmp_path: Path) -> None:
    """Control: numpy's log does differ on these machines, so the test above can fail."""
    script = (
        "import numpy, hashlib; x = numpy.arange(1, 200001) / 1024.0; "
        "print(hashlib.sha256(numpy.log(x).tobytes() + numpy.exp(-x).tobytes()).hexdigest())"
    )
    machines: list[dict[str, Any]] = [{}, *MACHINES]
    result = {
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", script],
            check=True,
            capture_output=True,
            env={"PATH": os.environ["PATH"], **machine},
        ).stdout
        for machine in machines
    }
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    if "avx512f" not in flags and "avx2" not in flags:
        pytest.skip("this processor has only the baseline instruction set")
    assert len(result) > 1
