import pytest

from alignfreeze.alignment.export import align_to_files
from alignfreeze.config import build_config
from alignfreeze.contracts import DataSource
from alignfreeze.data.bitext_names import dictionary_fault, unused
from alignfreeze.data.bitexts import find_bitexts, parallel_languages
from alignfreeze.errors import DataError

NO_DICTIONARIES = ("en-de.0-5000.txt", "en-de.tsv", "de-fr.txt", "x.txt")


@pytest.fixture
def folder(write, source):
    """Makes files of parallel text."""

    def of_files(*names: str) -> DataSource:
        for name in names:
            write(f"parallel/{name}", "x\n")
        return source

    return of_files


@pytest.mark.parametrize(
    ("names", "remedy"),
    [
        (
            ["Tatoeba.de-en.de", "Tatoeba.de-en.en"],
            "Tatoeba.de-en.de must be named en-de.de, Tatoeba.de-en.en must be named en-de.en",
        ),
        (["Tatoeba.de-en.de.gz"], "Tatoeba.de-en.de.gz must be named en-de.de.gz"),
        (["WikiMatrix.de-en.tsv"], "WikiMatrix.de-en.tsv must be named de-en.tsv"),
        (["QED_en-de.TMX"], "QED_en-de.TMX must be named en-de.tmx"),
        (["en_de.tsv.gz"], "en_de.tsv.gz must be named en-de.tsv.gz"),
        (["OPUS.en-de.align"], "OPUS.en-de.align must be named en-de.align"),
        (["OPUS.en-de.scores"], "OPUS.en-de.scores must be named en-de.scores"),
        (["de-en.txt.zip"], "de-en.txt.zip is to be unpacked"),
        (["en-de.csv"], "en-de.csv is of a format that is not read"),
        (["train.de-en.jsonl"], "train.de-en.jsonl is of a format that is not read"),
    ],
)
def test_what_lies_there_is_told_with_the_name_that_it_needs(folder, names, remedy):
    message = rf"en-de\.de: no such file, so en-de has no .* with one: none; {remedy}$"
    with pytest.raises(DataError, match=message):
        find_bitexts(folder(*names), "en", ["de"])


def test_of_no_language_in_particular_all_files_of_two_are_told(folder, tmp_path):
    folder("Tatoeba.de-en.de", "Tatoeba.de-en.en", "x_en_fr.tmx", "open-office.txt")
    config = build_config({"data": str(tmp_path), "preset": "paper"})
    message = (
        r"there is no parallel text; Tatoeba\.de-en\.de must be named en-de\.de, "
        r"Tatoeba\.de-en\.en must be named en-de\.en, x_en_fr\.tmx must be named en-fr\.tmx$"
    )
    with pytest.raises(DataError, match=message):
        next(align_to_files(config, tmp_path / "out"))


def test_a_code_is_no_part_of_a_word(folder):
    source = folder("model-open.txt", "garden.tsv", "en-fr.tsv", "den-de.txt")
    with pytest.raises(DataError, match=r"languages with one: fr$"):
        find_bitexts(source, "en", ["de"])


RULE = r"what is read is en-XX\.en with en-XX\.XX, en-XX\.tsv or en-XX\.tmx"


def test_without_any_text_the_rule_is_told_and_what_is_there(folder, tmp_path):
    config = build_config({"data": str(tmp_path), "preset": "paper"})
    with pytest.raises(DataError, match=rf"parallel: there is no parallel text; {RULE}$"):
        next(align_to_files(config, tmp_path / "out"))
    source = folder(*(f"file{n}.txt" for n in range(10)))
    listed = rf"{RULE}; there are file0\.txt, .*, file7\.txt and 2 more$"
    with pytest.raises(DataError, match=rf"there is no parallel text; {listed}"):
        next(align_to_files(config, tmp_path / "out"))
    with pytest.raises(DataError, match=r"none; what is read is en-de\.en with en-de\.de, en-de\."):
        find_bitexts(source, "en", ["de"])


@pytest.mark.parametrize(
    ("name", "languages"),
    [
        ("en-de.tsv", ["de"]),
        ("zh-en.tmx.gz", ["zh"]),
        ("en-pt-br.tsv", ["pt-br"]),
        ("en-zh_Hant.tmx", ["zh_Hant"]),
        ("en-sr@latin.tmx", ["sr@latin"]),
        ("opus-en.tsv", []),
        ("europarl-v7.de-en.tsv", []),
        ("de-fr.tsv", []),
        ("en-de.csv", []),
    ],
)
def test_a_name_is_of_nothing_but_two_codes(folder, name, languages):
    assert parallel_languages(folder(name), "en") == languages


def test_files_of_no_text_are_unused_each_for_a_reason():
    used = ["en-de.en", "en-de.de", "en-de.align", "fr-en.tsv", "fr-en.align.gz", "en-nl.en"]
    used.append("en-nl.nl.gz")
    others = {
        "README.md": "",
        "de-en.align": "en-de.align is read instead",
        "de-fr.fr": "",
        "en-de.tsv": "en-de.en and en-de.de are read instead",
        "en-es.align": "en-es.es is missing",
        "en-es.en": "en-es.es is missing",
        "fr-en.tmx": "fr-en.tsv is read instead",
        "x.en-de.en": "must be named en-de.en",
        "x.en-fi.zip": "is to be unpacked",
        "x.fi-en.xlsx": "is of a format that is not read",
    }
    assert unused([*used, *others], "en") == others


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("en-de.txt", "there is no text of de"),
        ("pt-br-en.txt", "there is no text of pt-br"),
        *((name, "dictionaries are named en-XX.txt and XX-en.txt") for name in NO_DICTIONARIES),
    ],
)
def test_a_dictionary_that_is_not_read_has_no_text_or_another_name(name, fault):
    assert dictionary_fault(name, "en") == fault


@pytest.mark.parametrize("names", [["en-gz.gz.gz"], ["x.gz.gz"], [".", "en-."], ["en-x y"], [""]])
def test_any_name_is_told_of(names):
    assert list(unused(names, "en")) == names
