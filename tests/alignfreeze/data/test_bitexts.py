import pytest

from alignfreeze.contracts import Bitext, DataSource
from alignfreeze.data.bitexts import find_bitexts, parallel_languages
from alignfreeze.errors import DataError


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
