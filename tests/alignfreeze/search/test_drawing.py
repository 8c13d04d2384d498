import pytest

from alignfreeze.search.drawing import layer_ticks, log_ticks


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.02, 1, [0.02, 0.05, 0.1, 0.2, 0.5, 1]),
        (0.03, 0.3, [0.05, 0.1, 0.2]),
        (0.11, 0.13, [0.11, 0.13]),
        (0.1, 0.1, [0.1]),
    ],
)
def test_logarithmic_ticks_are_round(low, high, ticks):
    assert log_ticks(low, high) == ticks


def test_few_layers_are_all_labelled():
    assert layer_ticks(6) == [0, 1, 2, 3, 4, 5, 6]
    assert layer_ticks(12)[-1] == 12
    assert layer_ticks(24) == list(range(0, 25, 2))
