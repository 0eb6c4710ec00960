"""Evidence of a gate: what each check measured, how, on what, against which limit.

Every gate writes one JSON file: `{"schema": 1, "gate": ..., "verdict": ..., "checks": [...]}`. The
exit code of its program says whether the build may keep the verdict:

    0   passed or not checked; the same inputs give the same verdict, so it is cached
    1   failed; never cached
    75  passed or not checked, but not cached: it depends on this host or on chance
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from agentc.errors import refuse

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
Verdict = Literal["passed", "failed", "not checked"]
VERDICTS: tuple[Verdict, ...] = ("failed", "not checked", "passed")
"""The worst first."""
UNCACHED = 75  # EX_TEMPFAIL of sysexits.h


@dataclass(frozen=True)
class Check:
    """One check of a gate and its verdict.

    `name` is unique within the gate. `how` is the method ("headers of all layers"), `on` what it
    was applied to ("the image", "emulated cortex-a76"). `why` gives the reason of a verdict that is
    not "passed", in one sentence; `fix` says what to change. `key` is the key of the export's table
    that sets the limit, such as "budget.memory"; its line in BUILD.toml is named.
    """

    name: str
    verdict: Verdict
    how: str
    on: str
    measured: Json = None
    limit: Json = None
    unit: str = ""
    why: str = ""
    fix: str = ""
    key: str = ""


def judge(checks: Sequence[Check]) -> Verdict:
    """Return the verdict of a gate: that of its worst check; ValueError without a check."""
    if not checks:
        raise ValueError("a gate has at least one check")
    return min((check.verdict for check in checks), key=VERDICTS.index)


def encode(gate: str, checks: Sequence[Check], tests: Json = None) -> str:
    """Return the evidence as JSON with sorted keys; ValueError if two checks have one name.

    `tests` are rows [FILE, CLASS, TEST, OUTCOME], of a gate that runs tests.
    """
    names = [check.name for check in checks]
    if len(set(names)) < len(names):
        raise ValueError(f"gate {gate}: two checks have one name: {names}")
    rows = [
        {key: value for key, value in asdict(check).items() if value not in ("", None)}
        for check in checks
    ]
    document: dict[str, Json] = {
        "checks": rows,
        "gate": gate,
        "schema": 1,
        "verdict": judge(checks),
    }
    if tests is not None:
        document["tests"] = tests
    return json.dumps(document, indent=1, sort_keys=True, allow_nan=False) + "\n"


def conclude(
    gate: str, checks: Sequence[Check], out: Path, *, cached: bool = True, tests: Json = None
) -> int:
    """Write the evidence, print each refusal, and return the exit code of the program.

    Without `cached` the next build runs the gate again even if it passed. `tests` as in `encode`.
    """
    out.write_text(encode(gate, checks, tests), encoding="utf-8")
    failed = [check for check in checks if check.verdict == "failed"]
    if not failed:
        return 0 if cached else UNCACHED
    rows = [(f"{check.name}: {check.why}", check.key.split("."), check.fix) for check in failed]
    if all(check.key for check in failed):
        return refuse("\n".join(what for what, _, _ in rows), rows)
    for what, _, fix in rows:
        print(f"{what}; {fix}" if fix else what, file=sys.stderr)
    return 1
