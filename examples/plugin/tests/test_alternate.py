import pytest
from alignfreeze_example import AlternateFreezing

from alignfreeze.contracts import FreezingStrategy, ParameterSite
from alignfreeze.testing import StrategyContract


class TestAlternateFreezing(StrategyContract):
    def instances(self) -> list[FreezingStrategy]:
        return [AlternateFreezing(), AlternateFreezing(every=3, offset=1)]


@pytest.mark.parametrize(
    ("every", "offset", "expected"),
    [(2, 0, [0, 2, 4]), (2, 1, [1, 3, 5]), (3, 0, [0, 3]), (3, 2, [2, 5]), (2, 6, [])],
)
def test_freezes_every_nth_layer(every: int, offset: int, expected: list[int]) -> None:
    strategy = AlternateFreezing(every=every, offset=offset)
    layers = [k for k in range(6) if strategy.freezes(ParameterSite("weight", k), 6)]
    assert layers == expected
    assert not strategy.freezes(ParameterSite("embeddings.weight", None), 6)


def test_every_must_be_at_least_two() -> None:
    with pytest.raises(ValueError, match="greater than or equal to 2"):
        AlternateFreezing(every=1)
