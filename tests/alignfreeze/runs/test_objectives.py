import pytest

from alignfreeze.config import validated
from alignfreeze.errors import AlignFreezeError
from alignfreeze.runs import pipeline
from alignfreeze.runs.objectives import objective_choice, tell_idle

OF_DISTANCE = "changes nothing, since objective distance has none"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"objective": "distance", "temperature": 0.05}, [f"temperature=0.05 {OF_DISTANCE}"]),
        ({"objective": "distance", "projection": 0}, [f"projection=0 {OF_DISTANCE}"]),
        ({"objective": "distance"}, []),
        ({"temperature": 0.05, "projection": 64}, []),
        ({"objective": "sentence", "temperature": 0.05, "projection": 0}, []),
        (
            {"realign_weight": 0.5, "realign_when": "after"},
            ["realign_weight=0.5 changes nothing, since realign_when is after, not during"],
        ),
        ({"realign_weight": 0.5, "realign_when": "before+during"}, []),
    ],
)
def test_what_is_given_and_not_read_is_told(options, told, caplog):
    config = validated(options)
    tell_idle(config, objective_choice(config))
    assert caplog.messages == told


@pytest.mark.parametrize(("strategy", "told"), [("none", True), ("baseline", False)])
@pytest.mark.usefixtures("cache", "experiment")
def test_a_run_that_realigns_tells(strategy, told, caplog):
    options = {"objective": "distance", "temperature": "0.05", "languages": "de", "layer": "99"}
    with pytest.raises(AlignFreezeError, match="layer"):
        pipeline.run({**options, "strategy": strategy, "compare": ","})
    assert (f"temperature=0.05 {OF_DISTANCE}" in caplog.messages) is told
