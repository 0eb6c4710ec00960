"""Compare the target hashes of long chains."""

from __future__ import annotations

import time

from buildgraph.explain.affected import compare
from tests.unit.explain.test_affected import World, label_of


def test_a_long_chain_is_computed_in_time_and_shortened() -> None:
    start = time.process_time()
    affected = compare(World(3000).hashes(), World(3000, "y").hashes())
    assert time.process_time() - start < 20
    assert len(affected) == 3000
    assert [reason.what for reason in affected[0].reasons] == ["f.txt"]
    assert affected[-1].chain[0] == label_of("t02999") and affected[-1].chain[1] == label_of(
        "t02998"
    )
    assert affected[-1].chain[-1] == label_of("t00000") and len(affected[-1].chain) == 7
    assert affected[3].chain == tuple(label_of(f"t0000{number}") for number in (3, 2, 1, 0))
