"""Every option says what it is for, and all that lists options asks for that."""

import pytest
from pydantic import BaseModel

from alignfreeze.benchmark.settings import BenchmarkConfig
from alignfreeze.config import Command, Phase, Role, RunConfig, StudyRole, fields_with, role_of
from alignfreeze.config.roles import About
from alignfreeze.search.settings import SearchConfig

RUN_ROLES = {name: role_of(RunConfig, name) for name in RunConfig.model_fields}


@pytest.mark.parametrize("model", [RunConfig, SearchConfig, BenchmarkConfig])
def test_every_option_has_one_role(model):
    wanted = Role if model is RunConfig else StudyRole
    for name in model.model_fields:
        assert isinstance(role_of(model, name), wanted)


def test_a_field_without_a_role_is_told_of():
    class Forgetful(BaseModel):
        """Has an option that is nobody's."""

        forgotten: int = 0

    with pytest.raises(LookupError, match=r"Forgetful\.forgotten must have one role, got \[\]"):
        fields_with(Forgetful, lambda role: True)


def test_a_role_contradicts_itself_nowhere():
    for name, role in RUN_ROLES.items():
        assert isinstance(role, Role)
        inert = role.about in (About.MEMORY, About.COURSE)
        assert not (inert and (role.phases or role.read)), name
        # An option of fine-tuning that says how that realigns is told of as one of realignment.
        within = role.phases is Phase.FINETUNING and role.content
        assert role.settings_of in (Phase.BOTH if within else role.phases), name
        assert not (role.content and not role.phases), name
        # What decides the encoder is the encoder's, where one is evaluated that is there already.
        assert not (role.phases is Phase.REALIGNMENT and Command.EVALUATE in role.commands), name
        # A search draws its own values of what can be searched.
        assert role.fixed or Command.SEARCH in role.commands, name


def test_what_a_realignment_takes_decides_its_result_or_its_data():
    taken = fields_with(RunConfig, lambda role: Command.REALIGN in role.commands)
    realigning = fields_with(RunConfig, lambda role: Phase.REALIGNMENT in role.phases)
    assert set(realigning) <= set(taken)
