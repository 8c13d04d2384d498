"""Part-of-speech tagging on Universal Dependencies."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from alignfreeze.contracts import (
    PUBLISHED_LANGUAGES,
    Examples,
    HubSplit,
    Layout,
    Parts,
    Split,
    TaggedSentence,
    TaggingTask,
    cut_sentences,
    line_blocks,
    right_words,
    tagged_words,
    unquoted,
)
from alignfreeze.errors import DataError

TAGS = "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X"
"""The universal parts of speech."""

COLUMNS = 10
"""Columns of CoNLL-U: ID FORM LEMMA UPOS XPOS FEATS HEAD DEPREL DEPS MISC."""

WORD_ID = re.compile(r"(\d+)(?:([-.])(\d+))?", re.ASCII)
"""``7``: a word; ``7-8``: a multiword token over words 7 and 8; ``7.1``: an empty node after 7."""

REPOSITORY = "commul/universal_dependencies"
REVISION = "2.17"
"""The release of Universal Dependencies, which the data set has as a branch."""

TREEBANK_NAMES = (
    "en_ewt af_afribooms ar_padt bg_btb ca_ancora cs_pdtc da_ddt de_gsd el_gdt es_gsd fa_perdt "
    "fi_pud fr_gsd he_htb hi_hdtb hu_szeged it_isdt ja_gsd ko_gsd lt_alksnis lv_lvtb "
    "no_bokmaal pl_pdb pt_gsd ro_rrt ru_gsd sk_snk sl_ssj sv_pud ta_ttb th_pud tr_pud uk_iu "
    "vi_vtb zh_gsd"
)
TREEBANKS = {name.partition("_")[0]: name for name in TREEBANK_NAMES.split()}
"""The treebank of each language on the hub, as the published experiments chose it from release 2.7;
since 2.16, `cs_pdt` is a part of `cs_pdtc`."""


class PartOfSpeechTagging(TaggingTask):
    """Gives each syntactic word its universal part of speech; scored by accuracy over words."""

    folder: ClassVar[str] = "pos"
    suffix: ClassVar[str] = ".conllu"
    layouts: ClassVar[tuple[Layout, ...]] = (
        Layout("pos/{language}/{language}_*-ud-{split}.conllu"),
        *(
            Layout(f"{folder}UD_*/{{language}}_*-ud-{{split}}.conllu")
            for folder in ("pos/", "", "ud-treebanks-*/", "pos/ud-treebanks-*/")
        ),
        *(Layout(f"pos/{{language}}/{{split}}{ending}") for ending in (".tsv", ".txt", ".conll")),
        Layout("udpos/{split}-{language}.tsv"),
    )
    languages: ClassVar[tuple[str, ...]] = PUBLISHED_LANGUAGES
    primary_metric: ClassVar[str] = "accuracy"
    columns: ClassVar[tuple[str, ...]] = ("tokens", "upos")
    labels: ClassVar[tuple[str, ...]] = tuple(TAGS.split())
    unlabelled: ClassVar[str | None] = "_"  # a multiword token's, in data sets that list them

    def hub_split(self, language: str, split: Split) -> HubSplit | None:
        """The language's treebank; PUD treebanks have a test split alone.

        Nothing is split off their test data: such a language has no validation score.
        """
        treebank = TREEBANKS.get(language)
        if treebank is None or (treebank.endswith("_pud") and split != "test"):
            return None
        return HubSplit(REPOSITORY, treebank, split, self.columns, REVISION)

    def read_text(self, path: Path, language: str) -> Examples[TaggedSentence]:
        """Read FORM and UPOS from a CoNLL-U file; multiword tokens and empty nodes are skipped.

        A file whose lines are a word and its tag, as XTREME's are, is read as such.

        Raises:
            DataError: If the file is malformed; names the file and the line.
        """
        notes: Counter[str] = Counter()
        read = _syntactic_words if _is_conllu(path) else tagged_words
        return Examples(read(path, notes), notes)

    def prepared(
        self, sentences: Sequence[TaggedSentence], notes: Counter[str]
    ) -> Sequence[TaggedSentence]:
        """The sentences, if they have universal tags; ``_`` says that they have none."""
        tags = [tag for sentence in sentences for tag in sentence.tags]
        if missing := tags.count("_"):
            raise ValueError(
                f"UPOS must be given, got '_' for {missing:,} of {len(tags):,} words: the treebank "
                "lacks UPOS"
            )
        return super().prepared(sentences, notes)

    def parts(
        self, gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]
    ) -> dict[str, Parts]:
        """Of each sentence the words whose tag is right, and its words."""
        return {"accuracy": right_words(gold, predicted)}


def _is_conllu(path: Path) -> bool:
    """Whether it says so, or its first line has more columns than a word and its tag."""
    if path.suffix == ".conllu":
        return True
    lines = (line for block in line_blocks(path) for _, line in block if not line.startswith("#"))
    first = next(lines, "")
    return len(first.split("\t" if "\t" in first else None)) > 2


def _syntactic_words(path: Path, notes: Counter[str]) -> list[TaggedSentence]:
    """The sentences of a CoNLL-U file."""
    sentences = [found for block in line_blocks(path, notes) if (found := _words(block, path))]
    words = [word for found in sentences for word, _ in found]
    tags = [tag for found in sentences for _, tag in found]
    return cut_sentences(unquoted(words, notes), tags, map(len, sentences))


def _words(block: list[tuple[int, str]], path: Path) -> list[tuple[str, str]]:
    """Form and tag of each syntactic word of a sentence."""
    words: list[tuple[str, str]] = []
    last_node = 0
    for number, line in block:
        if line.startswith("#"):
            continue
        try:
            columns = _columns(line)
            start, kind, end = _parsed_id(columns[0])
            if kind == ".":
                _check_order(columns[0], start == len(words) and end > last_node)
                last_node = end
            elif kind == "-":
                _check_order(columns[0], start == len(words) + 1 and end >= start)
            else:
                _check_order(columns[0], start == len(words) + 1)
                words.append((_form(columns), columns[3]))
                last_node = 0
        except ValueError as error:
            raise DataError(str(error), file=path, line=number) from None
    return words


def _columns(line: str) -> list[str]:
    columns = line.split("\t")
    if len(columns) != COLUMNS:
        raise ValueError(f"a line must have {COLUMNS} tab-separated columns, got {len(columns)}")
    return columns


def _parsed_id(text: str) -> tuple[int, str | None, int]:
    """The parts of an ID: a number, what follows it, and a second number (0 if there is none)."""
    if text.isascii() and text.isdecimal():  # most are
        return int(text), None, 0
    match = WORD_ID.fullmatch(text)
    if match is None:
        raise ValueError(f"an ID must be an integer, a range or a decimal, got {text!r:.60}")
    return int(match[1]), match[2], int(match[3] or 0)


def _check_order(text: str, in_order: bool) -> None:
    if not in_order:
        raise ValueError(
            f"IDs must number the words from 1 in order, got {text!r:.60} out of order"
        )


def _form(columns: list[str]) -> str:
    if not columns[1]:
        raise ValueError("FORM must not be empty")
    return columns[1]
