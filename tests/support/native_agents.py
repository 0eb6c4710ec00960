"""Agents for the tests of the native compiler: random models of every shape, shipped examples,
programs.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import emit_agent
import emit_program
import import_npz
import make_probe
import numpy as np
import plan_agent
import prove_native
import pytest
from agentc.importers import inductive
from agentc.ir import files as ir
from agentc.ir.files import F64, Model
from agentc.toolchain.zig import SMALL, host_target, link_program

from tests.support.compiled_objects import compiled
from tests.support.once import once
from tests.support.requirements import need_module

EXAMPLES = Path(__file__).parents[2] / "examples/pymdp/models"
EXAMPLE_NAMES = ("tmaze", "graph_world", "grid_world", "cue_chaining")
SEEN = '{"scout":[1],"picker":[0,1,2]}'
X86 = ("x86_64-linux-musl", "x86_64_v3")
Sizes = Sequence[int]


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a random model; one control a factor; `reads` are the B_dependencies, by default the
    own factor.
    """

    states: tuple[int, ...]
    outcomes: tuple[int, ...]
    parents: tuple[tuple[int, ...], ...]
    controls: tuple[int, ...]
    policy_len: int = 2
    reads: tuple[tuple[int, ...], ...] = ()

    @property
    def B_dependencies(self) -> tuple[tuple[int, ...], ...]:
        """The factors that each transition reads."""
        return self.reads or tuple((f,) for f in range(len(self.states)))


SHAPES = {
    "one_factor": Shape((7,), (6, 3), ((0,), (0,)), (4,), 3),
    "still_factor": Shape((5, 4), (6, 3, 4), ((0, 1), (0,), (1,)), (3, 1)),
    "two_moving": Shape((3, 4, 2), (6, 3, 5), ((0, 1, 2), (2, 0), (1,)), (3, 2, 1)),
    "nothing_moves": Shape((3, 2), (4,), ((1, 0),), (1, 1)),
    "crossed": Shape(
        (3, 2, 4), (5, 3), ((0, 2), (1,)), (2, 1, 3), reads=((0, 2), (0, 1), (1, 2, 0))
    ),
}


def columns(random: np.random.Generator, shape: Sizes, density: float = 0.6) -> F64:
    """Random columns with zeros, small noise and a guaranteed entry."""
    x = random.random(tuple(shape)) * (random.random(tuple(shape)) < density)
    x += 1e-3 * (random.random(tuple(shape)) < 0.3)
    x[0] += x.sum(axis=0) == 0.0
    return np.asarray(x / x.sum(axis=0))


def make(
    A: Sequence[F64], B: Sequence[F64], parents: Sequence[Sizes], controls: Sizes, **other: Any
) -> Model:
    """A model with full policies; `other` overrides parameters, also C, D and policy_len."""
    policy_len = other.get("policy_len", 2)
    policies = other.pop("policies", ir.full_policies(controls, policy_len))
    factors = tuple((f,) for f in range(len(B)))
    fields: dict[str, Any] = {
        "num_obs": tuple(len(a) for a in A),
        "num_states": tuple(len(b) for b in B),
        "num_controls": tuple(controls),
        "A_dependencies": tuple(tuple(row) for row in parents),
        "B_dependencies": factors,
        "B_action_dependencies": factors,
        "C_time_varying": (False,) * len(A),
        "policy_len": policy_len,
        "policies_kind": "full",
        "has_E": "E" in other,
        "gamma": 4.0,
        "alpha": 1.0,
        "num_iter": 16,
        "inference_algo": "fpi",
        "inference_horizon": None,
        "action_selection": "deterministic",
        "sampling_mode": "full",
        "use_utility": True,
        "use_states_info_gain": True,
        "use_param_info_gain": False,
        "use_inductive": False,
        "inductive_depth": 1,
        "inductive_threshold": 0.1,
        "inductive_epsilon": 1e-3,
        "categorical_obs": False,
        "learning_mode": "online",
        "learn_A": False,
        "learn_B": False,
        "learn_C": False,
        "learn_D": False,
        "learn_E": False,
        "A": tuple(A),
        "B": tuple(B),
        "C": tuple(np.zeros(len(a)) for a in A),
        "D": tuple(np.full(len(b), 1.0 / len(b)) for b in B),
        "E": None,
        **other,
    }
    return ir.normalise(Model(**fields, policies=policies, num_policies=len(policies)))


def random_model(kind: str, seed: int = 0, **other: Any) -> Model:
    """A random model of one of SHAPES."""
    shape, random = SHAPES[kind], np.random.default_rng(seed)
    A = [
        columns(random, (o, *(shape.states[f] for f in row)))
        for o, row in zip(shape.outcomes, shape.parents)
    ]
    B = [
        columns(random, (n, *(shape.states[d] for d in row), u))
        for n, row, u in zip(shape.states, shape.B_dependencies, shape.controls)
    ]
    values = {
        "C": tuple(random.normal(size=o) for o in shape.outcomes),
        "policy_len": shape.policy_len,
        "B_dependencies": shape.B_dependencies,
        **other,
    }
    A, B = values.pop("A", A), values.pop("B", B)
    return make(A, B, shape.parents, shape.controls, **values)


