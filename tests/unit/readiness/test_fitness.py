"""Fitness: each check of an image and its program passes, and fails for its own reason."""

from __future__ import annotations

from typing import Any

import pytest
from readiness.fitness import Limits, checks, format_bytes

FIT: dict[str, Any] = {
    "arch": "arm64",
    "image_arch": "arm64",
    "image_bytes": 1000,
    "memory_bytes": 2000,
    "static": True,
    "user": "65532:65532",
}


def failed(limits: tuple[int, int] = (0, 0), **changes: Any) -> dict[str, str]:
    results = checks({**FIT, **changes}, "arm64", Limits(*limits), {})
    return {check.name: check.why for check in results if check.verdict == "failed"}


def test_what_fits_passes_with_its_numbers() -> None:
    results = {check.name: check for check in checks(FIT, "arm64", Limits(1000, 2000), {})}
    assert {check.verdict for check in results.values()} == {"passed"}
    assert (results["image"].measured, results["image"].limit, results["image"].unit) == (
        1000,
        1000,
        "bytes",
    )
    assert checks(FIT, "arm64", Limits(), {})[-1].limit is None


@pytest.mark.parametrize(
    ("changes", "name", "why"),
    [
        ({"arch": "amd64"}, "arch", "the board is arm64, and this is amd64"),
        ({"image_arch": "amd64"}, "image arch", "the board is arm64, and this is amd64"),
        ({"static": False}, "static", "the program requires a dynamic linker"),
        ({"user": "root:0"}, "user", "the image runs as the superuser"),
        ({"user": ""}, "user", "the image runs as the superuser"),
    ],
)
def test_each_fact_fails_alone(changes: dict[str, Any], name: str, why: str) -> None:
    results = failed(**changes)
    assert list(results) == [name] and results[name].startswith(why)


def test_a_limit_is_exact_and_says_what_is_enough() -> None:
    assert failed((1000, 2000)) == {}
    assert failed((999, 1999)) == {
        "image": "needs 1000 bytes, the budget says 999 bytes",
        "memory": "needs 2000 bytes, the budget says 1999 bytes",
    }
    over = checks(FIT, "arm64", Limits(0, 1999), {"scout": 900})[-1]
    assert over.key == "budget.memory"
    assert over.fix == (
        'raise budget.memory to "2KiB", or make the agents smaller: storage = "smallest"'
    )


@pytest.mark.parametrize(("limit", "name"), [(33 << 20, "mapper"), (38 << 20, "scout")])
def test_the_agent_to_drop_is_the_smallest_that_is_enough(limit: int, name: str) -> None:
    agents = {"scout": 3 << 20, "mapper": 11 << 20, "picker": 20 << 20}
    measured = {**FIT, "memory_bytes": 40 << 20}
    over = checks(measured, "arm64", Limits(0, limit), agents)[-1]
    assert over.why == f"needs 40 MiB, the budget says {limit >> 20} MiB"
    size = f"{agents[name] >> 20} MiB"
    assert f'raise budget.memory to "40960KiB", or drop agent `{name}`, {size}, or' in over.fix


def test_sizes_have_units() -> None:
    assert [format_bytes(n) for n in (1023, 1536, 37 << 20, 5 << 29)] == [
        "1023 bytes",
        "1.5 KiB",
        "37 MiB",
        "2.5 GiB",
    ]
