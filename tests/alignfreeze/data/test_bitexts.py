import gzip
from dataclasses import replace

import pytest

from alignfreeze.contracts import Bitext, DataSource, SentencePair
from alignfreeze.data.bitexts import (
    bitext_digests,
    bitexts_at_hand,
    check_scores,
    find_bitexts,
    parallel_languages,
    resolve_aligner,
    without_unused_scores,
)
from alignfreeze.errors import DataError
from alignfreeze_aligners.pharaoh import PharaohAligner


class Supplier:
    """Has German, as two texts and a dictionary, in a place of its own."""

    def __init__(self, root):
        self.root = root
        self.fetched = []

    def parallel_languages(self, source_language):
        return ["de"] if source_language == "en" else []

    def fetch_bitext(self, source_language, target):
        self.fetched.append((source_language, target))
        if target != "de":
            raise DataError(f"no text in {target!r}")
        texts = self.root / "en.txt", self.root / "de.txt"
        return Bitext("en", "de", *texts, backward_dictionary=self.root / "words")


@pytest.fixture
def supplied(tmp_path):
    return DataSource("supplied", tmp_path, Supplier(tmp_path))


def test_the_supplier_says_the_languages_before_anything_is_fetched(supplied):
    assert parallel_languages(supplied, "en") == ["de"]
    assert parallel_languages(supplied, "fr") == []
    assert supplied.supplier.fetched == []


def test_a_bitext_is_fetched_and_found(supplied, tmp_path):
    (bitext,) = find_bitexts(supplied, "en", ["de"])
    assert supplied.supplier.fetched == [("en", "de")]
    assert bitext.source_file == tmp_path / "en.txt"
    assert bitext.target_file == tmp_path / "de.txt"
    assert bitext.forward_dictionary is None
    assert bitext.backward_dictionary == tmp_path / "words"


def test_what_cannot_be_fetched_is_the_suppliers_error(supplied):
    with pytest.raises(DataError, match="no text in 'xx'"):
        find_bitexts(supplied, "en", ["de", "xx"])


def test_the_source_language_is_not_fetched(supplied):
    with pytest.raises(DataError, match="must not be the source language, got 'en'"):
        find_bitexts(supplied, "en", ["en"])
    assert supplied.supplier.fetched == []


# In a folder


@pytest.fixture
def parallel(write, source) -> DataSource:
    for name in ("en-de.en", "en-de.de", "fr-en.en", "fr-en.fr", "en-pt-br.en", "en-pt-br.pt-br"):
        write(f"parallel/{name}", "text\n")
    for name in ("en-xx.en", "yy-en.yy", "de-fr.de", "de-fr.fr", "README.md"):
        write(f"parallel/{name}", "text\n")
    return source


def test_languages_have_both_texts(parallel, source, tmp_path):
    assert parallel_languages(parallel, "en") == ["de", "fr", "pt-br"]
    assert parallel_languages(parallel, "de") == ["en", "fr"]
    assert parallel_languages(DataSource("none", tmp_path / "none"), "en") == []


def test_bitexts_come_in_the_order_asked_for(parallel, tmp_path):
    fr, de = find_bitexts(parallel, "en", ["fr", "de"])
    folder = tmp_path / "parallel"
    assert fr == Bitext("en", "fr", folder / "fr-en.en", folder / "fr-en.fr")
    assert de == Bitext("en", "de", folder / "en-de.en", folder / "en-de.de")


def test_alignments_and_dictionaries_are_found(parallel, write):
    align, forward = (
        write("parallel/en-de.align", "0-0\n"),
        write("dictionaries/en-de.txt", "a b\n"),
    )
    backward = write("dictionaries/de-en.txt", "b a\n")
    write("parallel/de-en.align", "0-0\n")
    (bitext,) = find_bitexts(parallel, "en", ["de"])
    assert (bitext.alignment_file, bitext.alignment_reversed) == (align, False)
    assert (bitext.forward_dictionary, bitext.backward_dictionary) == (forward, backward)
    (bitext,) = find_bitexts(parallel, "de", ["en"])
    assert (bitext.forward_dictionary, bitext.backward_dictionary) == (backward, forward)


def test_an_alignment_under_the_reversed_name_is_reversed(parallel, write):
    path = write("parallel/fr-en.align", "0-0\n")
    (bitext,) = find_bitexts(parallel, "en", ["fr"])
    assert (bitext.alignment_file, bitext.alignment_reversed) == (path, True)


@pytest.mark.parametrize("stem", ["en-fr", "fr-en"])
def test_a_packed_alignment_is_read(parallel, write, stem):
    path = pack(write(f"parallel/{stem}.align", "0-0\n"))
    (bitext,) = find_bitexts(parallel, "en", ["fr"])
    assert (bitext.alignment_file, bitext.alignment_reversed) == (path, stem == "fr-en")
    aligner = PharaohAligner()
    assert list(aligner.align([SentencePair(1, ("text",), ("text",))], bitext)) == [[(0, 0)]]
    assert aligner.notes(bitext) == {}


@pytest.mark.parametrize("name", ["en-fr.scores", "fr-en.scores", "fr-en.scores.gz"])
def test_scores_lie_beside_the_text_under_either_name(parallel, write, name):
    path = write(f"parallel/{name}", "1\n")
    fr, de = find_bitexts(parallel, "en", ["fr", "de"])
    assert (fr.scores_file, de.scores_file) == (path, None)
    (turned,) = find_bitexts(parallel, "fr", ["en"])
    assert turned.scores_file == path
    assert [each.scores_file for each in without_unused_scores([fr], used=True)] == [path]
    assert [each.scores_file for each in without_unused_scores([fr], used=False)] == [None]