def ring(states: int = 5, policy_len: int = 3, noise: float = 0.0, **other: Any) -> Model:
    """A walk on a ring (stay, left, right) seen through `noise`: moves commute, so many policies
    coincide.
    """
    step = [np.roll(np.eye(states), shift, axis=0) for shift in (0, -1, 1)]
    seen = (1.0 - noise) * np.eye(states) + noise / states
    return make(
        [seen],
        [np.stack(step, axis=2)],
        [(0,)],
        (3,),
        policy_len=policy_len,
        **{"C": (np.arange(states) / 3.0,), **other},
    )


def planning(model: Model, depth: int = 3, **other: Any) -> Model:
    """The model with inductive planning towards the last state of each factor."""
    goals = [np.eye(n)[-1] for n in model.num_states]
    rows = inductive.reachability(goals, model.B, model.inductive_threshold, depth)
    return ir.normalise(
        replace(
            model,
            use_inductive=True,
            I=tuple(rows),
            inductive_lengths=(depth,) * len(rows),
            **other,
        )
    )


def example(name: str, folder: Path) -> Model:
    """One of the shipped models, through the npz door."""
    argv = [
        "--npz",
        str(EXAMPLES / f"{name}.npz"),
        "--spec",
        str(EXAMPLES / f"{name}.json"),
        "--inference",
        "{}",
    ]
    assert import_npz.main([*argv, "--out", str(folder / "ir")]) == 0
    return ir.load(folder / "ir")


@dataclass(frozen=True, slots=True)
class Compiled:
    """The files of one agent on its way through the chain."""

    name: str
    folder: Path

    @property
    def interface(self) -> dict[str, Any]:
        """The content of interface.json."""
        document: dict[str, Any] = json.loads((self.folder / "plan/interface.json").read_bytes())
        return document

    def path(self, name: str) -> str:
        """A file of this agent, for argv."""
        return str(self.folder / name)


def emitted(model: Model, name: str, folder: Path) -> Compiled:
    """ir -> plan -> C."""
    folder.mkdir(parents=True, exist_ok=True)
    result = Compiled(name, folder)
    ir.save(model, folder / "ir")
    assert plan_agent.main(["--ir", result.path("ir"), "--out", result.path("plan")]) == 0
    assert (
        emit_agent.main(
            ["--plan", result.path("plan"), "--name", name, "--out", result.path("agent.c")]
        )
        == 0
    )
    return result


def probed(agent: Compiled, episodes: int = 4, steps: int = 16) -> None:
    """The reference's golden steps."""
    size = ["--episodes", str(episodes), "--steps", str(steps)]
    assert make_probe.main(["--ir", agent.path("ir"), "--out", agent.path("probe"), *size]) == 0


def proved(agent: Compiled) -> int:
    """Exit code of the proof."""
    return prove_native.main(
        [
            agent.path("agent.c"),
            "--name",
            agent.name,
            "--interface",
            agent.path("plan/interface.json"),
            "--probe",
            agent.path("probe"),
            "--out",
            agent.path("proof.json"),
        ]
    )


def main_text(
    agents: Sequence[Compiled], folder: Path, links: Sequence[Mapping[str, str]] = (), *words: str
) -> Path:
    """main.c of a program; agents that have a proof are tested by --selftest."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "links.json").write_text(json.dumps(list(links)))
    argv = ["--links", str(folder / "links.json"), "--out", str(folder / "main.c"), *words]
    for agent in agents:
        argv += ["--interface", f"{agent.name}={agent.path('plan/interface.json')}"]
        if (agent.folder / "proof.json").exists():
            argv += [
                "--proof",
                f"{agent.name}={agent.path('proof.json')}",
                "--probe",
                f"{agent.name}={agent.path('probe')}",
            ]
    assert emit_program.main(argv) == 0
    return folder / "main.c"


def linked(
    agents: Sequence[Compiled],
    main: Path,
    target: tuple[str, str] | None = None,
    flags: Sequence[str] = (),
) -> Path:
    """The program for a target (default: this machine); `flags` are added for the agents."""
    chosen = target or host_target()
    folder = main.parent / f"{chosen[1]}{''.join(flags)}"
    folder.mkdir()
    objects = [folder / "main.o"]
    compiled(main, chosen, objects[0], SMALL)
    for agent in agents:
        objects.append(folder / f"{agent.name}.o")
        compiled(agent.folder / "agent.c", chosen, objects[-1], flags)
    link_program(objects, chosen[0], folder / "program")
    return folder / "program"


def two_agents(factory: pytest.TempPathFactory) -> list[Compiled]:
    """scout: 5 outcomes, 3 actions; picker: 6, 3 and 4 outcomes, 3 actions; both proved.

    They are made once a session.
    """
    need_module("ziglang")
    models = {"scout": ring(), "picker": random_model("still_factor", seed=6)}

    def work(folder: Path) -> None:
        for name, model in models.items():
            agent = emitted(model, name, folder / name)
            probed(agent, episodes=2, steps=8)
            assert proved(agent) == 0

    folder = once(factory, "two-agents", work)
    return [Compiled(name, folder / name) for name in models]


def talk(program: Path, lines: Sequence[str | bytes], *words: str) -> list[Any]:
    """One answer a line."""
    data = b"".join((line.encode() if isinstance(line, str) else line) + b"\n" for line in lines)
    done = subprocess.run(
        [str(program), *words], input=data, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done
    return [json.loads(line) for line in done.stdout.splitlines()]
