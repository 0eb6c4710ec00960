"""The row of a changed file of a `files` target, on a few files: exact counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import peers
from tests.bench.gathered import NOOP, gathered
from tests.bench.installed import shared


@pytest.mark.slow
def test_a_changed_file_runs_one_action(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers.Ours, "binary", shared(tmp_path_factory))
    row = gathered(tmp_path, 100, 1)
    assert {name: each.ran for name, each in row.peers.items()} == {"buildgraph": [1], NOOP: [0]}
    assert {*row.ratios} == {NOOP}
