"""Whether lengths fit what an encoder reads."""

import pytest

from alignfreeze.config import RunConfig
from alignfreeze.encoders.stated import LENGTHS, check_length, longest_of
from alignfreeze.errors import ConfigError


@pytest.mark.parametrize(
    ("given", "longest"), [({}, 0), (300, 300), ("pos=128,qa=384", 384), ({"qa": 64}, 64)]
)
def test_the_longest_row_of_evaluation_counts(given, longest):
    assert longest_of(RunConfig(eval_max_length=given), "eval_max_length") == longest


def test_a_length_is_one_that_the_encoder_reads():
    check_length(RunConfig(eval_max_length="pos=128,qa=512"), LENGTHS, 512)
    for name in LENGTHS:
        with pytest.raises(ConfigError, match=f"^{name} must be <= 512, the encoder's, got 600$"):
            check_length(RunConfig(**{name: 600}), LENGTHS, 512)
