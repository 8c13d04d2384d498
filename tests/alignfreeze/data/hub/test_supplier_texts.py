import pytest
from datasets import Dataset

from alignfreeze.contracts import HubSplit
from alignfreeze.data.bitexts import find_bitexts, parallel_languages
from alignfreeze.data.finding import find_data
from alignfreeze.data.hub import streams
from alignfreeze.data.hub.supplier import HubSupplier
from alignfreeze.errors import DataError
from alignfreeze_tasks.pos import PartOfSpeechTagging

OPUS = "Helsinki-NLP/opus-100"
COMMIT = "c0ffee" * 6 + "0000"
PLACE = HubSplit("some/data", "de", "train", ("a",), COMMIT)


def test_a_language_that_is_added_leaves_the_others(opus, publish, mirror, cache, monkeypatch):
    def fetch():
        HubSupplier(mirror).fetch(PLACE)
        HubSupplier(mirror).fetch_bitext("en", "de")
        return {path: path.stat().st_mtime_ns for path in cache.rglob("*") if path.is_file()}

    opus()
    publish("some/data", "de", "train", {"a": ["x"]})
    before = fetch()
    opus("fr")
    publish("some/data", "fr", "train", {"a": ["x"]})
    monkeypatch.setattr("alignfreeze.data.hub.supplier.open_split", None)
    assert fetch() == before


def test_a_text_that_changes_takes_the_place_of_the_old(opus, mirror, cache):
    opus()
    HubSupplier(mirror).fetch_bitext("en", "de")
    files = sorted(cache.rglob("*"))
    path = mirror / OPUS / "de-en/train-00000-of-00001.parquet"
    pairs = {"translation": [{"de": "neu", "en": "new"}]}
    Dataset.from_dict(pairs).to_parquet(str(path))
    bitext = HubSupplier(mirror).fetch_bitext("en", "de")
    assert bitext.target_file.read_text() == "neu\n"
    assert sorted(cache.rglob("*")) == files


def test_a_text_that_a_mirror_loses_is_an_error(opus, publish, mirror):
    opus()
    HubSupplier(mirror).fetch_bitext("en", "de")
    publish(OPUS, "de-en", "test", {"translation": [{"de": "a", "en": "b"}]})
    (mirror / OPUS / "de-en/train-00000-of-00001.parquet").unlink()
    with pytest.raises(DataError, match=r"config 'de-en', .*: no split 'train' of"):
        HubSupplier(mirror).fetch_bitext("en", "de")


def test_dictionaries_come_from_the_mirror(opus, mirror, write, caplog):
    opus()
    write("mirror/dictionaries/en-de.txt", "day Tag\n")
    (bitext,) = find_bitexts(find_data(f"hub:{mirror}"), "en", ["de"])
    assert bitext.forward_dictionary.read_text() == "day Tag\n"
    assert bitext.backward_dictionary is None
    assert "no dictionary de-en.txt: " in caplog.text


def test_scores_come_from_the_mirror_as_far_as_the_text_goes(opus, mirror, write):
    opus()
    path = write("mirror/parallel/de-en.scores", "0.5\n0.25\n0.75\n")
    assert HubSupplier(mirror).fetch_bitext("en", "de").scores_file == path
    cut = HubSupplier(mirror, max_pairs=2)  # though there is all of it
    assert cut.fetch_bitext("en", "de").scores_file == path
    cut.fetch_bitext("en", "de").source_file.unlink()
    bitext = cut.fetch_bitext("en", "de")
    assert len(bitext.source_file.read_text().splitlines()) == 2
    assert bitext.scores_file.read_text() == "0.5\n0.25\n"


def test_scores_in_the_cache_go_with_the_text_that_they_are_of(opus, mirror):
    opus()
    bitext = HubSupplier(mirror).fetch_bitext("en", "de")
    assert bitext.scores_file is None
    beside = bitext.source_file.with_name("en-de.scores")
    beside.write_text("1\n2\n3\n")
    assert HubSupplier(mirror).fetch_bitext("en", "de").scores_file == beside
    path = mirror / OPUS / "de-en/train-00000-of-00001.parquet"
    pairs = {"translation": [{"de": str(n), "en": str(n)} for n in range(3)]}
    Dataset.from_dict(pairs).to_parquet(str(path))
    assert HubSupplier(mirror).fetch_bitext("en", "de").scores_file is None


def test_all_of_a_text_will_do_for_a_part(opus, mirror, online, site, monkeypatch):
    opus()
    site.answers["en-de.txt"] = b"day Tag\n"
    whole = HubSupplier().fetch_bitext("en", "de")
    monkeypatch.setattr(streams, "why_offline", lambda: "there is no network")
    assert HubSupplier(max_pairs=1).fetch_bitext("en", "de") == whole
    assert site.asked.count("en-de.txt") == 1


