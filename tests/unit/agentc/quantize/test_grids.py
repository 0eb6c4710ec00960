"""The coder of lossy storage: its grids, what it promises of every entry and column, and that the C
reads the same numbers.
"""

from __future__ import annotations

import numpy as np
import pytest
from agentc.ir.files import F64
from agentc.quantize.grids import SIZE, STORAGES, encode, grid
from hypothesis import given, settings, strategies as st

weights = st.lists(st.one_of(st.just(0.0), st.floats(1e-12, 1.0)), min_size=1, max_size=12)


def distribution(values: list[float]) -> F64:
    """A column that sums to 1."""
    array = np.array(values) + (0.0 if any(values) else 1.0)
    return np.asarray(array / array.sum())


@pytest.mark.parametrize("storage", STORAGES)
@settings(max_examples=60, deadline=None)
@given(columns=st.lists(weights, min_size=1, max_size=6))
def test_every_code_stands_next_to_its_value_and_columns_keep_their_sums(
    storage: str, columns: list[list[float]]
) -> None:
    parts = [distribution(each) for each in columns]
    values = np.concatenate(parts)
    column = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    levels = grid(storage, values)
    codes = encode(values, column, levels)
    output = levels[codes]
    assert np.array_equal(output == 0.0, values == 0.0), (
        "what is possible stays possible, and nothing else becomes so"
    )
    below = np.searchsorted(levels, values, side="right") - 1
    assert np.all((codes == below) | (codes == below + 1))
    for number, part in enumerate(parts):
        own = output[column == number]
        steps = (
            np.diff(levels)[np.minimum(codes[column == number], len(levels) - 2)]
            if len(levels) > 1
            else np.zeros(1)
        )
        short = part[part > 0.0] < levels[levels > 0.0].min()
        if not short.any():
            assert abs(own.sum() - part.sum()) <= max(steps.max(), 2.0**-24 * len(own))


@given(st.lists(st.integers(1, 4000), min_size=2, max_size=12))
def test_uint16_columns_sum_to_one_exactly(counts: list[int]) -> None:
    values = np.array(counts) / sum(counts)
    levels = grid("uint16", values)
    codes = encode(values, np.zeros(len(values), np.int64), levels)
    assert levels[codes].sum() == 1.0
    assert np.array_equal(encode(levels[codes], np.zeros(len(values), np.int64), levels), codes), (
        "coded again it stays"
    )


def test_the_grids() -> None:
    assert np.array_equal(grid("uint16", np.zeros(0)) * 65536, [*range(65535), 65536])
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(float)
    assert np.array_equal(
        grid("fp16", np.zeros(0)), np.unique(halves[(halves >= 0.0) & (halves <= 1.0)])
    )
    for storage in STORAGES:
        levels = grid(storage, np.geomspace(1e-9, 1.0, 3000))
        assert np.all(np.diff(levels) > 0.0) and np.array_equal(levels, levels.astype(np.float32))


def test_a_palette_of_few_values_is_exact_and_of_many_as_near_as_it_can_be() -> None:
    few = np.array([0.0, 0.25, 0.125, 0.625, 1.0])
    assert np.array_equal(grid("palette", few), np.sort(few))
    many = np.geomspace(1e-4, 0.5, 5000)
    levels = grid("palette", many)
    nearest = levels[np.argmin(np.abs(np.log(many)[:, None] - np.log(levels)), axis=1)]
    worst = float(np.abs(np.log(many / nearest)).max())
    assert len(levels) <= SIZE and worst <= 1.02 * np.log(0.5 / 1e-4) / (2 * SIZE)


@pytest.mark.parametrize("storage", STORAGES)
def test_nothing_is_coded_as_nothing(storage: str) -> None:
    assert len(encode(np.zeros(0), np.zeros(0, np.int64), grid(storage, np.zeros(0)))) == 0


def test_a_palette_keeps_zero_and_one() -> None:
    levels = grid("palette", np.concatenate([[0.0, 1.0], np.random.default_rng(1).random(4000)]))
    assert levels[0] == 0.0 and levels[-1] == 1.0 and len(levels) <= SIZE


def test_one_step_of_rounding_does_not_add_up() -> None:
    """512 equal entries of half a step each: nearest levels would lose half of the column."""
    values = np.full(512, 1.0 / 512 + 2.0**-18)
    levels = grid("uint16", values)
    column = np.zeros(512, np.int64)
    assert abs(levels[encode(values, column, levels)].sum() - values.sum()) <= 2.0**-17
