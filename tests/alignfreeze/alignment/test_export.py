from dataclasses import replace

import pytest

from alignfreeze.alignment import export, shards
from alignfreeze.alignment.cleaning import Cleaning, CorpusStats
from alignfreeze.alignment.corpus import CorpusJob, aligned_corpus
from alignfreeze.alignment.export import ExportJob, align_to_files, write_alignments
from alignfreeze.config import RunConfig
from alignfreeze.contracts import Aligner, Bitext, DataSource
from alignfreeze.data.bitexts import find_bitexts
from alignfreeze.errors import AlignFreezeError, DataError, MissingSplitError
from alignfreeze_aligners.dictionary import DictionaryAligner
from alignfreeze_aligners.pharaoh import PharaohAligner


class SamePlace(Aligner):
    """Links words at the same place, the last ones first."""

    def align(self, pairs, bitext):
        for pair in pairs:
            yield [(n, n) for n in reversed(range(min(len(pair.source), len(pair.target))))]


class AtSpaces(SamePlace):
    """Takes text as it is tokenized."""

    def segmentation(self, bitext):
        return "whitespace"


@pytest.fixture
def bitext(write) -> Bitext:
    return Bitext(
        "en",
        "fr",
        write("data/en-fr.en", "\ufeffHi, Tom!\n\nI have 10\u00a0000\r\nHi, Tom!\na\x0b b\u2028c"),
        write("data/en-fr.fr", "Salut\u202f! Tom\nrien\nJ’ai 10\u202f000\nSalut\u202f! Tom\nd\n"),
    )


def align(bitext, tmp_path, aligner=None, *, output="out", **options):
    job = ExportJob(bitext, aligner or SamePlace(), "same", "1", **options)
    return write_alignments(job, tmp_path / "cache", tmp_path / output)


def texts(folder) -> dict[str, str]:
    return {path.name: path.read_bytes().decode() for path in folder.iterdir()}


def test_links_and_words_are_written(bitext, tmp_path):
    stats = align(bitext, tmp_path)
    assert texts(tmp_path / "out") == {
        "en-fr.align": "0-0 1-1 2-2\n\n0-0 1-1\n\n0-0\n",
        "en-fr.en": "Hi , Tom !\n\nI have 10 000\nHi , Tom !\na b c\n",
        "en-fr.fr": "Salut ! Tom\nrien\nJ’ai 10\u202f000\nSalut ! Tom\nd\n",
    }
    assert stats == CorpusStats(read=5, empty=1, duplicates=1, kept=3, links=6)


def test_a_language_that_the_hub_has_no_text_of_is_left_out(
    demo_hub, tmp_path, monkeypatch, caplog
):
    source = demo_hub(texts=["ru"])
    monkeypatch.setattr(export, "find_data", lambda data, max_pairs: source)
    config = RunConfig(data="hub", pair_limit=5)
    assert [language for language, _ in align_to_files(config, tmp_path / "out")] == ["de"]
    assert "left out, for the hub has no parallel text: ru (no text)" in caplog.text
    with pytest.raises(MissingSplitError, match=r"no parallel text of ru \(no text\)"):
        next(align_to_files(config.model_copy(update={"missing": "error"}), tmp_path / "out"))


def test_languages_that_are_chosen_are_aligned_alone(demo_hub, tmp_path, monkeypatch, caplog):
    source = demo_hub()
    monkeypatch.setattr(export, "find_data", lambda data, max_pairs: source)
    caplog.set_level("INFO")
    config = RunConfig(data="hub", pair_limit=5, realign_languages="random:1", languages="de,ru")
    ((language, _),) = align_to_files(config, tmp_path / "out")
    assert f"realign languages random:1: {language}" in caplog.messages
    both = config.model_copy(update={"realign_languages": ("all",), "languages": ()})
    assert [language for language, _ in align_to_files(both, tmp_path / "out")] == ["de", "ru"]
    named = both.model_copy(update={"languages": ("ru",)})
    assert [language for language, _ in align_to_files(named, tmp_path / "out")] == ["ru"]


def test_a_tokenized_text_is_left_where_it_is(bitext, tmp_path):
    align(bitext, tmp_path, AtSpaces())
    assert texts(tmp_path / "out") == {"en-fr.align": "0-0 1-1\n\n0-0 1-1\n\n0-0\n"}


def test_a_limit_limits_all_files(bitext, tmp_path):
    align(bitext, tmp_path, cleaning=Cleaning(limit=3))
    assert {text.count("\n") for text in texts(tmp_path / "out").values()} == {3}


def test_files_are_replaced_and_what_was_aligned_is_reused(bitext, tmp_path, monkeypatch):
    first = align(bitext, tmp_path)
    expected = texts(tmp_path / "out")
    (tmp_path / "out" / "en-fr.align").write_text("old")
    monkeypatch.delattr(SamePlace, "align")
    assert align(bitext, tmp_path) == first
    assert texts(tmp_path / "out") == expected
    align(bitext, tmp_path, output="other/folder")
    assert texts(tmp_path / "other" / "folder") == expected


