"""Memory that is short is told of with what helps where it happened, and is not set so yet."""

import pytest

from alignfreeze.config import RunConfig
from alignfreeze.errors import ResourceError
from alignfreeze.training.memory import (
    EVALUATION,
    FINE_TUNING,
    MEASURING,
    REALIGNMENT,
    memory_for,
)


def said(options, error=None, **settings) -> str:
    config = RunConfig(**settings)
    with (
        pytest.raises(ResourceError) as told,
        memory_for("realignment", config, options),
    ):
        raise error or MemoryError("9 GB")
    return str(told.value)


def test_it_names_what_is_done_and_what_helps_most_first():
    assert said(REALIGNMENT) == (
        "realignment: memory is short (MemoryError: 9 GB); what helps: "
        "activation_checkpointing=true, precision=bf16, loss_block=64, realign_batch_size below 16,"
        " with accumulation=2, realign_max_length below 96, prefix_memory=0"
    )


@pytest.mark.parametrize("options", [REALIGNMENT, FINE_TUNING, EVALUATION, MEASURING])
def test_options_are_a_runs(options):
    assert set(options) <= RunConfig.model_fields.keys()


def test_what_is_set_so_already_is_not_named():
    line = said(
        REALIGNMENT,
        activation_checkpointing=True,
        precision="bf16",
        loss_block=8,
        prefix_memory=0,
        realign_batch_size=1,
    )
    assert line.endswith("what helps: realign_max_length below 96")


@pytest.mark.parametrize(
    ("settings", "length"),
    [({}, 256), ({"eval_max_length": 128}, 128), ({"eval_max_length": "pos=64,qa=384"}, 384)],
)
def test_evaluation_names_the_length_of_its_own_rows(settings, length):
    line = said(EVALUATION, **settings)
    assert line.endswith(f"what helps: eval_batch_size below 128, eval_max_length below {length}")


def test_other_errors_pass_and_what_was_told_is_not_told_again():
    with pytest.raises(KeyError, match="a defect"), memory_for("it", RunConfig(), FINE_TUNING):
        raise KeyError("a defect")
    with (
        pytest.raises(ResourceError, match=r"^evaluation: .*eval_batch_size below 128"),
        memory_for("fine-tuning", RunConfig(), FINE_TUNING),
        memory_for("evaluation", RunConfig(), EVALUATION),
    ):
        raise MemoryError
