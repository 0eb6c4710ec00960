"""Choose how an agent is stored: the smallest of the exact code and the candidates that were asked for, if it passes.

    select_quantization.py --name scout --asked smallest --kl 0.001 --regret 0.001 --agreement 0.999
                      --exact plan/ agent.c proof.json agent.o
                      --candidate uint16 plan/ coding.json agent.c findings/ agent.o ..
                      --plan DIR --code agent.c --proof proof.json --verdict verdict.json

Sizes are those of objects compiled for the target. A candidate passes when no step of either probe set diverges by more
than `kl` nats, no action in the model's own set loses more than `regret` nats, and the share of episodes of the trial in
which none does is shown to be at least `agreement`: one-sided, at 95 % for all candidates together. `--asked` one storage
that is smaller and does not pass is refused with the numbers; of `smallest` the next one is taken, the exact code at last.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from agentc.numerics.clopper_pearson import lower_bound, shown
from agentc.proof.fidelity import Findings, Limits, document
from agentc.quantize.trial import load
from agentc.toolchain.elf import stored

EXACT = "exact"


@dataclass(frozen=True, slots=True)
class Budget:
    """What a candidate may lose; `agreement` as it is written, a decimal number; how many candidates share the level."""

    limits: Limits
    agreement: str
    candidates: int


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """One way to store the agent: its files, its proof, what the verdict says of it, why it is refused."""

    storage: str
    plan: Path
    code: Path
    proof: Mapping[str, Any]
    facts: Mapping[str, Any]
    refused: tuple[str, ...] = ()


def exact(plan: Path, code: Path, proof: Path, obj: Path) -> Candidate:
    """The code that loses nothing, proved long ago."""
    proved = json.loads(proof.read_bytes())
    same = (
        "kl_max",
        "regret_max",
        "steps",
        "episodes",
        "violating_episodes",
        "lower_bound_episodes",
    )
    facts = {
        **_sizes(plan, obj),
        "max_error": (0.0).hex(),
        "arrays": [],
        **{name: proved[name] for name in same},
    }
    return Candidate(EXACT, plan, code, proved, facts)


def candidate(storage: str, paths: Sequence[Path], budget: Budget) -> Candidate:
    """A lossy candidate, held against the budget; paths = plan, coding.json, agent.c, findings, agent.o."""
    plan, coding, code, findings, obj = paths
    own, own_facts = load(findings / "probe", budget.limits)
    trial, trial_facts = load(findings / "trial", budget.limits)
    made = json.loads(coding.read_bytes())
    episodes = int(trial_facts["episodes"])
    spoilt = int(np.count_nonzero(_losing(trial).reshape(episodes, -1).any(axis=1)))
    facts = {
        **_sizes(plan, obj),
        "steps": len(own.kl) + len(trial.kl),
        "episodes": episodes,
        "kl_max": _most(own.kl, trial.kl).hex(),
        "regret_max": _most(own.regret, trial.regret).hex(),
        "max_error": max(
            [0.0, *(float.fromhex(a["max_error"]) for a in made["arrays"] if a["coded"])]
        ).hex(),
        "violating_episodes": spoilt,
        "lower_bound_episodes": lower_bound(spoilt, episodes, budget.candidates),
        "arrays": made["arrays"],
    }
    proof = document(own, own_facts, json.loads((findings / "identity.json").read_bytes()))
    return Candidate(storage, plan, code, proof, facts, tuple(_reasons(facts, own, budget)))


def _sizes(plan: Path, obj: Path) -> dict[str, int]:
    return {"bytes": stored(obj.read_bytes()), "table_bytes": (plan / "tables.bin").stat().st_size}


def _losing(found: Findings) -> Any:
    """The steps whose action loses too much; NaN does."""
    return ~(found.regret <= found.limits.regret)


def _most(*found: Any) -> float:
    """The largest of all, NaN where there is one."""
    return float(np.concatenate(found).max())


def _reasons(facts: Mapping[str, Any], own: Findings, budget: Budget) -> list[str]:
    """What is beyond the budget, with the numbers."""
    kl, found = float.fromhex(facts["kl_max"]), []
    if not kl <= budget.limits.kl:
        found.append(f"beliefs diverge by up to {kl:.3g} nats, kl allows {budget.limits.kl:g}")
    losing = _losing(own)
    if losing.any():
        found.append(
            f"{np.count_nonzero(losing)} of {len(losing)} actions of the model's own probe set lose more than "
            f"{budget.limits.regret:g} nats (regret), up to {own.regret.max():.3g}"
        )
    if not shown(
        budget.agreement, facts["violating_episodes"], facts["episodes"], budget.candidates
    ):
        found.append(
            f"{facts['violating_episodes']} of {facts['episodes']} independent episodes have an action that loses "
            f"more than {budget.limits.regret:g} nats, up to {float.fromhex(facts['regret_max']):.3g}: at 95 % "
            f"{facts['lower_bound_episodes']} of all are right, agreement asks for {budget.agreement}"
        )
    return found


def choose(asked: str, candidates: Sequence[Candidate]) -> Candidate | None:
    """The smallest that passes; None when the one that was asked for is smaller than the exact one and does not."""
    for one in sorted(
        candidates, key=lambda each: int(each.facts["bytes"])
    ):  # stable: the exact one comes first
        if not one.refused:
            return one
        if asked == one.storage:
            return None
    raise AssertionError("the exact code is never refused")


def verdict(
    name: str, budget: Budget, candidates: Sequence[Candidate], taken: Candidate
) -> dict[str, Any]:
    """What verdict.json holds."""
    limits = {
        "kl": budget.limits.kl.hex(),
        "regret": budget.limits.regret.hex(),
        "agreement": budget.agreement,
    }
    return {
        "schema": 1,
        "agent": name,
        "limits": limits,
        "taken": taken.storage,
        "candidates": [
            {"storage": one.storage, **one.facts, "refused": list(one.refused)}
            for one in candidates
        ],
    }


def explained(name: str, budget: Budget, before: Candidate, refused: Candidate) -> str:
    """Why a storage is refused, what it would have saved, and the line that would let it pass."""
    kl, regret = (
        max(given, _wider(float.fromhex(refused.facts[f"{word}_max"])))
        for word, given in (("kl", budget.limits.kl), ("regret", budget.limits.regret))
    )
    wider = (
        f"raise the budget, fidelity = {{ kl = {kl:g}, regret = {regret:g}, agreement = {budget.agreement} }}, or"
        if math.isfinite(kl) and math.isfinite(regret)
        else "no budget admits it:"
    )
    return "\n".join(
        [
            f'agent {name}: storage = "{refused.storage}" would take {refused.facts["bytes"]} bytes instead of '
            f"{before.facts['bytes']}, and is beyond its budget:",
            *(f"  {reason}" for reason in refused.refused),
            f"{wider} leave `storage` out",
        ]
    )


def _wider(value: float) -> float:
    """The next number of two digits that is not below; NaN and infinity are infinite."""
    if not 0.0 < value < math.inf:
        return 0.0 if value <= 0.0 else math.inf
    unit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return float(f"{math.ceil(value / unit) * unit:.1e}")