def test_shards_make_the_same_files(bitext, tmp_path, monkeypatch):
    align(bitext, tmp_path)
    monkeypatch.setattr(shards, "SHARD_LINES", 2)
    align(bitext, tmp_path / "again")
    assert texts(tmp_path / "again" / "out") == texts(tmp_path / "out")


def test_nothing_is_written_after_an_error(bitext, tmp_path):
    bitext.target_file.write_bytes(b"a\nb\nc\nd\n\xff\n")
    with pytest.raises(DataError, match=r"en-fr\.fr:5: text must be UTF-8"):
        align(bitext, tmp_path)
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("name", ["links", "source", "target", "stats.json"])
@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_a_damaged_cache_is_made_again(bitext, tmp_path, caplog, name, damage):
    align(bitext, tmp_path)
    expected = texts(tmp_path / "out")
    (folder,) = (tmp_path / "cache" / "alignments").iterdir()
    whole = (folder / name).read_bytes()
    (folder / name).unlink()
    if damage == "cut":
        (folder / name).write_bytes(whole[: whole.index(b"\n") + 1] if b"\n" in whole else b"{}")
    align(bitext, tmp_path)
    assert texts(tmp_path / "out") == expected
    (warning,) = (message for message in caplog.messages if "damaged" in message)
    assert warning.startswith(f"{folder}: what was aligned before is damaged, {name} is ")


def test_the_text_is_not_replaced(bitext, tmp_path):
    before = texts(tmp_path / "data")
    message = r"data: output must be another folder than that of the text$"
    with pytest.raises(DataError, match=message):
        align(bitext, tmp_path, output="data")
    assert texts(tmp_path / "data") == before
    align(bitext, tmp_path, AtSpaces(), output="data")
    made = replace(bitext, alignment_file=tmp_path / "data" / "en-fr.align")
    with pytest.raises(DataError, match=r"data: output must be another folder"):
        align(made, tmp_path, PharaohAligner(), output="data")


def test_a_folder_that_cannot_be_written_is_named(bitext, tmp_path, write):
    write("out", "a file")
    with pytest.raises(AlignFreezeError, match=r"out: output cannot be written: File exists"):
        align(bitext, tmp_path)
    assert (tmp_path / "out").read_text() == "a file"


def round_trip(bitext, tmp_path, **options):
    """The corpora of a bitext, aligned by dictionary, and of the files that are made of it."""
    direct = aligned_corpus(CorpusJob(bitext, DictionaryAligner(), "d", "1", **options), tmp_path)
    folder = tmp_path / "made" / "parallel"
    align(bitext, tmp_path, DictionaryAligner(), output="made/parallel", **options)
    (made,) = find_bitexts(DataSource("made", folder.parent), "en", [bitext.target])
    assert made.alignment_file == folder / f"en-{bitext.target}.align"
    again = aligned_corpus(CorpusJob(made, PharaohAligner(), "p", "1", **options), tmp_path)
    return direct, again


@pytest.mark.parametrize(
    ("target", "text", "entries"),
    [
        ("zh", "我们 有 10\u00a0000 只猫。\n猫！\n", "cats 猫\nhave 有\n"),
        ("th", "เรามีแมว 10\u202f000\u00a0ตัว\nแมว!\n", "cats แมว\nhave มี\n"),
        ("ar", "لدينا 10\u202f000 قطة\u061f\nقطة!\n", "cats قطة\nhave لدينا\n"),
    ],
)
def test_a_round_trip_gives_the_same_links(write, tmp_path, target, text, entries):
    bitext = Bitext(
        "en",
        target,
        write("d/t.en", "We have 10\u00a0000 cats.\nCats!\n"),
        write("d/t.x", text),
        forward_dictionary=write("d/d.txt", entries + "10000 nothing\n"),
    )
    direct, again = round_trip(bitext, tmp_path)
    assert direct.stats.links >= 2
    assert again.stats == direct.stats
    links = [row.alignment for row in direct.rows(range(len(direct)))]
    assert [row.alignment for row in again.rows(range(len(again)))] == links


@pytest.mark.suite
@pytest.mark.parametrize("target", ["zh", "th", "ar", "fr"])
def test_a_round_trip_of_real_text_gives_the_same_links(suite, tmp_path, target):
    (bitext,) = find_bitexts(suite, "en", [target])
    direct, again = round_trip(bitext, tmp_path, cleaning=Cleaning(limit=1500))
    assert len(direct) > 500
    rows = (corpus.rows(range(len(corpus))) for corpus in (direct, again))
    for before, after in zip(*rows, strict=True):
        assert (after.source, after.target) == (before.source, before.target)
        assert after.alignment == before.alignment
