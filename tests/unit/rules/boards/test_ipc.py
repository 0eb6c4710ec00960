"""Instructions per cycle: every core has a range, and the catalogue's cores a source."""

from __future__ import annotations

from rules.boards.catalogue import BOARDS
from rules.boards.ipc import ANY, IPC, ipc_range


def test_ranges_are_ordered_and_have_sources() -> None:
    for name, ipc in [*IPC.items(), ("any", ANY)]:
        assert 0 < ipc.least < ipc.most <= ANY.most and ipc.source, name


def test_an_unlisted_core_has_the_widest_range() -> None:
    assert ipc_range("apple-m4") == ANY
    assert all(ANY.least <= ipc.least and ipc.most <= ANY.most for ipc in IPC.values())


def test_the_arm_cores_of_the_catalogue_are_listed() -> None:
    arm = {board.uarch for board in BOARDS.values() if board.uarch.startswith("cortex-")}
    assert arm and arm <= IPC.keys()