def test_texts_and_dictionaries_that_were_cut_are_fetched_anew(opus, online, site, caplog):
    opus()
    site.answers["en-de.txt"] = b"day Tag\nnight Nacht\n"
    bitext = HubSupplier().fetch_bitext("en", "de")
    files = (bitext.source_file, bitext.target_file, bitext.forward_dictionary)
    whole = [path.read_bytes() for path in files]
    for path, content in zip(files, whole, strict=True):
        path.write_bytes(content[: content.index(b"\n") + 1])
    assert HubSupplier().fetch_bitext("en", "de") == bitext
    assert [path.read_bytes() for path in files] == whole
    for path in (bitext.source_file, bitext.forward_dictionary):
        assert f"{path}: is not what was written, and is fetched anew" in caplog.text


def test_texts_without_digests_are_taken_as_they_are(opus, online, site):
    """As older versions wrote them."""
    opus()
    bitext = HubSupplier().fetch_bitext("en", "de")
    for path in (bitext.source_file, bitext.target_file):
        path.with_name(f".{path.name}.sha256").unlink()
    before = bitext.source_file.stat().st_mtime_ns
    assert HubSupplier().fetch_bitext("en", "de") == bitext
    assert bitext.source_file.stat().st_mtime_ns == before


def test_a_part_of_a_text_is_not_taken_for_all(opus, online, site):
    opus()
    part = HubSupplier(max_pairs=1).fetch_bitext("en", "de")
    whole = HubSupplier().fetch_bitext("en", "de")
    assert part.source_file.read_text() == "Good day.\n"
    assert whole.source_file.read_text().startswith("Good day.\nOne two\n")


def test_a_complete_language_is_not_read_again(opus, mirror, monkeypatch):
    opus("de")
    opus("fr")
    find_bitexts(find_data(f"hub:{mirror}"), "en", ["de"])
    opened = []
    original = streams.open_split

    def open_split(place, *arguments):
        opened.append(place.config)
        return original(place, *arguments)

    monkeypatch.setattr("alignfreeze.data.hub.supplier.open_split", open_split)
    find_bitexts(find_data(f"hub:{mirror}"), "en", ["de", "fr"])
    assert opened == ["en-fr"]


def test_an_interrupted_language_leaves_nothing_and_starts_anew(opus, mirror, monkeypatch):
    opus()
    supplier = HubSupplier(mirror)
    original = streams.tables

    def interrupted(*arguments):
        yield from original(*arguments)
        raise ConnectionResetError("gone")

    with monkeypatch.context() as context:
        context.setattr(streams, "tables", interrupted)
        with pytest.raises(DataError, match=r"config 'de-en', revision '805090dc.*: gone; use"):
            supplier.fetch_bitext("en", "de")
    assert not [path for path in supplier.root.rglob("*") if path.is_file()]
    supplier.fetch_bitext("en", "de")
    (text,) = supplier.root.rglob("en-de.en")
    assert text.read_text().startswith("Good day.")


def test_languages_of_a_mirror_are_those_that_are_there(opus, mirror):
    opus("de")
    opus("zh")
    source = find_data(f"hub:{mirror}")
    assert parallel_languages(source, "en") == ["de", "zh"]
    assert parallel_languages(source, "de") == []


def test_languages_of_the_hub_are_the_published_ones():
    languages = parallel_languages(find_data("hub"), "en")
    assert languages == sorted(PartOfSpeechTagging.languages)
    assert len(languages) == 34


def test_languages_without_text_are_known_before_any_is_fetched(opus, mirror, online, monkeypatch):
    opus("de")
    opus("fr")
    for supplier in (HubSupplier(mirror), HubSupplier()):
        monkeypatch.setattr("alignfreeze.data.hub.supplier.open_split", None)
        missing = supplier.missing_texts("en", ["xx", "de", "cs", "fr"])
        assert list(missing) == ["xx", "cs"]
        assert missing["cs"] == f"{OPUS}: no config 'cs-en', has: de-en en-fr"
    assert supplier.missing_texts("de", ["en"]) == {}  # which a fetch refuses


def test_text_that_is_there_needs_no_network_to_be_found(opus, online, site, monkeypatch):
    opus()
    HubSupplier(max_pairs=1).fetch_bitext("en", "de")
    HubSupplier().missing_texts("en", ["cs"])
    monkeypatch.setattr(streams, "why_offline", lambda: "there is no network")
    for missing in ([], ["cs"]):
        assert list(HubSupplier(max_pairs=1).missing_texts("en", ["de", *missing])) == missing
    with pytest.raises(DataError, match="there is no network"):
        HubSupplier().missing_texts("en", ["fr"])


def test_text_is_with_english_alone(mirror):
    with pytest.raises(DataError, match="has the source language 'en' alone, got 'de'"):
        find_bitexts(find_data(f"hub:{mirror}"), "de", ["fr"])


def test_a_language_without_text_is_named(opus, mirror):
    opus()
    with pytest.raises(DataError, match=r"'Helsinki-NLP/opus-100', config 'en-xx', .* has: de-en"):
        find_bitexts(find_data(f"hub:{mirror}"), "en", ["xx"])
