"""Ledger of the cache: sums, damaged lines, and compaction."""

from __future__ import annotations

import os
import time
from pathlib import Path

from buildgraph.store.ledger import LEDGER, append_to_ledger, compact_ledger, totals


def test_totals_are_sums_since_the_first_build(tmp_path: Path) -> None:
    began = int(time.time())
    append_to_ledger(str(tmp_path), (2, 300, 1, 40))
    append_to_ledger(str(tmp_path), (1, 10, 3, 500))
    since, *counts = totals(str(tmp_path))
    assert began <= since <= time.time() and counts == [2, 3, 310, 4, 540]


def test_without_a_ledger_all_totals_are_zero(tmp_path: Path) -> None:
    assert totals(str(tmp_path)) == (0,) * 6
    append_to_ledger(str(tmp_path / "missing"), (1, 1, 1, 1))
    assert os.listdir(tmp_path) == []


def test_damaged_lines_are_ignored(tmp_path: Path) -> None:
    (tmp_path / LEDGER).write_bytes(
        b"\xff damaged\n1 2 3\n100 1 2 3 4 5\n-1 1 1 1 1 1\n7 1 1 1 1 1"
    )
    assert totals(str(tmp_path)) == (7, 2, 3, 4, 5, 6)


def test_a_ledger_over_64_kib_becomes_one_line_with_the_same_totals(tmp_path: Path) -> None:
    path = tmp_path / LEDGER
    path.write_text("1600000000 1 2 3 4 5\n" * 100)
    compact_ledger(str(tmp_path))
    assert path.read_text().count("\n") == 100
    path.write_text("1600000000 1 2 3 4 5\n" * 4000)
    before = totals(str(tmp_path))
    compact_ledger(str(tmp_path))
    assert path.read_text().count("\n") == 1 and totals(str(tmp_path)) == before
