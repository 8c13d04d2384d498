"""What identifies all that a study's trials share."""

import shutil
from pathlib import Path

import pytest

from alignfreeze.data.finding import find_data
from alignfreeze.data.language_subsets import drawn as drawn_of
from alignfreeze.data.uriel import has_uriel
from alignfreeze.errors import ConfigError, MissingSplitError
from alignfreeze.runs import preparation
from alignfreeze.search.context import TrialContext
from alignfreeze.search.settings import build_search

PARALLEL = "parallel text or alignment of it"


@pytest.fixture
def data(tmp_path, cache) -> Path:
    """A copy of the corpus, which a test may change."""
    return Path(shutil.copytree(find_data("demo").root, tmp_path / "data"))


def identity(data: Path | str, space: str, **more: str) -> dict[str, str]:
    given = {"preset": "demo", "data": str(data), "languages": "de", "aligner": "dictionary"}
    config, settings = build_search({**given, **more})
    return TrialContext(config, settings, space).identity


def changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
    return [name for name in before if before[name] != after[name]]


@pytest.mark.parametrize("name", ["parallel/en-ru.ru", "dictionaries/en-ru.txt"])
def test_text_that_only_some_trials_read_is_part_of_it(data, name):
    space = "realign_languages: ['de', 'de,ru']\n"
    before = identity(data, space)
    file = data / name
    lines = file.read_text("utf-8").splitlines()
    file.write_text("\n".join([*lines[:-1], lines[-2], ""]), "utf-8")
    assert changed(before, identity(data, space)) == [PARALLEL]


def test_all_languages_are_those_that_have_text(data):
    every = "realign_languages: ['de', 'all']\n"
    before = identity(data, every)
    file = data / "parallel" / "en-zh.zh"
    lines = file.read_text("utf-8").splitlines()
    file.write_text("\n".join([*lines[:-1], lines[-2], ""]), "utf-8")
    assert changed(before, identity(data, every)) == [PARALLEL]


@pytest.mark.skipif(not has_uriel(), reason="needs lang2vec")
def test_languages_that_are_chosen_are_part_of_it(data):
    """Of random ones all that some seed draws."""
    given = {"search_seeds": "1,2", "final_seeds": "1,2,3"}
    for space, named in (
        ("realign_languages: [nearest:3, de]", "realign_languages: ['de,es,ru', de]"),
        ("realign_languages: [diverse:1, ru]", "realign_languages: [de, ru]"),
    ):
        one, other = identity(data, space, **given), identity(data, named, **given)
        assert one[PARALLEL] == other[PARALLEL]
    drawn = {
        code
        for seed in (1, 2, 3)
        for code in drawn_of(["ar", "de", "el", "es", "hi", "ru", "tr", "zh"], 2, seed)
    }
    space = "realign_languages: [random:2, de]"
    named = f"realign_languages: ['{','.join(sorted(drawn))}', de]"
    assert identity(data, space, **given)[PARALLEL] == identity(data, named, **given)[PARALLEL]


def test_more_languages_than_there_are_end_it_before_the_first_trial(data):
    with pytest.raises(ConfigError, match=r"must choose at most 8 .*, got 'random:9'"):
        identity(data, "realign_languages: [random:2, random:9]")


def test_text_that_no_trial_reads_is_not(data):
    space = "temperature: [0.1, 0.2]\n"
    before = identity(data, space)
    for name in ("parallel/en-ru.ru", "dictionaries/en-ru.txt"):
        (data / name).unlink()
    assert changed(before, identity(data, space)) == []


def test_text_that_the_hub_lacks_costs_its_language_alone(demo_hub, monkeypatch):
    source = demo_hub(texts=["cs"])
    monkeypatch.setattr(preparation, "find_data", lambda data, max_pairs: source)
    german, both = "realign_languages: ['de']\n", "realign_languages: ['de', 'cs,de']\n"
    assert changed(identity("hub", german), identity("hub", both)) == []
    with pytest.raises(MissingSplitError, match=r"no parallel text of cs \(no text\)"):
        identity("hub", both, missing="error")


def test_a_file_that_another_aligner_reads_is_part_of_it(data):
    space = "aligner: [dictionary, pharaoh]\n"
    links = data / "parallel" / "en-de.align"
    n_lines = len((data / "parallel" / "en-de.en").read_text("utf-8").splitlines())
    links.write_text("0-0\n" * n_lines)
    before = identity(data, space)
    links.write_text("0-0\n" * (n_lines - 1) + "\n")
    assert changed(before, identity(data, space)) == [PARALLEL]


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize(
    ("searched", "prepared"), [("sentence,contrastive", "contrastive"), ("sentence", "sentence")]
)
def test_words_are_linked_where_a_trial_may_take_them(searched, prepared):
    given = {"preset": "demo", "languages": "de", "alignment_pairs": "0", "objective": "sentence"}
    context = TrialContext(*build_search({**given, "search_objectives": searched}), None)
    assert context.base.config.objective == prepared
    assert context.config.objective == "sentence"
    assert bool(context.base.corpora[0].stats.links) is (prepared == "contrastive")
