"""What is maximised and minimised, against plain loops."""

import math
from statistics import mean, stdev
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignfreeze.errors import ConfigError
from alignfreeze.evaluation.scores import Score
from alignfreeze.search.objective import Key, Level, Objective, TaskScores, harmed, mean_scores
from alignfreeze.search.settings import SearchConfig

LANGUAGES = ("de", "en", "fr", "th")
SPLITS = ("validation", "test")
METRICS = {"pos": ("accuracy",), "ner": ("accuracy", "f1")}
PRIMARY = {"pos": "accuracy", "ner": "f1"}

fractions = st.floats(0, 1, allow_subnormal=False)
keys = st.builds(Key, st.sampled_from(list(PRIMARY)), st.sampled_from(LANGUAGES))
values_by_key = st.dictionaries(keys, fractions, min_size=1)


def task(name, primary="accuracy", validated=()):
    """As much of a task and its data as an objective asks for."""

    def languages(split):
        assert split == "validation"
        return list(validated)

    return SimpleNamespace(
        name=name, task=SimpleNamespace(primary_metric=primary), languages=languages
    )


DE = Key("pos", "de")
TASKS = [task(name, primary) for name, primary in PRIMARY.items()]


def objective(source="en", tasks=TASKS, **settings):
    return Objective(tasks, source, SearchConfig(**settings))


@st.composite
def results(draw):
    """Some tasks with all scores, of some seeds, the seeds in any order among the tasks."""
    seeds = draw(st.lists(st.integers(0, 99), min_size=1, max_size=4, unique=True))
    tasks = draw(st.lists(st.sampled_from(list(PRIMARY)), min_size=1, unique=True))
    return [
        TaskScores(
            name,
            seed,
            [
                Score(language, split, metric, draw(fractions))
                for language in LANGUAGES
                for split in SPLITS
                for metric in METRICS[name]
            ],
        )
        for name, seed in draw(st.permutations([(n, s) for n in tasks for s in seeds]))
    ]


def naive_values(found, source_language):
    """The values of each key, one a seed."""
    values = {}
    for name, _seed, scores in found:
        for language, split, metric, value in scores:
            if split == "validation" and metric == PRIMARY[name] and language != source_language:
                values.setdefault((name, language), []).append(value)
    return values


# Values


@given(results(), st.sampled_from(LANGUAGES))
def test_values_are_means_of_the_primary_metric_on_validation(found, source):
    values = objective(source).means(found)
    expected = {key: sum(own) / len(own) for key, own in naive_values(found, source).items()}
    assert values == pytest.approx(expected)
    assert all(str(key) == f"{key.task}/{key.language}" for key in values)


def levels_of(found, source="en", seeds=None, deviation_seeds=None):
    """Levels over some of the seeds; by default all."""
    every = {result.seed for result in found}
    compared, tested = (tuple(every if s is None else s) for s in (seeds, deviation_seeds))
    return objective(source, search_seeds=compared, final_seeds=tested).levels(found)


def as_pair(level):
    deviation = stdev(level.spread) if len(level.spread) > 1 else 0.0
    return mean(level.scores), deviation


def test_nothing_scored_has_no_values_and_no_levels():
    assert objective().means([]) == {}
    assert levels_of([], seeds=(31,), deviation_seeds=(31,)) == {}


@given(results(), st.sampled_from(LANGUAGES), st.data())
def test_levels_are_means_and_deviations_over_the_seeds_of_each(found, source, data):
    seeds = st.sets(st.sampled_from(sorted({result.seed for result in found})), min_size=1)
    mean_seeds, deviation_seeds = data.draw(seeds), data.draw(seeds)
    means = naive_values([r for r in found if r.seed in mean_seeds], source)
    spread = naive_values([r for r in found if r.seed in deviation_seeds], source)
    counted = levels_of(found, source, mean_seeds, deviation_seeds)
    assert counted.keys() == means.keys() == spread.keys()
    for key, own in means.items():
        deviation = stdev(spread[key]) if len(spread[key]) > 1 else 0.0
        assert as_pair(counted[key]) == pytest.approx((sum(own) / len(own), deviation), abs=1e-12)


def baseline_of(**by_seed):
    """A baseline's scores in German, by its seeds."""
    return [
        TaskScores("pos", int(seed[1:]), [Score("de", "validation", "accuracy", value)])
        for seed, value in by_seed.items()
    ]


