"""Selection of a storage: the smallest candidate within the budget, or the exact code.

Sizes are those of objects compiled for the target. A candidate passes if no step of either probe
set diverges by more than `kl` nats, no action of the model's own set has a regret above `regret`
nats, and the share of trial episodes without such an action is shown to be at least `agreement`
(one-sided, 95 % for all candidates together).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from agentc.numerics.clopper_pearson import is_shown, lower_bound
from agentc.proof.fidelity import FidelityLimits, FidelityResult, document
from agentc.quantize.trial import load
from agentc.toolchain.elf import stored

EXACT = "exact"


@dataclass(frozen=True, slots=True)
class FidelityBudget:
    """Limits of a candidate, agreement as a decimal number, and number of candidates."""

    limits: FidelityLimits
    agreement: str
    candidates: int


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """One storage: its files, proof, facts for the verdict, and reasons for its refusal."""

    storage: str
    plan: Path
    code: Path
    proof: Mapping[str, Any]
    facts: Mapping[str, Any]
    refused: tuple[str, ...] = ()


def exact_candidate(plan: Path, code: Path, proof: Path, obj: Path) -> Candidate:
    """Return the exact code as a candidate."""
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


def quantized_candidate(storage: str, paths: Sequence[Path], budget: FidelityBudget) -> Candidate:
    """Return a quantized candidate; paths = plan, coding.json, agent.c, findings, agent.o."""
    plan, coding, code, findings, obj = paths
    own, own_facts = load(findings / "probe", budget.limits)
    trial, trial_facts = load(findings / "trial", budget.limits)
    coding_facts = json.loads(coding.read_bytes())
    episodes = int(trial_facts["episodes"])
    spoilt = int(np.count_nonzero(_losing(trial).reshape(episodes, -1).any(axis=1)))
    facts = {
        **_sizes(plan, obj),
        "steps": len(own.kl) + len(trial.kl),
        "episodes": episodes,
        "kl_max": _maximum(own.kl, trial.kl).hex(),
        "regret_max": _maximum(own.regret, trial.regret).hex(),
        "max_error": max(
            [0.0, *(float.fromhex(a["max_error"]) for a in coding_facts["arrays"] if a["coded"])]
        ).hex(),
        "violating_episodes": spoilt,
        "lower_bound_episodes": lower_bound(spoilt, episodes, budget.candidates),
        "arrays": coding_facts["arrays"],
    }
    proof = document(own, own_facts, json.loads((findings / "identity.json").read_bytes()))
    return Candidate(storage, plan, code, proof, facts, tuple(_reasons(facts, own, budget)))


def _sizes(plan: Path, obj: Path) -> dict[str, int]:
    return {"bytes": stored(obj.read_bytes()), "table_bytes": (plan / "tables.bin").stat().st_size}


def _losing(result: FidelityResult) -> Any:
    """Return the steps whose regret exceeds the limit; NaN does."""
    return ~(result.regret <= result.limits.regret)


def _maximum(*arrays: Any) -> float:
    """Return the maximum; NaN propagates."""
    return float(np.concatenate(arrays).max())


def _reasons(facts: Mapping[str, Any], own: FidelityResult, budget: FidelityBudget) -> list[str]:
    """Return the exceeded limits with their numbers."""
    kl, reasons = float.fromhex(facts["kl_max"]), []
    if not kl <= budget.limits.kl:
        reasons.append(f"beliefs diverge by up to {kl:.3g} nats, kl allows {budget.limits.kl:g}")
    losing = _losing(own)
    if losing.any():
        reasons.append(
            f"{np.count_nonzero(losing)} of {len(losing)} actions of the model's own probe set "
            "lose more than "
            f"{budget.limits.regret:g} nats (regret), up to {own.regret.max():.3g}"
        )
    if not is_shown(
        budget.agreement, facts["violating_episodes"], facts["episodes"], budget.candidates
    ):
        reasons.append(
            f"{facts['violating_episodes']} of {facts['episodes']} independent episodes have an "
            "action that loses "
            f"more than {budget.limits.regret:g} nats, up to "
            f"{float.fromhex(facts['regret_max']):.3g}: at 95 % "
            f"{facts['lower_bound_episodes']} of all are right, agreement asks for "
            f"{budget.agreement}"
        )
    return reasons


def choose(asked: str, candidates: Sequence[Candidate]) -> Candidate | None:
    """Return the smallest candidate that passes.

    Returns None if the requested one is smaller than the exact code but does not pass.
    """
    for one in sorted(
        candidates, key=lambda each: int(each.facts["bytes"])
    ):  # stable: the exact one comes first
        if not one.refused:
            return one
        if asked == one.storage:
            return None
    raise AssertionError("the exact code is never refused")


def verdict(
    name: str, budget: FidelityBudget, candidates: Sequence[Candidate], taken: Candidate
) -> dict[str, Any]:
    """Return verdict.json."""
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


def explain_refusal(
    name: str, budget: FidelityBudget, before: Candidate, refused: Candidate
) -> str:
    """Explain a refused storage: its savings, and a budget that would admit it."""
    kl, regret = (
        max(limit, _round_up(float.fromhex(refused.facts[f"{word}_max"])))
        for word, limit in (("kl", budget.limits.kl), ("regret", budget.limits.regret))
    )
    wider = (
        f"raise the budget, fidelity = {{ kl = {kl:g}, regret = {regret:g}, agreement = "
        f"{budget.agreement} }}, or"
        if math.isfinite(kl) and math.isfinite(regret)
        else "no budget admits it:"
    )
    return "\n".join(
        [
            f'agent {name}: storage = "{refused.storage}" would take {refused.facts["bytes"]} '
            "bytes instead of "
            f"{before.facts['bytes']}, and is beyond its budget:",
            *(f"  {reason}" for reason in refused.refused),
            f"{wider} leave `storage` out",
        ]
    )


def _round_up(value: float) -> float:
    """Return the next two-digit number at or above the value; inf for NaN and infinity."""
    if not 0.0 < value < math.inf:
        return 0.0 if value <= 0.0 else math.inf
    unit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return float(f"{math.ceil(value / unit) * unit:.1e}")
