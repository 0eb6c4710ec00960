import pytest
from spread.mean import mean


def test_the_mean_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError):
        mean([])
