"""The demo's parallel text scored, and realigned without its worst pairs."""

import functools
import gzip
import json
import shutil

import pytest
from datasets import Dataset

from alignfreeze.alignment.corpus import aligned_corpora
from alignfreeze.alignment.quality import read_scores
from alignfreeze.cli.main import main
from alignfreeze.config import RunConfig, build_config
from alignfreeze.data.bitexts import find_bitexts
from alignfreeze.data.finding import find_data
from alignfreeze.errors import AlignFreezeError, ConfigError, DataError
from alignfreeze.runs import pipeline
from alignfreeze.scoring import score_files, texts
from alignfreeze.scoring.settings import build_score
from alignfreeze.scoring.texts import open_reader, score_texts
from alignfreeze.tracking import store

N_PAIRS = 120


@pytest.fixture
def folder(small_cache, tmp_path, monkeypatch, on_cpu):
    """A copy of the demo's data, and a cache of its own."""
    monkeypatch.setenv("ALIGNFREEZE_CACHE", str(small_cache))
    shutil.copytree(find_data("demo").root, tmp_path / "data")
    monkeypatch.setenv("ALIGNFREEZE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "data"


@pytest.fixture(autouse=True)
def one_encoder(monkeypatch):
    """What loads and tries an encoder does so once for all tests."""
    monkeypatch.setattr(texts, "open_reader", _opened)


@functools.cache
def _opened_at(layer):
    return open_reader(RunConfig(model="demo", precision="fp32", layer=layer))


def _opened(config):
    return _opened_at(config.layer)


def options_of(folder, **options):
    return {"data": str(folder), "model": "demo", "precision": "fp32", **options}


def score(folder, **options):
    return list(score_texts(*build_score(options_of(folder, **{"languages": "de", **options}))))


def test_a_run_drops_what_score_has_scored_worst(folder, experiment):
    main(["score", *(f"--{name}={v}" for name, v in options_of(folder, languages="de").items())])
    path = folder / "parallel/en-de.scores"
    scores = read_scores(path, folder / "parallel/en-de.en")
    assert len(scores) == N_PAIRS
    assert len(set(scores.tolist())) > N_PAIRS / 2
    run = options_of(
        folder, preset="demo", realign_languages="de", realign_steps="2", pair_quality="0.25"
    )
    outcome = pipeline.realign_only(run)
    assert outcome.run_id
    config = build_config(run)
    (corpus,) = aligned_corpora(find_data(config.data), config, ["de"])
    assert corpus.stats.low_quality == N_PAIRS / 4
    plain = config.model_copy(update={"pair_quality": 0.0})
    (whole,) = aligned_corpora(find_data(config.data), plain, ["de"])
    assert len(whole) > len(corpus)
    assert store.find_realignment(outcome.run_id) is not None


def test_scores_that_are_there_are_replaced_only_by_force(folder, monkeypatch):
    first = score(folder, languages="de,ru")
    assert [(s.language, s.file.name, s.counts.pairs) for s in first] == [
        ("de", "en-de.scores", N_PAIRS),
        ("ru", "en-ru.scores", N_PAIRS),
    ]
    before = first[0].file.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(score_files, "Neighbourhood", None)
        assert score(folder, languages="de,ru") == first  # and nothing is computed
    message = r"--force replaces scores that are there already: \S+en-de\.scores, \S+en-ru\.scores$"
    with pytest.raises(ConfigError, match=message):
        score(folder, languages="de,ru", neighbours="2")
    assert first[0].file.read_bytes() == before
    score(folder, neighbours="2", force="true")
    assert first[0].file.read_bytes() != before


def test_the_scores_of_another_are_not_put_aside(folder, write):
    path = folder / "parallel/de-en.scores.gz"
    path.write_bytes(gzip.compress(b"1\n" * N_PAIRS))
    with pytest.raises(ConfigError, match=r"already: \S+de-en\.scores\.gz$"):
        score(folder)
    assert not list((folder / "parallel").glob("*.scores"))


def test_scores_may_go_elsewhere(folder, tmp_path):
    found = score(folder, output=str(tmp_path / "out"))
    assert [scored.file for scored in found] == [tmp_path / "out/en-de.scores"]
    assert not list((folder / "parallel").glob("*.scores"))


def test_a_table_has_a_score_for_each_of_its_pairs(folder):
    english, german = (folder / f"parallel/en-de.{code}" for code in ("en", "de"))
    rows = zip(english.read_text().splitlines(), german.read_text().splitlines(), strict=True)
    table = "".join(f"{one}\t{other}\t0.5\n" for one, other in rows)
    (folder / "parallel/en-de.tsv").write_text(f"en\tde\tscore\n{table}")
    english.unlink(), german.unlink()
    (found,) = score(folder)
    assert found.file == folder / "parallel/en-de.scores"
    assert len(found.file.read_text().splitlines()) == N_PAIRS


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pair_limit": "5"}, "pair_limit must not be given with a folder of data"),
        ({"neighbours": "0"}, "neighbours must be >= 1, got '0'"),
        ({"sample": "0"}, "sample must be > 0, got '0'"),
        ({"layer": "4"}, r"layer must be in \[-4, 3\], got 4"),
        ({"neighbors": "2"}, "neighbors is not a known option; did you mean 'neighbours'"),
    ],
)
def test_a_wrong_option_is_told_of(folder, options, message):
    with pytest.raises(AlignFreezeError, match=message):
        score(folder, **options)


def test_a_folder_without_text_is_told_of(folder):
    shutil.rmtree(folder / "parallel")
    with pytest.raises(DataError, match="there is no parallel text"):
        score(folder)


def test_scores_of_the_hubs_text_lie_beside_it_in_the_cache(folder, tmp_path):
    data_set = tmp_path / "hub/Helsinki-NLP/opus-100"
    (data_set / "de-en").mkdir(parents=True)
    pairs = [{"en": f"the dog {n}", "de": f"der hund {n}"} for n in range(6)]
    Dataset.from_dict({"translation": pairs}).to_parquet(str(data_set / "de-en/train-0.parquet"))
    card = {"config_name": "de-en", "data_files": [{"split": "train", "path": "de-en/train-*"}]}
    (data_set / "README.md").write_text(f"---\n{json.dumps({'configs': [card]})}\n---\n")
    place = f"hub:{tmp_path / 'hub'}"
    (found,) = score(place, pair_limit="4")
    assert found.counts.pairs == 4
    source = find_data(place, max_pairs=4)
    (bitext,) = find_bitexts(source, "en", ["de"])
    assert bitext.scores_file == found.file == bitext.source_file.with_name("en-de.scores")
    assert bitext.source_file.read_text() == "".join(f"the dog {n}\n" for n in range(4))
