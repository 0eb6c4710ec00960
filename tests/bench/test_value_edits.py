"""The row of an edited value, on a small graph: exact counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import peers
from tests.bench.installed import shared
from tests.bench.value_edits import NOOP, WHOLE, value


@pytest.mark.slow
def test_an_edited_value_runs_one_action(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers.Ours, "binary", shared(tmp_path_factory))
    row = value(tmp_path, 20, 1)
    assert {name: each.ran for name, each in row.peers.items()} == {
        "buildgraph": [1],
        NOOP: [0],
        WHOLE: [20],
    }
    assert {*row.ratios} == {NOOP, WHOLE}
