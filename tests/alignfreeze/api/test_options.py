from typing import get_type_hints

import pytest

from alignfreeze.api.options import (
    LinkOptions,
    ProbeOptions,
    RealignmentOptions,
    TextOptions,
    configuration,
)
from alignfreeze.config import About, Command, Phase, RunConfig, fields_with

OTHERWISE = {
    "data": "pairs",
    "model": "encoder",
    "realign_languages": "pairs",
    "strategy": "a parameter of its own",
    "objective": "a parameter of its own",
    "pair_quality": "pairs",
    "aligner": "a parameter of its own",
    "alignment_pairs": "probe",
}
"""Options of realignment that are given otherwise, and how."""


def test_every_option_of_realignment_can_be_given_by_its_name():
    decide = fields_with(RunConfig, lambda role: Phase.REALIGNMENT in role.phases)
    memory = fields_with(
        RunConfig, lambda r: r.about is About.MEMORY and Command.REALIGN in r.commands
    )
    assert set(RealignmentOptions.__annotations__) == {*decide, *memory} - set(OTHERWISE)
    assert set(OTHERWISE) <= {*decide}


@pytest.mark.parametrize("options", [LinkOptions, TextOptions, ProbeOptions, RealignmentOptions])
def test_all_are_options_of_a_run(options):
    assert set(get_type_hints(options)) <= RunConfig.model_fields.keys()


def test_what_is_not_given_is_as_in_a_run():
    made = configuration("realign", RealignmentOptions, {"layer": -2})
    assert made == RunConfig(layer=(-2,))
