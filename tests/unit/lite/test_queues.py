"""`SimpleQueue` works with and without `_queue`."""

from __future__ import annotations

import pytest

from buildgraph.lite import queues
from tests.support.missing_modules import load_without


@pytest.mark.parametrize("module", [queues, load_without(queues, "_queue")])
def test_values_leave_a_queue_in_their_order(module: object) -> None:
    queue = getattr(module, "SimpleQueue")()
    queue.put(1)
    queue.put(2)
    assert (queue.get(), queue.get(), queue.empty()) == (1, 2, True)
