import pytest

from alignfreeze.contracts import FreezingStrategy, ParameterSite
from alignfreeze.testing import StrategyContract
from alignfreeze_strategies.back import BackFreezing
from alignfreeze_strategies.baseline import Baseline
from alignfreeze_strategies.front import FrontFreezing
from alignfreeze_strategies.none import NoFreezing
from alignfreeze_strategies.range import RangeFreezing


class TestBaseline(StrategyContract):
    def instances(self) -> list[FreezingStrategy]:
        return [Baseline()]


class TestNoFreezing(StrategyContract):
    def instances(self) -> list[FreezingStrategy]:
        return [NoFreezing()]


class TestFrontFreezing(StrategyContract):
    def instances(self) -> list[FreezingStrategy]:
        return [FrontFreezing(), FrontFreezing(boundary=6), FrontFreezing(embeddings=True)]


class TestBackFreezing(StrategyContract):
    def instances(self) -> list[FreezingStrategy]:
        return [BackFreezing(), BackFreezing(boundary=0), BackFreezing(embeddings=True)]


class TestRangeFreezing(StrategyContract):
    def instances(self) -> list[FreezingStrategy]:
        return [
            RangeFreezing(start=0, end=6),
            RangeFreezing(start=3, end=3),
            RangeFreezing(start=2, end=5, embeddings=True),
        ]


@pytest.mark.parametrize(
    ("strategy", "n_layers", "expected"),
    [
        (Baseline(), 4, []),
        (NoFreezing(), 4, []),
        (FrontFreezing(), 4, [0, 1]),
        (FrontFreezing(), 5, [0, 1]),
        (FrontFreezing(boundary=0), 4, []),
        (FrontFreezing(boundary=4), 4, [0, 1, 2, 3]),
        (FrontFreezing(boundary=3, embeddings=True), 4, [None, 0, 1, 2]),
        (BackFreezing(), 4, [2, 3]),
        (BackFreezing(), 5, [2, 3, 4]),
        (BackFreezing(boundary=0), 4, [0, 1, 2, 3]),
        (BackFreezing(boundary=4), 4, []),
        (BackFreezing(boundary=3, embeddings=True), 4, [None, 3]),
        (RangeFreezing(start=1, end=3), 4, [1, 2]),
        (RangeFreezing(start=2, end=2), 4, []),
        (RangeFreezing(start=0, end=1, embeddings=True), 4, [None, 0]),
    ],
)
def test_frozen_layers(
    strategy: FreezingStrategy, n_layers: int, expected: list[int | None]
) -> None:
    layers = [None, *range(n_layers)]
    assert [k for k in layers if strategy.freezes(ParameterSite("w", k), n_layers)] == expected


def test_only_baseline_does_not_realign() -> None:
    strategies = (NoFreezing, FrontFreezing, BackFreezing, RangeFreezing)
    assert not Baseline.realigns
    assert all(strategy.realigns for strategy in strategies)


def test_a_boundary_is_not_negative() -> None:
    with pytest.raises(ValueError, match="greater than or equal to 0"):
        FrontFreezing(boundary=-1)


def test_a_range_does_not_end_before_it_starts() -> None:
    with pytest.raises(ValueError, match="must be >= start, which is 3"):
        RangeFreezing(start=3, end=2)
