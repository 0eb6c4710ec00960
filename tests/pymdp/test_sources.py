"""The Python sources of the examples: they rebuild the committed arrays; both roads lead to the
same IR.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import import_python
import numpy as np
import pytest
from agentc.importers import npz as ingest, python as ingest_python
from agentc.importers.resolve import resolve
from agentc.ir import files as ir
from agentc.ir.types import ModelError
from agentc.oracle import action_selection as choice, agent as reference

from tests.integration.agentc.oracle.test_groups import JOINED, SHARED
from tests.support.requirements import need_module
from tests.support.small_models import EXAMPLES, NAMES, driven

pytestmark = pytest.mark.slow


def regenerate() -> Any:
    spec = importlib.util.spec_from_file_location("regenerate", EXAMPLES / "regenerate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("name", NAMES)
def test_the_sources_rebuild_what_is_committed(name: str, tmp_path: Path) -> None:
    need_module("pymdp")
    regenerate().write(name, tmp_path)
    again, committed = (
        ingest.read_npz(tmp_path / f"{name}.npz"),
        ingest.read_npz(EXAMPLES / f"{name}.npz"),
    )
    assert sorted(again) == sorted(committed)
    for key, array in committed.items():
        assert again[key].dtype == array.dtype and np.array_equal(again[key], array), key
    assert json.loads((tmp_path / f"{name}.json").read_bytes()) == json.loads(
        (EXAMPLES / f"{name}.json").read_bytes()
    )


@pytest.mark.parametrize("name", NAMES)
def test_both_roads_give_the_same_ir(name: str, tmp_path: Path) -> None:
    need_module("pymdp")
    ingest.ingest(
        EXAMPLES / f"{name}.npz",
        EXAMPLES / f"{name}.json",
        "{}",
        tmp_path / "npz",
        tmp_path / "a.json",
    )
    assert (
        import_python.main(
            [
                "--source",
                str(EXAMPLES / f"{name}.py"),
                "--out",
                str(tmp_path / "python"),
                "--labels",
                str(tmp_path / "b.json"),
            ]
        )
        == 0
    )
    assert content(tmp_path / "npz") == content(tmp_path / "python")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def plain_agent(**changes: Any) -> Any:
    """An Agent with two controlled factors and pymdp's defaults."""
    import jax.numpy as jnp
    from pymdp.agent import Agent

    A = [jnp.array(np.eye(2)[:, :, None].repeat(3, axis=2))]
    B = [jnp.array(np.eye(2)[:, :, None].repeat(2, axis=2)), jnp.array(np.eye(3)[:, :, None])]
    return Agent(**({"A": A, "B": B} | changes))


def ingested(agent: Any, folder: Path) -> ir.Model:
    model, _ = resolve(ingest_python.source_of(agent), {})
    ir.save(model, folder)
    return ir.load(folder)


def test_every_static_parameter_of_an_agent_arrives(tmp_path: Path) -> None:
    need_module("pymdp")
    agent = plain_agent(
        gamma=0.1,
        alpha=3.0,
        policy_len=2,
        num_iter=5,
        sampling_mode="marginal",
        action_selection="stochastic",
        use_utility=False,
        use_states_info_gain=False,
        inference_algo="VMP",
        inference_horizon=4,
    )
    model = ingested(agent, tmp_path)
    assert (model.gamma, model.alpha, model.policy_len, model.num_iter) == (0.1, 3.0, 2, 5)
    assert (model.sampling_mode, model.action_selection) == ("marginal", "stochastic")
    assert (model.use_utility, model.use_states_info_gain) == (False, False)
    assert (model.inference_algo, model.inference_horizon, model.policies_kind) == (
        "vmp",
        4,
        "full",
    )
    assert not model.has_E


