"""What is made of parallel text in other formats, once."""

import gzip
import logging

import pytest

from alignfreeze.alignment.corpus import CorpusJob, aligned_corpus
from alignfreeze.alignment.export import align_to_files
from alignfreeze.config import build_config
from alignfreeze.contracts import Aligner
from alignfreeze.data import conversion
from alignfreeze.data.bitexts import find_bitexts
from alignfreeze.data.conversion import converted
from alignfreeze.errors import DataError

LANGUAGES = ("en", "de")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ALIGNFREEZE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "bitexts"


@pytest.fixture
def table(write):
    return write("parallel/en-de.tsv", "a b\tA B\nc\tC\nno tab\n")


def texts(*files):
    (first, second), notes = converted(files, LANGUAGES)
    return first.read_text("utf-8"), second.read_text("utf-8"), dict(notes)


LEFT_EMPTY = {"lines of en-de.tsv left empty, without 2 columns (the first is line 3)": 1}


def test_texts_and_what_is_told_are_kept(table, cache, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    assert texts(table) == ("a b\nc\n\n", "A B\nC\n\n", LEFT_EMPTY)
    (folder,) = cache.iterdir()
    assert f"{table}: read as two texts, which are kept in {folder}" in caplog.messages
    conversion._converted.cache_clear()
    monkeypatch.setitem(conversion.READERS, ".tsv", None)
    assert texts(table)[2] == LEFT_EMPTY


def test_a_file_that_changes_is_read_anew(table, cache, write):
    texts(table)
    write("parallel/en-de.tsv", "x\ty\n")
    assert texts(table) == ("x\n", "y\n", {})
    assert len(list(cache.iterdir())) == 2


def test_a_damaged_text_is_made_again(table, cache, caplog):
    (text, _), _ = converted((table,), LANGUAGES)
    expected = texts(table)
    text.write_text("cut")
    conversion._converted.cache_clear()
    assert texts(table) == expected
    assert f"what was made of en-de.tsv is damaged, {text.name} is not what" in caplog.text


def test_nothing_is_kept_after_an_error(write, cache):
    path = write("en-de.tsv", "a\tb\n" * 3 + "c\nd\te\tf\n" * 2)
    with pytest.raises(DataError, match=r"en-de\.tsv:4: .* but 4 of 7 lines have others$"):
        texts(path)
    assert list(cache.iterdir()) == []


def test_line_breaks_within_a_text_become_spaces_and_are_told(write):
    path = write(
        "en-de.tmx",
        '<tmx><body><tu><tuv xml:lang="en"><seg>a\n b&#13;&#10;c</seg></tuv><tuv xml:lang="de">'
        "<seg>\n A\u2028B \n</seg></tuv></tu></body></tmx>",
    )
    told = {"texts of en-de.tmx with line breaks, which are spaces now": 1}
    assert texts(path) == ("a  b c\n", "A\u2028B\n", told)
    assert texts(write("en-de.tsv", "a\rb\tc\r\r\n"))[:2] == ("a b\n", "c\n")


def pack(path):
    packed = path.with_name(f"{path.name}.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    return packed


def test_packed_texts_have_the_same_lines(write):
    english, german = write("en-de.en", "\ufeffa\r\nb\n"), write("en-de.de", "A\nB\n")
    assert texts(pack(english), german) == ("a\nb\n", "A\nB\n", {})
    german = pack(write("en-de.de", "A\nB\nC\n"))
    with pytest.raises(DataError, match=r"de\.gz: must have as many lines as en-de\.en\.gz"):
        texts(pack(english), german)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda packed: packed[:-9], "Compressed file ended before"),
        (lambda packed: b"a\tb\n", r"Not a gzipped file"),
        (lambda packed: packed[:-8] + bytes(8), "CRC check failed"),
        (lambda packed: packed[:10] + b"\xff" * 9 + packed[19:], "Error -3"),
    ],
)
def test_a_damaged_package_is_named(write, damage, reason):
    packed = pack(write("en-de.tsv", "a\tb\n" * 50))
    packed.write_bytes(damage(packed.read_bytes()))
    with pytest.raises(DataError, match=rf"en-de\.tsv\.gz: cannot be read: ({reason})"):
        texts(packed)


# All the way


class SamePlace(Aligner):
    """Links words at the same place."""

    def align(self, pairs, bitext):
        for pair in pairs:
            yield [(n, n) for n in range(min(len(pair.source), len(pair.target)))]


def corpus_of(source, tmp_path):
    (bitext,) = find_bitexts(source, "en", ["de"])
    return aligned_corpus(CorpusJob(bitext, SamePlace(), "same", "1"), tmp_path / "cache")


def test_a_corpus_does_not_depend_on_the_format(table, source, tmp_path, write):
    from_table = corpus_of(source, tmp_path)
    assert (from_table.stats.read, from_table.stats.empty, from_table.stats.kept) == (3, 1, 2)
    assert from_table.stats.notes == LEFT_EMPTY
    assert str(from_table.stats).endswith(f"; 1 {next(iter(LEFT_EMPTY))}")
    write("parallel/en-de.en", "a b\nc\n\n")
    write("parallel/en-de.de", "A B\nC\n\n")
    from_texts = corpus_of(source, tmp_path)
    assert from_texts.fingerprint == from_table.fingerprint
    assert from_texts.stats.notes == {}
    assert from_texts.rows([0, 1]) == from_table.rows([0, 1])


def test_words_are_not_put_beside_the_table(table, tmp_path):
    config = build_config({"data": str(tmp_path), "preset": "standard", "aligner": "dictionary"})
    (tmp_path / "dictionaries").mkdir()
    (tmp_path / "dictionaries" / "en-de.txt").write_text("a A\n")
    with pytest.raises(DataError, match="output must be another folder than that of the text"):
        list(align_to_files(config, tmp_path / "parallel"))
    assert list(dict(align_to_files(config, tmp_path / "out"))) == ["de"]
    assert (tmp_path / "out" / "en-de.align").read_text() == "0-0\n\n\n"
