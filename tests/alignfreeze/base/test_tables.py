import pytest

from alignfreeze.base.tables import points, with_deviation


@pytest.mark.parametrize(
    ("fraction", "signed", "text"),
    [
        (None, False, "–"),
        (0.12345, False, "12.3"),
        (0.1, True, "+10.0"),
        (-0.1, True, "−10.0"),
        (-0.0001, True, "+0.0"),
    ],
)
def test_points_are_percent_with_one_decimal(fraction, signed, text):
    assert points(fraction, signed=signed) == text


def test_a_deviation_is_shown_where_there_is_one():
    assert with_deviation(0.5, 0.0123) == "50.0 ± 1.2"
    assert with_deviation(0.5, None) == "50.0"
    assert with_deviation(None, None) == "–"
