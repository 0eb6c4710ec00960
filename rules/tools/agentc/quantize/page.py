"""Report of quantization: candidates, errors and selected storage of each agent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

HEAD = (
    "",
    "bytes",
    "of tables",
    "largest error",
    "divergence",
    "regret",
    "episodes",
    "right at least",
    "",
)
NOTES = (
    "bytes           of the agent's code and tables, compiled for the target, and of its "
    "tables alone\n"
    "largest error   of any stored probability\n"
    "divergence      largest Kullback-Leibler divergence of beliefs from the float64 "
    "reference, in nats; regret: most nats lost by\n"
    "                an action; both over all steps of the model's own probe set and of "
    "the trial\n"
    "episodes        of the trial: how many had an action that lost more than regret "
    "allows, of how many\n"
    "right at least  share of all episodes that have none, at 95 % for all candidates "
    "together\n"
)


def text(agents: Mapping[str, Mapping[str, Any]]) -> str:
    """Format the report as tables."""
    return "\n".join(
        [line for name, facts in sorted(agents.items()) for line in (*_agent(name, facts), "")]
        + [NOTES]
    )


def _agent(name: str, facts: Mapping[str, Any]) -> Iterator[str]:
    limits = facts["limits"]
    kl, regret = (float.fromhex(limits[word]) for word in ("kl", "regret"))
    yield (
        f"{name}: {facts['taken']}   (budget: kl {kl:g}, regret {regret:g}, agreement "
        f"{limits['agreement']})"
    )
    rows = [HEAD, *(tuple(_cells(one, facts["taken"])) for one in facts["candidates"])]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    for row in rows:
        yield (
            "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        ).rstrip()
    for one in facts["candidates"]:
        yield from (f"  {one['storage']}: {reason}" for reason in one["refused"])
        for array in one["arrays"]:
            yield (
                f"  {one['storage']} of {array['array']}: {_grouped(array['before'])} -> "
                f"{_grouped(array['after'])} bytes, "
                + (
                    f"off by up to {float.fromhex(array['max_error']):.1e}, a column by "
                    f"{float.fromhex(array['max_column_error']):.1e}"
                    if array["coded"]
                    else "left as it is"
                )
            )


def _cells(one: Mapping[str, Any], taken: str) -> Iterator[str]:
    yield from (one["storage"], _grouped(one["bytes"]), _grouped(one["table_bytes"]))
    yield from (f"{float.fromhex(one[word]):.1e}" for word in ("max_error", "kl_max", "regret_max"))
    yield f"{_grouped(one['violating_episodes'])} of {_grouped(one['episodes'])}"
    yield one["lower_bound_episodes"]
    yield "taken" if one["storage"] == taken else "refused" if one["refused"] else ""


def _grouped(number: int) -> str:
    return f"{number:,}".replace(",", " ")
