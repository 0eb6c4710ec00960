"""Output buffer: both ends of a long output."""

from __future__ import annotations

import pytest

from buildgraph.sandbox.output_buffer import OutputBuffer

HALF = 1 << 19


@pytest.mark.parametrize("size", [0, 1, HALF, HALF + 1, 2 * HALF])
def test_up_to_1_mib_is_kept_unchanged(size: int) -> None:
    buffer, data = OutputBuffer(), bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    for at in range(0, size, 60_000):
        buffer.add(data[at : at + 60_000])
    assert buffer.text() == data


def test_the_middle_of_a_longer_output_is_left_out() -> None:
    buffer = OutputBuffer()
    for number in range(5):
        buffer.add(b"%d" % number * HALF)
    assert buffer.text() == b"0" * HALF + b"\n... 1572864 bytes left out ...\n" + b"4" * HALF
