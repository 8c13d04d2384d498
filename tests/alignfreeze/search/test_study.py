"""A study by its name: what it is made of, what it remembers, and what it refuses."""

import re
from contextlib import contextmanager

import optuna
import pytest
from optuna.pruners import HyperbandPruner, NopPruner
from optuna.samplers import TPESampler
from optuna.study import StudyDirection
from optuna.trial import TrialState

from alignfreeze.config import RunConfig
from alignfreeze.errors import ConfigError
from alignfreeze.runs.identity import HOW_FIELDS
from alignfreeze.search import study as studies
from alignfreeze.search.settings import FREE_FIELDS, SearchConfig
from alignfreeze.search.study import (
    StageMedianPruner,
    find_study,
    open_study,
    study_name,
)
from alignfreeze.workers.queue import retry
from alignfreeze.workers.storage import open_storage

CONFIG = RunConfig(languages=("de", "fr"))
SETTINGS = SearchConfig(pruner="none", launcher="submitit")

OTHER_SETTINGS = {
    "study": "mine",
    "storage": "sqlite:///other.db",
    "trials": 3,
    "minutes": 1.0,
    "search_strategies": ("front", "back"),
    "search_objectives": ("contrastive",),
    "space": "space.yaml",
    "objectives": ("worst",),
    "weights": {"de": 2.0},
    "search_seeds": (31, 42),
    "final_seeds": (31,),
    "references": (),
    "finalists": 1,
    "sampler": "random",
    "pruner": "hyperband",
    "reports": 1,
    "report_rows": 7,
    "workers": 2,
    "launcher": "ray",
    "launcher_args": {"num_cpus": 2},
    "heartbeat": 5,
}
"""Another value of each option."""

OTHER_CONFIG = {
    "data": "folder",
    "model": "other",
    "task": ("ner",),
    "temperature": 0.2,
    "strategy": "back",
    "strategy_args": {"boundary": 3},
    "languages": ("de",),
    "seed": 42,
    "realign_steps": 5,
    "finetune_epochs": 1.0,
}


@pytest.fixture(autouse=True)
def quiet_optuna():
    before = optuna.logging.get_verbosity()
    yield
    optuna.logging.set_verbosity(before)


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'optuna.db'}"


def changed(before, /, **values):
    """A configuration with other values, validated."""
    return type(before).model_validate(before.model_dump() | values)


@contextmanager
def opened(config, settings, url, *, name):
    """A study as a search opens it."""
    with open_storage(url, settings.heartbeat, retry) as storage:
        yield open_study(storage, name, config, settings)


# Names


def test_each_option_has_another_value_to_test_with():
    assert OTHER_SETTINGS.keys() == SearchConfig.model_fields.keys()
    for name, value in OTHER_SETTINGS.items():
        assert getattr(SETTINGS, name) != value


@pytest.mark.parametrize("name", sorted(OTHER_SETTINGS.keys() - set(FREE_FIELDS)))
def test_the_name_depends_on_what_scores_depend_on(name):
    other = changed(SETTINGS, **{name: OTHER_SETTINGS[name]})
    assert study_name(CONFIG, other, "") != study_name(CONFIG, SETTINGS, "")


@pytest.mark.parametrize("name", FREE_FIELDS)
def test_the_name_does_not_depend_on_what_is_free(name):
    other = changed(SETTINGS, **{name: OTHER_SETTINGS[name]})
    assert study_name(CONFIG, other, "") == study_name(CONFIG, SETTINGS, "")


@pytest.mark.parametrize("name", OTHER_CONFIG)
def test_the_name_depends_on_the_runs(name):
    other = changed(CONFIG, **{name: OTHER_CONFIG[name]})
    assert study_name(other, SETTINGS, "") != study_name(CONFIG, SETTINGS, "")


def test_the_name_does_not_depend_on_how_a_run_gets_there():
    values = {"resume": True, "reuse": False, "save_model": True, "checkpoint_steps": 7}
    values |= {"prefix_memory": 1, "activation_checkpointing": True, "missing": "error"}
    values |= {"tracking_wait": 1, "system_metrics": True, "save_predictions": False}
    values |= {"register": "tagger", "register_encoder": "encoder", "keep_optimizer": True}
    assert values.keys() == HOW_FIELDS
    other = changed(CONFIG, **values)
    assert study_name(other, SETTINGS, "") == study_name(CONFIG, SETTINGS, "")