def test_a_baseline_is_that_of_the_seeds_it_is_compared_with():
    """Trials with 28 and 30 % lie above a baseline that has 20 % with their seed, 40 % with all."""
    found = baseline_of(s31=0.2, s42=0.4, s66=0.6)
    own = as_pair(levels_of(found, seeds=(31,))[DE])
    assert own == pytest.approx((0.2, 0.2))
    assert as_pair(levels_of(found)[DE])[0] == pytest.approx(0.4)
    both = as_pair(levels_of(found, seeds=(31, 42), deviation_seeds=(42, 66))[DE])
    assert both == pytest.approx((0.3, math.sqrt(0.02)))


def test_the_harmed_are_those_below_the_baseline_of_their_seeds():
    found = baseline_of(s31=0.3, s42=0.9, s66=0.9, s23=0.9)
    # 0.28 is far below the mean of all seeds, and not below that of seed 31.
    assert harmed({DE: [0.28]}, levels_of(found, seeds=(31,), deviation_seeds=(42, 66, 23))) == 1
    assert harmed({DE: [0.3]}, levels_of(found, seeds=(31,), deviation_seeds=(42, 66, 23))) == 0
    assert harmed({DE: [0.3]}, levels_of(found)) == 1


@pytest.mark.parametrize(("seeds", "deviation_seeds"), [((31, 42), (31,)), ((31,), (31, 42))])
def test_a_baseline_that_lacks_a_seed_is_none(seeds, deviation_seeds):
    found = baseline_of(s31=0.2, s66=0.5)
    assert levels_of(found, seeds=seeds, deviation_seeds=deviation_seeds) == {}


@given(results())
def test_the_mean_of_scores_is_over_seeds_alone(found):
    own = [result.scores for result in found if result.task == found[0].task]
    means = mean_scores(own)
    assert [score[:3] for score in means] == [score[:3] for score in own[0]]
    for place, score in enumerate(means):
        total = sum(scores[place].value for scores in own)
        assert score.value == pytest.approx(total / len(own))


# The first objective


def by_task(values):
    found = {}
    for (name, language), value in values.items():
        found.setdefault(name, []).append((language, value))
    return list(found.values())


@given(values_by_key, st.dictionaries(st.sampled_from(LANGUAGES), st.floats(0.01, 100)))
def test_the_mean_is_of_each_task_and_weighted(values, weights):
    total, tasks = 0.0, by_task(values)
    for languages in tasks:
        weighted = sum(weights.get(language, 1.0) * value for language, value in languages)
        total += weighted / sum(weights.get(language, 1.0) for language, _ in languages)
    assert objective(weights=weights).first(values) == pytest.approx(total / len(tasks))


@given(values_by_key)
def test_the_worst_is_of_each_task(values):
    tasks = by_task(values)
    worst = [min(value for _, value in languages) for languages in tasks]
    first = objective(objectives=("worst",)).first(values)
    assert first == pytest.approx(sum(worst) / len(worst))


# Harmed


def level_of(middle, *spread):
    return Level([middle], spread)


QUARTER = (0.25, 0.5, 0.75)
"""Three seeds whose deviation is 0.25."""


@pytest.mark.parametrize(
    ("value", "level", "count"),
    [
        (0.25, level_of(0.5, *QUARTER), 0),  # a whole deviation below is not more than one
        (math.nextafter(0.25, 0), level_of(0.5, *QUARTER), 0),  # but for rounding
        (0.25 - 1e-9, level_of(0.5, *QUARTER), 1),
        (0.5, level_of(0.5, 0.3, 0.3), 0),
        (0.5 - 1e-9, level_of(0.5, 0.3, 0.3), 1),
        (0.9, level_of(1.0, 0.2), 1),  # a single seed has no deviation
        (math.nan, level_of(0.5, *QUARTER), 0),  # such a trial fails by its first objective
    ],
)
def test_harmed_is_more_than_a_deviation_below(value, level, count):
    assert harmed({DE: [value]}, {DE: level}) == count


