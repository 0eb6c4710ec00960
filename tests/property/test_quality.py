"""Gates of sources give the verdicts of full runs, whatever is edited between them."""

from __future__ import annotations

import pytest

from tests.property.quality_edits import run


@pytest.mark.parametrize(("tool", "edits"), [("mypy", 6), ("pytest", 4), ("flake8", 4)])
def test_verdicts_after_random_edits_are_those_of_full_runs(tool: str, edits: int) -> None:
    """`python -m tests.property.quality_edits mypy 300` makes more edits and prints them."""
    first, *later = run(tool, edits, seed=3)
    assert min(later) < first, "no edit left verdicts in place"