def test_the_name_depends_on_what_the_space_file_says():
    texts = ["", "temperature: 0.1", "temperature: 0.2"]
    names = {study_name(CONFIG, SETTINGS, text) for text in texts}
    assert len(names) == len(texts)


@pytest.mark.parametrize(
    "plugin",
    [
        "strategy 'front'",
        "strategy 'baseline'",
        "objective 'contrastive'",
        "task 'pos'",
        "aligner 'dictionary'",
    ],
)
def test_the_name_depends_on_the_code_of_the_plugins(plugin, monkeypatch):
    before = study_name(CONFIG, SETTINGS, "")
    own = studies.codes(CONFIG, SETTINGS)
    assert f"version of {plugin}" in own
    codes = own | {f"version of {plugin}": "other code"}
    monkeypatch.setattr(studies, "codes", lambda *args: codes)
    assert study_name(CONFIG, SETTINGS, "") != before


def test_the_plugins_are_those_that_trials_run():
    config = RunConfig(task=("ner", "pos"), aligner="pharaoh")
    settings = SearchConfig(search_strategies=("back", "range"))
    plugins = ("strategy 'back'", "strategy 'range'", "objective 'contrastive'",
               "strategy 'baseline'", "task 'ner'", "task 'pos'", "aligner 'pharaoh'")  # fmt: skip
    assert list(studies.codes(config, settings)) == [
        *(studies.VERSION, "version of a library"), *(f"version of {name}" for name in plugins)
    ]  # fmt: skip
    searched = studies.codes(config, settings, ("pharaoh", "auto"))
    assert list(searched)[-2:] == [
        "version of aligner 'pharaoh'",
        "version of aligner 'dictionary'",
    ]


def test_what_a_study_was_begun_with_is_told(url):
    identity = {"model": "1", "precision": "2", "version of strategy 'front'": "3"}
    with opened(CONFIG, SETTINGS, url, name="mine") as study:
        study.remember(studies.IDENTITY, identity)
        assert study.begun_with(identity) == ""
        other = identity | {"version of strategy 'front'": "4"}
        assert study.begun_with(other) == "another version of strategy 'front'"
        other["model"] = "2"
        told = "another model, another version of strategy 'front'"
        assert study.begun_with(other) == told
        # As earlier versions have left it.
        study.remember(studies.IDENTITY, "0123abcd")
        assert study.begun_with(identity) == "another version of alignfreeze"


def test_all_names_tell_what_they_are_of():
    name = study_name(CONFIG, SETTINGS, "")
    assert re.fullmatch("alignfreeze-[0-9a-f]{12}", name)
    assert name == study_name(CONFIG, SETTINGS, "")


# What is opened


def test_a_new_study_has_three_empty_queues(url):
    with opened(CONFIG, SETTINGS, url, name="mine") as study:
        assert (study.name, study.config, study.settings) == ("mine", CONFIG, SETTINGS)
        queues = study.baseline, study.trials, study.final
        names = [queue.study.study_name for queue in queues]
        assert names == ["mine:baseline", "mine", "mine:final"]
        assert [queue.counts().total for queue in queues] == [0, 0, 0]


def test_a_study_that_is_opened_again_is_the_same(url):
    with opened(CONFIG, SETTINGS, url, name="mine") as study:
        study.trials.study.enqueue_trial({})
        study.baseline.study.enqueue_trial({})
    with opened(CONFIG, SETTINGS, url, name="mine") as study:
        assert study.trials.counts().waiting == 1
        assert study.baseline.counts().waiting == 1
        assert study.final.counts().total == 0


@pytest.mark.parametrize(
    ("objectives", "directions"),
    [
        (("worst",), [StudyDirection.MAXIMIZE]),
        (("mean", "harmed"), [StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE]),
    ],
)
def test_harmed_is_minimised_in_the_search_alone(url, objectives, directions):
    settings = SearchConfig(objectives=objectives)
    with opened(CONFIG, settings, url, name="mine") as study:
        assert study.trials.study.directions == directions
        for queue in (study.baseline, study.final):
            assert queue.study.directions == [StudyDirection.MAXIMIZE]


