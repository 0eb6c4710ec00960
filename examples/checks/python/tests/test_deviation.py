from spread.deviation import deviation


def test_equal_numbers_have_no_spread() -> None:
    assert deviation([2, 2, 2]) == 0