def test_joined_controls_get_their_axes_back(tmp_path: Path) -> None:
    need_module("pymdp")
    import jax.numpy as jnp

    rng = np.random.default_rng(0)
    B = rng.random((2, 2, 2, 3)).astype(np.float32)
    joined = plain_agent(
        B=[jnp.array(B / B.sum(axis=0)), jnp.array(np.eye(3))],
        num_controls=[2, 3],
        policy_len=2,
        B_action_dependencies=[[0, 1], []],
    )
    model = ingested(joined, tmp_path)
    assert model.B_action_dependencies == ((0, 1), ()) and model.num_controls == (2, 3)
    assert model.B[0].shape == (2, 2, 2, 3) and model.num_policies == 36


def test_agents_that_cannot_be_compiled_are_refused_with_reasons() -> None:
    need_module("pymdp")
    with pytest.raises(ModelError, match="batch_size = 2"):
        ingest_python.source_of(plain_agent(batch_size=2))
    agent = plain_agent()
    with pytest.raises(ModelError, match="give the table I instead of H"):
        ingest_python.source_of(
            plain_agent(
                H=[d[0] for d in agent.D],
                use_inductive=True,
                learn_B=True,
                pB=[b[0] + 0.5 for b in agent.B],
            )
        )


@pytest.mark.parametrize(
    "carried",
    [
        {"H": "D"},
        {"I": "D"},
        {"H": "D", "I": "D"},
        {"pA": 0.0},
        {"pB": -1.0},
        {"pA": 2.0, "pB": 2.0},
        {"alpha": -1.0},
        {"alpha": float("nan")},
        {"inductive_depth": 0},
        {"inductive_depth": None},
        {"inductive_threshold": -0.5},
        {"inductive_epsilon": float("inf")},
        {"learning_mode": "never"},
        {"E": None},
        {"E": "one"},
        {"control_fac_idx": [0]},
        {"num_controls": [9, 9]},
        {"inference_horizon": None},
    ],
    ids=str,
)
def test_what_pymdp_carries_and_never_looks_at_changes_nothing(
    carried: dict[str, Any], tmp_path: Path
) -> None:
    need_module("pymdp")
    import jax.numpy as jnp

    plain = plain_agent()
    arrays = {"D": [d[0] for d in plain.D], "one": jnp.ones(1)}
    words = {
        name: [value * x[0] for x in (plain.A if name == "pA" else plain.B)]
        if name in ("pA", "pB")
        else arrays.get(value, value)
        if isinstance(value, str)
        else value
        for name, value in carried.items()
    }
    model, expected = (
        ingested(agent, tmp_path / str(n)) for n, agent in enumerate((plain_agent(**words), plain))
    )
    assert ir.header(model) == ir.header(expected) | (
        {"learning_mode": "online"} if "learning_mode" in carried else {}
    )
    assert all(
        np.array_equal(mine, theirs)
        for mine, theirs in zip(
            ir.tensors(model).values(), ir.tensors(expected).values(), strict=True
        )
    )


def test_the_same_things_count_where_their_switch_is_on() -> None:
    need_module("pymdp")
    agent = plain_agent()
    zeros = [0.0 * a[0] for a in agent.A]
    for words, message in (
        ({"use_param_info_gain": True, "pA": zeros}, "holds no count at all"),
        ({"learn_A": True, "pA": zeros}, "holds no count at all"),
        ({"action_selection": "stochastic", "alpha": -1.0}, "alpha = -1.0"),
        ({"gamma": -1.0}, "gamma = -1.0"),
    ):
        with pytest.raises(ModelError, match=message):
            resolve(ingest_python.source_of(plain_agent(**words)), {})
    goals = resolve(
        ingest_python.source_of(plain_agent(H=[d[0] for d in agent.D], use_inductive=True)), {}
    )[0]
    assert goals.I and goals.use_inductive