def test_scores_are_asked_for_only_where_they_are_used(parallel, supplied, write):
    write("parallel/fr-en.scores", "1\n")
    bitexts = find_bitexts(parallel, "en", ["fr", "de", "pt-br"])
    check_scores(parallel, bitexts, 0.0)
    check_scores(parallel, bitexts[:1], 0.25)
    message = (
        r"parallel/en-de\.scores: no such file, and pair_quality=0\.25 .*"
        r"`alignfreeze score --data test --languages de,pt-br` writes it$"
    )
    with pytest.raises(DataError, match=message):
        check_scores(parallel, bitexts, 0.25)


def test_nothing_is_fetched_or_converted_to_see_what_is_at_hand(
    parallel, supplied, cache, write, tmp_path
):
    write("parallel/es-en.tsv", "no table")
    dictionary = write("dictionaries/es-en.txt", "b a\n")
    de, es = bitexts_at_hand(parallel, "en", ["de", "xx", "es"])
    assert (de.target, es.target, es.backward_dictionary) == ("de", "es", dictionary)
    assert not cache.exists()
    (bitext,) = bitexts_at_hand(supplied, "en", ["xx"])
    assert (bitext.target, bitext.backward_dictionary) == ("xx", None)
    assert supplied.supplier.fetched == []


@pytest.mark.parametrize(
    ("target", "missing"), [("zz", "en-zz.zz"), ("xx", "en-xx.xx"), ("yy", "yy-en.en")]
)
def test_a_missing_text_is_named(parallel, target, missing):
    message = (
        rf"{missing}: no such file, so en-{target} has no .*; languages with one: de fr pt-br$"
    )
    with pytest.raises(DataError, match=message):
        find_bitexts(parallel, "en", ["de", target])


def test_a_language_is_not_its_own_target(parallel):
    with pytest.raises(DataError, match="must not be the source language, got 'en'"):
        find_bitexts(parallel, "en", ["en"])


def test_auto_prefers_the_alignment_file(tmp_path):
    bitext = Bitext("en", "fr", tmp_path, tmp_path)
    assert resolve_aligner("auto", bitext) == "dictionary"
    assert resolve_aligner("auto", replace(bitext, alignment_file=tmp_path)) == "pharaoh"
    assert resolve_aligner("mine", bitext) == "mine"


# In other formats


UNPACKED = {
    "en-de.tsv": "Hi.\tHallo.\nA\tB\n",
    "de-en.tsv": "Hallo.\tHi.\nB\tA\n",
    "en-de.tmx": '<tmx><body><tu><tuv xml:lang="de"><seg>Hallo.</seg></tuv><tuv xml:lang="en">'
    '<seg>Hi.</seg></tuv></tu><tu><tuv lang="en"><seg>A</seg></tuv><tuv lang="de"><seg>B</seg>'
    "</tuv></tu></body></tmx>",
}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ALIGNFREEZE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def pack(path):
    """Packs a file; the name gets a second ending."""
    packed = path.with_name(f"{path.name}.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    return packed


@pytest.fixture(params=[*UNPACKED, *(f"{name}.gz" for name in UNPACKED)])
def other(request, write):
    """A file with both languages."""
    name = request.param.removesuffix(".gz")
    path = write(f"parallel/{name}", UNPACKED[name])
    return pack(path) if request.param.endswith(".gz") else path


def test_other_formats_are_read_and_are_the_same_text(source, cache, other, write, tmp_path):
    assert parallel_languages(source, "en") == ["de"]
    assert parallel_languages(source, "de") == ["en"]
    align = write("parallel/de-en.align", "0-0\n0-0\n")
    (bitext,) = find_bitexts(source, "en", ["de"])
    assert bitext.source_file.read_text() == "Hi.\nA\n"
    assert bitext.target_file.read_text() == "Hallo.\nB\n"
    assert (bitext.alignment_file, bitext.alignment_reversed) == (align, True)
    assert (bitext.origins, bitext.notes) == ((other,), ())
    assert cache in bitext.source_file.parents
    (turned,) = find_bitexts(source, "de", ["en"])
    assert turned.source_file.read_text() == "Hallo.\nB\n"
    write("moses/parallel/en-de.en", "Hi.\nA\n")
    write("moses/parallel/en-de.de", "Hallo.\nB\n")
    (moses,) = find_bitexts(DataSource("moses", tmp_path / "moses"), "en", ["de"])
    assert (moses.origins, moses.notes) == ((), ())
    texts = [bitext_digests(replace(each, alignment_file=None)) for each in (bitext, moses)]
    assert texts[0] == texts[1]


@pytest.mark.parametrize("packed", [["en-de.en", "en-de.de"], ["en-de.en"], ["en-de.de"]])
def test_packed_texts_are_read(source, cache, write, packed):
    for name, text in (("en-de.en", "Hi.\n"), ("en-de.de", "Hallo.\n")):
        path = write(f"parallel/{name}", text)
        if name in packed:
            pack(path)
    assert parallel_languages(source, "en") == ["de"]
    (bitext,) = find_bitexts(source, "en", ["de"])
    assert [bitext.source_file.read_text(), bitext.target_file.read_text()] == ["Hi.\n", "Hallo.\n"]


def test_texts_in_moses_format_are_preferred(parallel, cache, write):
    write("parallel/en-de.tsv", "a\tb\n")
    (bitext,) = find_bitexts(parallel, "en", ["de"])
    assert (bitext.source_file.name, bitext.origins) == ("en-de.en", ())
    assert bitext.source_file.parent == parallel.root / "parallel"
    assert not cache.exists()
