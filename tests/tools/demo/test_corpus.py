"""The written corpus: the same each time, without leaks, and well-formed."""

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest

from alignfreeze.base.caching import SUMS
from tools.demo import LANGUAGES, TARGET_LANGUAGES, write_corpus

OPEN_UPOS = {"ADJ", "ADV", "INTJ", "NOUN", "PROPN", "VERB"}
CLOSED_UPOS = {"ADP", "AUX", "CCONJ", "DET", "NUM", "PART", "PRON", "SCONJ"}
UPOS = OPEN_UPOS | CLOSED_UPOS | {"PUNCT", "SYM", "X"}


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").rstrip("\n").split("\n")


def _blocks(path: Path) -> Iterator[list[list[str]]]:
    for block in path.read_text(encoding="utf-8").strip("\n").split("\n\n"):
        yield [line.split("\t") for line in block.split("\n") if not line.startswith("# ")]


def _conllu_words(block: list[list[str]]) -> list[str]:
    return [row[1] for row in block if row[0].isdigit()]


def _sentences(corpus: Path, language: str) -> dict[str, list[str]]:
    """Every file of a language, as a list of sentences."""
    pos = {
        str(path.relative_to(corpus)): [" ".join(_conllu_words(b)) for b in _blocks(path)]
        for path in sorted((corpus / "pos" / language).iterdir())
    }
    ner = {
        str(path.relative_to(corpus)): [" ".join(row[0] for row in b) for b in _blocks(path)]
        for path in sorted((corpus / "ner" / language).iterdir())
    }
    parallel = {
        path.name: _lines(path) for path in sorted((corpus / "parallel").glob(f"*.{language}"))
    }
    return pos | ner | parallel


def test_what_is_shipped_is_what_the_tool_writes(corpus: Path, tmp_path: Path) -> None:
    write_corpus(tmp_path)
    shipped = {p.relative_to(corpus): p.read_bytes() for p in corpus.rglob("*") if p.is_file()}
    del shipped[Path(SUMS)]
    written = {p.relative_to(tmp_path): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert shipped == written


def test_every_file_of_the_layout_is_written(corpus: Path) -> None:
    expected = {f"parallel/en-{x}.{end}" for x in TARGET_LANGUAGES for end in ("en", x, "align")}
    expected |= {f"dictionaries/{a}.txt" for x in TARGET_LANGUAGES for a in (f"en-{x}", f"{x}-en")}
    for task, end in (("pos", "conllu"), ("ner", "tsv"), ("nli", "tsv"), ("qa", "json")):
        expected |= {f"{task}/{x}/{s}.{end}" for x in LANGUAGES for s in ("dev", "test")}
        expected.add(f"{task}/en/train.{end}")
    assert {p.relative_to(corpus).as_posix() for p in corpus.rglob("*.*")} == expected


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_is_in_two_files(corpus: Path, language: str) -> None:
    files = _sentences(corpus, language)
    assert all(files.values())
    for first, second in combinations(files, 2):
        assert not set(files[first]) & set(files[second]), (first, second)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_file_repeats_a_sentence(corpus: Path, language: str) -> None:
    for name, sentences in _sentences(corpus, language).items():
        assert len(set(sentences)) == len(sentences), name


@pytest.mark.parametrize("language", TARGET_LANGUAGES)
def test_alignments_are_one_to_one_and_in_the_dictionary(corpus: Path, language: str) -> None:
    stem = corpus / "parallel" / f"en-{language}"
    sides = [_lines(Path(f"{stem}.{end}")) for end in ("en", language, "align")]
    forward = set(_lines(corpus / "dictionaries" / f"en-{language}.txt"))
    backward = set(_lines(corpus / "dictionaries" / f"{language}-en.txt"))
    assert len(sides[0]) == len(sides[1]) == len(sides[2]) == 2000
    for source_line, target_line, alignment in zip(*sides, strict=True):
        source, target = source_line.lower().split(" "), target_line.lower().split(" ")
        pairs = [tuple(map(int, pair.split("-"))) for pair in alignment.split(" ")]
        assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)
        for i, j in pairs:
            assert f"{source[i]} {target[j]}" in forward
            assert f"{target[j]} {source[i]}" in backward


@pytest.mark.parametrize("language", TARGET_LANGUAGES)
def test_some_words_have_no_partner(corpus: Path, language: str) -> None:
    stem = corpus / "parallel" / f"en-{language}"
    n_pairs = len(" ".join(_lines(Path(f"{stem}.align"))).split(" "))
    n_words = len(" ".join(_lines(Path(f"{stem}.en"))).split(" "))
    assert 0.6 * n_words < n_pairs < n_words


@pytest.mark.parametrize("language", LANGUAGES)
def test_conllu_is_well_formed(corpus: Path, language: str) -> None:
    for path in (corpus / "pos" / language).iterdir():
        for block in _blocks(path):
            words = [row for row in block if row[0].isdigit()]
            assert [int(row[0]) for row in words] == list(range(1, len(words) + 1))
            assert all(len(row) == 10 for row in block)
            assert {row[3] for row in words} <= UPOS


def test_conllu_holds_multiword_tokens(corpus: Path) -> None:
    ranges = [
        row
        for block in _blocks(corpus / "pos" / "es" / "test.conllu")
        for row in block
        if "-" in row[0]
    ]
    assert {row[1] for row in ranges} <= {"del", "al"}
    assert len(ranges) >= 5


@pytest.mark.parametrize("language", LANGUAGES)
def test_entity_tags_are_valid_bio_and_name_every_type(corpus: Path, language: str) -> None:
    for path in sorted((corpus / "ner" / language).iterdir()):
        seen = set()
        for block in _blocks(path):
            previous = "O"
            for _, tag in block:
                assert tag[:2] != "I-" or previous[2:] == tag[2:]
                previous = tag
                seen.add(tag)
        assert seen == {"O"} | {f"{bio}-{kind}" for bio in "BI" for kind in ("PER", "LOC", "ORG")}


def test_english_train_split_shows_every_tag_of_the_target_tests(corpus: Path) -> None:
    def tags(path: Path) -> set[str]:
        return {row[3] for block in _blocks(path) for row in block if row[0].isdigit()}

    trained = tags(corpus / "pos" / "en" / "train.conllu")
    for language in LANGUAGES:
        assert tags(corpus / "pos" / language / "test.conllu") <= trained
