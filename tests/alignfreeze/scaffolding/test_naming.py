import pytest

from alignfreeze.contracts.registry import KINDS
from alignfreeze.errors import ConfigError
from alignfreeze.scaffolding.naming import SUFFIXES, plugin_names


def test_the_parts_are_named_after_the_plugin():
    names = plugin_names("lower_third-2", "strategy")
    assert names.group == "alignfreeze.strategies"
    assert names.distribution == "alignfreeze-lower-third-2"
    assert names.package == "alignfreeze_lower_third_2"
    assert names.class_name == "LowerThird2Freezing"
    assert plugin_names("nearest-aligner", "aligner").class_name == "NearestAligner"
    assert plugin_names("wide-margin", "objective").class_name == "WideMarginObjective"


def test_all_kinds_of_plugins_can_be_made():
    assert set(SUFFIXES) == {kind.noun for kind in KINDS}


@pytest.mark.parametrize(
    "name",
    ["", "Upper", "3d", "a.b", "a=b", "a,b", "a--b", "a-", "-a", "ä", "a b", "a" * 25, "../a"],
)
def test_a_name_must_fit_everywhere(name):
    with pytest.raises(ConfigError, match=r"^a plugin's name must begin with a .*, got '"):
        plugin_names(name, "task")


@pytest.mark.parametrize(
    ("name", "kind", "what"),
    [
        ("front", "strategy", "there is a strategy of that name, of alignfreeze "),
        ("pawsx", "task", "there is a task of that name, of alignfreeze-example "),
        ("auto", "aligner", "aligner=auto means something else"),
        ("example", "task", "a distribution alignfreeze-example is installed"),
        ("tasks", "strategy", "there is a package alignfreeze_tasks"),
    ],
)
def test_a_name_must_be_new(name, kind, what):
    with pytest.raises(ConfigError, match=f"^a plugin's name must be new, got '{name}': {what}"):
        plugin_names(name, kind)


def test_another_kind_may_have_the_name():
    assert plugin_names("front", "task").class_name == "FrontTask"