def test_one_policy_needs_no_precision_and_listed_policies_no_length() -> None:
    need_module("pymdp")
    import jax.numpy as jnp

    agent = plain_agent()
    listed = np.zeros((2, 3, len(agent.num_controls)), np.int32)
    listed[1, 2, int(np.argmax(agent.num_controls))] = 1
    model, _ = resolve(ingest_python.source_of(plain_agent(policies=jnp.array(listed))), {})
    assert (model.policy_len, model.num_policies, model.policies_kind) == (3, 2, "listed")
    alone, _ = resolve(
        ingest_python.source_of(plain_agent(policies=jnp.array(listed[:1]), gamma=float("nan"))), {}
    )
    assert (alone.num_policies, alone.gamma) == (1, 1.0)


def test_preferences_count_only_with_use_utility() -> None:
    need_module("pymdp")
    odd = [c[0] * float("nan") for c in plain_agent().C]
    with pytest.raises(ModelError, match="C0.*not a finite number"):
        resolve(ingest_python.source_of(plain_agent(C=odd)), {})
    assert resolve(ingest_python.source_of(plain_agent(C=odd, use_utility=False)), {})[0].C
    with pytest.raises(ModelError, match="C0.*not a finite number"):
        resolve(
            ingest_python.source_of(plain_agent(C=odd, use_utility=False)), {"use_utility": True}
        )


def test_dirichlet_counts_of_an_agent_arrive(tmp_path: Path) -> None:
    need_module("pymdp")
    agent = plain_agent()
    counts = {"pA": [4.0 * a[0] + 0.5 for a in agent.A], "pB": [2.0 * b[0] + 0.25 for b in agent.B]}
    model = ingested(plain_agent(**counts, learn_A=True, use_param_info_gain=True), tmp_path)
    for letter, arrays in (("pA", model.pA), ("pB", model.pB)):
        assert all(
            np.array_equal(result, np.asarray(values))
            for result, values in zip(arrays, counts[letter], strict=True)
        )
    assert model.learn_A and model.use_param_info_gain


@pytest.mark.parametrize("model", [JOINED, SHARED], ids=["joined", "shared"])
def test_marginal_sampling_chooses_as_pymdp_does(model: ir.Model) -> None:
    need_module("pymdp")
    import jax.numpy as jnp

    from tests.pymdp.oracle import precision, pymdp_agent

    with precision(True):
        theirs, ours = pymdp_agent(model), reference.prepare(model)
        for seed in range(12):
            rng = np.random.default_rng(seed)
            qs = tuple(rng.dirichlet(np.ones(n)) for n in model.num_states)
            q_pi, _ = theirs.infer_policies([jnp.array(q)[None, None] for q in qs])
            chosen = theirs.decode_multi_actions(theirs.sample_action(q_pi))[0]
            action, _ = choice.select(ours, reference.infer_policies(ours, qs))
            assert tuple(int(chosen[c]) for c in model.control_factors) == action


def test_control_fac_idx_means_what_pymdp_makes_of_it() -> None:
    need_module("pymdp")
    from jax import numpy as jnp
    from pymdp.agent import Agent

    source = driven([[0], [1]], (2, 3))
    agent = Agent(
        A=[jnp.array(a) for a in source.A],
        B=[jnp.array(b) for b in source.B],
        C=[jnp.array(c) for c in source.C],
        A_dependencies=[[0], [1]],
        control_fac_idx=[1],
        sampling_mode="marginal",
        policy_len=2,
    )
    model, _ = resolve(ingest_python.source_of(agent), {})
    assert np.array_equal(model.policies, np.asarray(agent.policies.policy_arr))
    ours = reference.prepare(model)
    verdict = reference.infer_policies(ours, model.D)
    action, _ = choice.select(ours, verdict)
    theirs, _ = agent.infer_policies([jnp.array(d)[None, None] for d in model.D])
    assert np.max(np.abs(np.asarray(theirs)[0] - verdict.q_pi)) < 1e-5
    assert action == tuple(int(u) for u in np.asarray(agent.sample_action(theirs))[0])
