import copy

import pytest

import alignfreeze
from alignfreeze.errors import ConfigError, DataError

OPTIONS = {"realign_max_length": 64, "precision": "fp32"}
LANGUAGES = ["de", "ru"]


@pytest.fixture(scope="module")
def demo(small_cache):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALIGNFREEZE_CACHE", str(small_cache))
        return alignfreeze.load_demo(LANGUAGES, pairs=60)


def measured(demo, encoders=None, **options):
    given = {"dictionaries": demo.dictionaries, **OPTIONS, **options}
    return alignfreeze.probe(encoders or demo.encoder, demo.tokenizer, demo.pairs, **given)


def test_one_row_a_number(demo):
    found = measured(demo)
    assert set(found["encoder"]) == {"encoder"}
    assert set(found["measure"]) == {"alignment", "alignment_weak"}
    keys = ["language", "layer", "measure", "direction"]
    assert len(found) == len(found.drop_duplicates(keys)) == 2 * 4 * 2 * 2
    assert found["value"].between(0, 1).all()
    assert (found.groupby("language")["words"].nunique() == 1).all()


def test_drift_is_from_the_first_encoder(demo):
    after = copy.deepcopy(demo.encoder)
    alignfreeze.realign(
        after,
        demo.tokenizer,
        demo.pairs,
        dictionaries=demo.dictionaries,
        strategy_args={"embeddings": True},
        realign_steps=3,
        realign_lr=3e-3,
        **OPTIONS,
    )
    found = measured(demo, {"before": demo.encoder, "same": demo.encoder, "after": after})
    drift = found[found["measure"] == "drift"].pivot_table(
        index="layer", columns=["encoder", "language"], values="value"
    )
    assert set(drift.columns) == {(n, c) for n in ("same", "after") for c in ("en", "de", "ru")}
    assert drift["same"].abs().max().max() < 1e-9
    assert drift["after"].loc[:1].abs().max().max() < 1e-9  # frozen
    assert (drift["after"].loc[2:] > 0).all().all()
    words = found.groupby("language")["words"].first()
    assert words["en"] == words["de"] + words["ru"]


def test_it_is_what_a_run_measures(demo, experiment, cache):
    """A run holds pairs out; measured on those, both say the same."""
    whole = {"pair_limit": 60, "languages": LANGUAGES, "realign_languages": LANGUAGES, **OPTIONS}
    outcome = alignfreeze.run_realign({**whole, "alignment_pairs": 6, "realign_steps": 2})
    held_out = {code: [pairs[n * 10] for n in range(6)] for code, pairs in demo.pairs.items()}
    found = measured(demo._replace(pairs=held_out))
    strong = found[found["measure"] == "alignment"].groupby(["language", "layer"])["value"].mean()
    assert len(strong) == 8
    assert outcome.run_id
    from mlflow.artifacts import load_text
    from mlflow.tracking import MlflowClient

    uri = MlflowClient().get_run(outcome.run_id).info.artifact_uri
    rows = [line.split(",") for line in load_text(f"{uri}/alignment.csv").splitlines()[1:]]
    for (language, layer), value in strong.items():
        own = [
            float(row[5])
            for row in rows
            if row[:4] == ["pretrained", language, str(layer), "strong"]
        ]
        assert sum(own) / len(own) == pytest.approx(value)


@pytest.mark.parametrize(
    ("options", "error", "rule"),
    [
        ({"dictionaries": None}, ConfigError, "de: nothing says which words translate .* aligner$"),
        ({"encoders": {}}, ConfigError, "encoders must name at least one"),
        ({"encoders": "bert"}, ConfigError, "encoder must be a transformers model, .*'bert'"),
        ({"temperature": 1}, ConfigError, "temperature is not an option of probe"),
        ({"realign_max_length": 600}, ConfigError, "realign_max_length must be <= 128"),
        ({"dictionaries": {"de": {"do": "tun"}}, "pairs": {"de": [("x", "y")]}}, DataError, "none"),
    ],
)
def test_what_is_wrong_is_told(demo, options, error, rule):
    given = {"encoders": demo.encoder, "pairs": demo.pairs, "dictionaries": demo.dictionaries}
    given |= {"tokenizer": demo.tokenizer, **options}
    with pytest.raises(error, match=rule):
        alignfreeze.probe(**given)