def test_a_mean_over_seeds_is_a_deviation_below_exactly():
    """80, 81 and 83 of 240 against 85, 86, 88 with a deviation of 5: 244 / 3 = 259 / 3 - 5."""
    level = Level([85 / 240, 86 / 240, 88 / 240], [70 / 240, 75 / 240, 80 / 240])
    assert harmed({DE: [80 / 240, 81 / 240, 83 / 240]}, {DE: level}) == 0
    assert harmed({DE: [80 / 240, 81 / 240, 82 / 240]}, {DE: level}) == 1


some_scores = st.lists(fractions, min_size=1, max_size=4)


@given(st.dictionaries(keys, st.tuples(some_scores, some_scores, some_scores), min_size=1))
def test_the_harmed_are_counted(found):
    baseline = {key: Level(level, spread) for key, (_, level, spread) in found.items()}
    least = most = 0
    for own, level, spread in found.values():
        deviation = stdev(spread) if len(spread) > 1 else 0.0
        below = sum(level) / len(level) - deviation - sum(own) / len(own)
        least += below > 1e-9
        most += below > -1e-9
    assert least <= harmed({key: own for key, (own, _, _) in found.items()}, baseline) <= most


@pytest.mark.parametrize("parts", [240, 1000])
def test_exactly_one_deviation_below_is_not_harmed(parts):
    """Over many means and deviations: doubles would decide some of them by their last bit."""
    ties = [(low, apart) for low in range(0, parts // 2, 7) for apart in (1, 2, 5, 10, 20)]
    values = {Key("pos", f"x{low}-{apart}"): [low / parts] for low, apart in ties}
    baseline = {
        key: Level([(low + apart) / parts], [(low + n * apart) / parts for n in range(3)])
        for key, (low, apart) in zip(values, ties, strict=True)
    }
    assert harmed(values, baseline) == 0
    # A thousandth of a part less is.
    less = {key: [own - 0.001 / parts] for key, (own,) in values.items()}
    assert harmed(less, baseline) == len(ties)


@given(st.integers(0, 300), st.integers(1, 300), st.integers(2, 7))
def test_a_baseline_of_equal_seeds_is_not_harmed_by_itself(right, rows, seeds):
    scores = [Score("de", "validation", "accuracy", min(right, rows) / rows)]
    again = [TaskScores("pos", seed, scores) for seed in range(seeds)]
    values = objective().scores(again[:1])
    assert harmed(values, levels_of(again)) == 0


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("mean", [0.5]),
        ("worst", [0.4]),
        ("mean,harmed", [0.5, 1]),
        ("worst,harmed", [0.4, 1]),
    ],
)
def test_objectives_are_in_the_order_of_their_names(names, expected):
    scores = {1: {"de": 0.3, "fr": 0.6}, 2: {"de": 0.5, "fr": 0.6}}
    found = [
        TaskScores(
            "pos", seed, [Score(lang, "validation", "accuracy", v) for lang, v in of.items()]
        )
        for seed, of in scores.items()
    ]
    baseline = dict.fromkeys([DE, Key("pos", "fr")], level_of(0.5, 0.49, 0.5, 0.51))
    two = objective(objectives=tuple(names.split(",")))
    assert two.values(found, baseline) == pytest.approx(expected)
    one = [TaskScores("pos", 1, [Score("de", "validation", "accuracy", 0.4)])]
    assert objective().values(one, {}) == [0.4]  # one needs no baseline


# What is checked beforehand


def test_languages_with_validation_are_enough():
    tasks = [task("pos", validated=["en", "de"]), task("ner", validated=["en", "fr"])]
    objective(tasks=tasks).check()
    objective(tasks=tasks, weights={"de": 2.0, "fr": 0.5}).check()


@pytest.mark.parametrize("validated", [[], ["en"]])
def test_each_task_needs_a_target_language_with_validation(validated):
    tasks = [task("pos", validated=["en", "de"]), task("ner", validated=validated)]
    with pytest.raises(ConfigError, match=r"^task 'ner': a search selects on validation"):
        objective(tasks=tasks).check()


@pytest.mark.parametrize(("weights", "got"), [({"xx": 1.0, "de": 2.0}, "xx"), ({"en": 2.0}, "en")])
def test_a_weight_is_of_a_target_language_with_validation(weights, got):
    tasks = [task("pos", validated=["en", "fr"]), task("ner", validated=["en", "de"])]
    with pytest.raises(ConfigError, match=f"^weights must be of .*, de fr, got '{got}'$"):
        objective(tasks=tasks, weights=weights).check()