@pytest.mark.parametrize(
    ("pruner", "kind"),
    [("auto", StageMedianPruner), ("hyperband", HyperbandPruner), ("none", NopPruner)],
)
def test_a_study_has_its_pruner_where_it_is_found_too(url, pruner, kind):
    with opened(CONFIG, SearchConfig(pruner=pruner), url, name="mine") as study:
        assert type(study.trials.study.pruner) is kind
    with find_study("mine", url) as study:
        assert type(study.trials.study.pruner) is kind


def test_hyperband_knows_how_often_a_trial_reports(url):
    config = CONFIG.model_copy(update={"task": ("pos", "ner")})
    settings = SearchConfig(pruner="hyperband", reports=3, search_seeds=(1, 2, 3))
    with opened(config, settings, url, name="mine") as study:
        assert study.trials.study.pruner._max_resource == 3 * 2 * (3 + 1)


def test_a_claimed_trial_is_drawn_by_a_sampler_of_its_own(url):
    with opened(CONFIG, SearchConfig(), url, name="mine") as study:
        drawn = []
        for _ in range(2):
            study.trials.study.enqueue_trial({})
            claim = study.trials.claim()
            assert type(claim.trial.study.sampler) is TPESampler
            drawn.append(claim.trial.suggest_float("x", 0, 1))
    assert drawn[0] != drawn[1]


def test_what_a_study_remembers_is_there_for_others(url):
    with opened(CONFIG, SETTINGS, url, name="mine") as study:
        assert study.known("run_id") is None
        study.remember("run_id", "abc")
        study.remember("things", {"a": [1, None]})
    with find_study("mine", url) as study:
        assert study.run_id == "abc"
        assert study.known("things") == {"a": [1, None]}


def test_the_models_of_each_study_and_run_have_a_folder(url, tmp_path, monkeypatch):
    monkeypatch.setenv("ALIGNFREEZE_CACHE", str(tmp_path / "cache"))
    folders = []
    for name, run in (("mine", "abc"), ("mine", "abd"), ("other", "abd")):
        with opened(CONFIG, SETTINGS, url, name=name) as study:
            study.remember("run_id", run)
            folders.append(study.models)
            assert study.models == study.models
    assert len(set(folders)) == len(folders)
    assert {folder.parent for folder in folders} == {tmp_path / "cache" / "search"}


# Other options


@pytest.mark.parametrize("name", FREE_FIELDS)
def test_free_options_may_differ(url, name, write):
    values = OTHER_SETTINGS | {"space": str(write("space.yaml", ""))}
    other = changed(SETTINGS, **{name: values[name]})
    with opened(CONFIG, SETTINGS, url, name="mine"):
        pass
    with opened(CONFIG, other, url, name="mine") as study:
        assert study.settings == other


@pytest.mark.parametrize("name", sorted(OTHER_SETTINGS.keys() - set(FREE_FIELDS)))
def test_other_settings_are_refused_by_name(url, name):
    other = changed(SETTINGS, **{name: OTHER_SETTINGS[name]})
    was, asked = (s.model_dump(mode="json")[name] for s in (SETTINGS, other))
    message = (
        f"study 'mine' was begun with other options: {name} was {was!r}, not {asked!r}; "
        "give it another name"
    )
    with opened(CONFIG, SETTINGS, url, name="mine"):
        pass
    with (
        pytest.raises(ConfigError, match=f"^{re.escape(message)}$"),
        opened(CONFIG, other, url, name="mine"),
    ):
        pass


def test_all_options_of_the_runs_that_differ_are_named(url):
    other = changed(CONFIG, temperature=0.2, strategy="back")
    with opened(CONFIG, SETTINGS, url, name="mine"):
        pass
    with (
        pytest.raises(
            ConfigError,
            match=r"strategy was 'front', not 'back', temperature was 0\.1, not 0\.2; give",
        ),
        opened(other, SETTINGS, url, name="mine"),
    ):
        pass


