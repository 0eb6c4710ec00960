"""Fitness: each check of an image and its program passes, and fails for its own reason."""

from __future__ import annotations

from typing import Any

import pytest
from readiness.fitness import checks

FIT: dict[str, Any] = {
    "arch": "arm64",
    "image_arch": "arm64",
    "image_bytes": 1000,
    "memory_bytes": 2000,
    "static": True,
    "user": "65532:65532",
}


def failed(limits: tuple[int, int] = (0, 0), **changes: Any) -> dict[str, str]:
    results = checks({**FIT, **changes}, "arm64", *limits)
    return {check.name: check.why for check in results if check.verdict == "failed"}


def test_what_fits_passes_with_its_numbers() -> None:
    results = {check.name: check for check in checks(FIT, "arm64", 1000, 2000)}
    assert {check.verdict for check in results.values()} == {"passed"}
    assert (results["image"].measured, results["image"].limit, results["image"].unit) == (
        1000,
        1000,
        "bytes",
    )
    assert checks(FIT, "arm64", 0, 0)[-1].limit is None


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
        "image": "1000 bytes, the budget is 999",
        "memory": "2000 bytes, the budget is 1999",
    }
    over = checks(FIT, "arm64", 0, 1999)[-1]
    assert over.key == "budget.memory" and 'memory = "2KiB" or more' in over.fix