def test_a_refused_study_is_as_it_was(url):
    with opened(CONFIG, SETTINGS, url, name="mine") as study:
        before = dict(study.trials.study.user_attrs)
    other = changed(SETTINGS, objectives=("mean", "harmed"))
    with (
        pytest.raises(ConfigError, match="objectives was"),
        opened(CONFIG, other, url, name="mine"),
    ):
        pass
    with opened(CONFIG, SETTINGS, url, name="mine") as study:
        assert study.trials.study.user_attrs == before
        assert study.trials.study.directions == [StudyDirection.MAXIMIZE]


def test_the_content_of_the_space_file_counts_not_its_place(url, write):
    first, moved = write("a.yaml", "temperature: 0.1\n"), write("b/c.yaml", "temperature: 0.1\n")
    settings = SearchConfig(space=str(first))
    with opened(CONFIG, settings, url, name="mine"):
        pass
    with opened(CONFIG, SearchConfig(space=str(moved)), url, name="mine") as study:
        assert study.known(studies.SPACE) == "temperature: 0.1\n"
    first.write_text("temperature: 0.2\n", "utf-8")
    for other in (settings, SearchConfig()):
        with (
            pytest.raises(ConfigError, match="other options: the space file's content; give"),
            opened(CONFIG, other, url, name="mine"),
        ):
            pass


# What is found


def test_a_worker_finds_what_the_study_was_begun_with(url):
    settings = SearchConfig(
        objectives=("mean", "harmed"), weights={"de": 2.0}, search_seeds=(1, 2), heartbeat=40
    )
    own = {"strategy_args": {"boundary": 3}, "layer": (-1, -2)}
    config = RunConfig(task=("pos", "ner"), tracking_wait=7, checkpoint_steps=5, **own)
    with opened(config, settings, url, name="mine") as study:
        study.trials.study.enqueue_trial({})
    with find_study("mine", url) as study:
        assert study.config == config
        # What is to be tested beside the best is the coordinator's affair.
        assert study.settings == settings.model_copy(update={"references": ()})
        assert study.trials._storage.get_heartbeat_interval() == 40
        claim = study.trials.claim()
        assert study.trials.finish(claim.trial, TrialState.COMPLETE, [0.5, 1.0], {})
    with opened(config, settings, url, name="mine") as study:
        assert [trial.values for trial in study.trials.trials()] == [[0.5, 1.0]]


def test_a_study_that_is_not_there_lists_those_that_are(url):
    for name in ("second", "first"):
        with opened(CONFIG, SETTINGS, url, name=name):
            pass
    optuna.create_study(study_name="foreign", storage=url)
    for name in ("mine", "foreign", "first:baseline"):
        message = rf"^study '{name}' is not .*; studies that are: first, second$"
        with pytest.raises(ConfigError, match=message), find_study(name, url):
            pass


def test_looking_for_a_study_makes_no_storage(url, tmp_path):
    with pytest.raises(ConfigError, match="there is no such file"), find_study("mine", url):
        pass
    assert not list(tmp_path.iterdir())


def test_a_study_of_another_program_is_left_alone(url):
    foreign = optuna.create_study(study_name="mine", storage=url, direction="maximize")
    foreign.add_trial(optuna.trial.create_trial(value=1.0))
    optuna.create_study(study_name="minimised", storage=url, direction="minimize")
    for name in ("mine", "minimised"):
        message = f"^study '{name}' is not one of AlignFreeze's; give it another name$"
        with pytest.raises(ConfigError, match=message), opened(CONFIG, SETTINGS, url, name=name):
            pass


def test_how_a_run_gets_there_may_differ(url):
    with opened(CONFIG, SETTINGS, url, name="mine"):
        pass
    with opened(changed(CONFIG, checkpoint_steps=7), SETTINGS, url, name="mine") as study:
        assert study.config.checkpoint_steps == 7


def test_a_worker_keeps_to_the_memory_that_was_asked_for_last(url):
    for megabytes in (100, 7):
        with opened(changed(CONFIG, prefix_memory=megabytes), SETTINGS, url, name="mine"):
            pass
    with find_study("mine", url) as study:
        assert study.config.prefix_memory == 7
