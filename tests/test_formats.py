"""Each line of the table of formats in docs/data.md, tried on a file of that format."""

import gzip
import json
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alignfreeze.alignment.corpus import aligned_corpora
from alignfreeze.config import RunConfig
from alignfreeze.contracts import DataSource, TaggedSentence, TextPair, numbered_lines
from alignfreeze.contracts.registry import TASK, create_plugin
from alignfreeze.data.bitexts import find_bitexts
from alignfreeze.errors import DataError

DOCS = Path(__file__).parent.parent / "docs" / "data.md"

SENTENCE = [("Anna", "PROPN"), ("wohnt", "VERB"), ("in", "ADP"), ("Ulm", "PROPN")]
ENTITIES = [("Anna", "B-PER"), ("wohnt", "O"), ("in", "O"), ("Ulm", "B-LOC")]
PAIR_COLUMNS = ("premise", "hypothesis", "label")
PAIR = ("Er schläft.", "Er ruht.", "entailment")
QUESTION = ("Wo wohnt Anna?", "Anna wohnt in Ulm.", ("Ulm",), (14,))

CONLLU = "".join(
    f"{n}\t{word}\t_\t{tag}\t_\t_\t_\t_\t_\t_\n" for n, (word, tag) in enumerate(SENTENCE, 1)
)
TAGGED = "".join(f"{word}\t{tag}\n" for word, tag in ENTITIES)
COLUMNS = "".join(f"{word} NN B-NP {tag}\n" for word, tag in ENTITIES)


class Format(NamedTuple):
    """A way in which people have a test set of German: its files, and what is read of them.

    ``kind`` is the task, ``text`` for parallel text, ``links`` for its alignment; ``found`` what is
    read, or a pattern of the error.
    """

    kind: str
    files: Mapping[str, str | bytes]
    found: Any
    notes: str = ""
    args: Mapping[str, Any] = {}


def entry(**changes: Any) -> dict[str, Any]:
    """A question as SQuAD has it."""
    question, _, (text,), (start,) = QUESTION
    answers = [{"text": text, "answer_start": start}]
    return {"id": "1", "question": question, "answers": answers, **changes}


def squad(*entries: dict[str, Any], version: str = "1.1") -> str:
    paragraphs = [{"context": QUESTION[1], "qas": list(entries) or [entry()]}]
    return json.dumps({"version": version, "data": [{"title": "", "paragraphs": paragraphs}]})


def row() -> str:
    question, context, texts, starts = QUESTION
    answers = {"text": list(texts), "answer_start": list(starts)}
    return json.dumps({"id": "1", "question": question, "context": context, "answers": answers})


def parquet(**columns: list[Any]) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue().to_pybytes()


def table(*lines: tuple[str, ...]) -> str:
    return "".join("\t".join(line) + "\n" for line in lines)


XNLI = table(
    ("language", "gold_label", "sentence1_binary_parse", "sentence1", "sentence2"),
    ("de", "entailment", "", *PAIR[:2]),
    ("fr", "neutral", "", "Il dort.", "Il rêve."),
)
UNANSWERED = entry(id="2", answers=[], is_impossible=True)
LOST = entry(id="3", answers=[{"text": "Bonn", "answer_start": 0}])

TEXTS = [("see the dog", "sieh den Hund"), ("a house", "ein Haus")]
ENGLISH, GERMAN = ("".join(f"{text}\n" for text in side) for side in zip(*TEXTS, strict=True))
MOSES = {"parallel/en-de.en": ENGLISH, "parallel/en-de.de": GERMAN}
UNITS = "".join(
    f'<tu><tuv xml:lang="en-US"><seg>{english}</seg></tuv>'
    f'<tuv xml:lang="de"><seg>{german}</seg></tuv></tu>'
    for english, german in TEXTS
)
LINKS = [[(2, 2)], [(1, 1)]]
WORDS = {"dictionaries/en-de.txt": "dog Hund\nhouse Haus\nice cream Eis\n"}

FORMATS: dict[str, Format] = {
    "Moses format": Format("text", MOSES, TEXTS),
    "OPUS's `Tatoeba.de-en.de`": Format(
        "text",
        {"parallel/Tatoeba.de-en.en": ENGLISH, "parallel/Tatoeba.de-en.de": GERMAN},
        r"must be named en-de\.de",
    ),
    "packed files, `.gz`": Format(
        "text", {f"{name}.gz": gzip.compress(text.encode()) for name, text in MOSES.items()}, TEXTS
    ),
    "a table of two languages": Format("text", {"parallel/en-de.tsv": table(*TEXTS)}, TEXTS),
    "a table with ids or scores, such as Tatoeba's": Format(
        "text",
        {"parallel/de-en.tsv": table(*((str(n), d, "9", e) for n, (e, d) in enumerate(TEXTS)))},
        TEXTS,
        notes="columns of de-en.tsv left out",
    ),
    "TMX": Format(
        "text",
        {"parallel/en-de.tmx": f'<tmx version="1.4"><header/><body>{UNITS}</body></tmx>'},
        TEXTS,
    ),
    "alignments in Pharaoh format": Format(
        "links",
        {**MOSES, "parallel/en-de.align": "2-2 0-0 1-0\n1-1\n"},
        LINKS,
        notes="2 not one to one dropped",
    ),
    "alignments with probabilities": Format(
        "links",
        {**MOSES, "parallel/en-de.align": "2-2:0.9 1-0:0.1\n1-1:0.5\n"},
        LINKS,
        notes="1 of low scores",
        args={"aligner_args": {"threshold": 0.5}, "aligner": "pharaoh"},
    ),
    "scores of sentence pairs (COMETKiwi, LaBSE, Bicleaner)": Format(
        "links",
        {**MOSES, **WORDS, "parallel/en-de.scores": "0.8\n-0.5\n"},
        LINKS[:1],
        notes="1 of low quality",
        args={"pair_quality": 0.5},
    ),
    "alignments counted from 1": Format(
        "links", {**MOSES, "parallel/en-de.align": "3-3\n2-2\n"}, "probably counted from 1"
    ),
    "MUSE's dictionaries": Format(
        "links", {**MOSES, **WORDS}, LINKS, notes="1 entries of several words"
    ),
    "another list of words": Format(
        "links", {**MOSES, "dictionaries/en-de.txt": "dog;N;EN-DE;Hund\n"}, "must have two words"
    ),
    "CoNLL-U": Format("pos", {"pos/de/test.conllu": CONLLU}, [SENTENCE]),
    "a Universal Dependencies release": Format(
        "pos", {"UD_German-GSD/de_gsd-ud-test.conllu": CONLLU}, [SENTENCE]
    ),
    "a treebank without its words": Format(
        "pos",
        {"pos/de/test.conllu": re.sub(r"^(\d+)\t\w+", r"\1\t_", CONLLU, flags=re.MULTILINE)},
        r"pos/de/test\.conllu: .*100",
    ),
    "XTREME's `udpos/`": Format(
        "pos", {"udpos/test-de.tsv": "".join(f"{w}\t{t}\n" for w, t in SENTENCE)}, [SENTENCE]
    ),
    "XTREME's `panx/`": Format("ner", {"panx/test-de.tsv": TAGGED}, [ENTITIES]),
    "XTREME's test sets": Format(
        "ner", {"panx/test-de.tsv": "".join(f"{word}\n" for word, _ in ENTITIES)}, "without a tag"
    ),
    "WikiANN's own archives": Format(
        "ner",
        {"ner/de/test": "".join(f"de:{word}\t{tag}\n" for word, tag in ENTITIES)},
        [ENTITIES],
        notes="prefix 'de:'",
    ),
    "CoNLL-2002, CoNLL-2003": Format(
        "ner", {"ner/de/test.txt": f"-DOCSTART- -X- O O\n\n{COLUMNS}"}, [ENTITIES], notes="DOCSTART"
    ),
    "GermEval 2014": Format(
        "ner",
        {
            "ner/de/test.tsv": "#\thttp://example.org\n"
            + "".join(f"{n}\t{word}\t{tag}\tO\n" for n, (word, tag) in enumerate(ENTITIES, 1))
        },
        [ENTITIES],
        notes="columns",
    ),
    "other types of entities": Format(
        "ner", {"ner/de/test.tsv": f"{TAGGED}2020\tB-DATE\n"}, r"DATE \(1\).*ner\.labels="
    ),
    "other types of entities, to be read as `O`": Format(
        "ner",
        {"ner/de/test.tsv": f"{TAGGED}2020\tB-DATE\n"},
        [[*ENTITIES, ("2020", "O")]],
        notes="DATE",
        args={"other": "O"},
    ),
    "IOB1, BIOES, BILOU or BMES": Format(
        "ner",
        {"ner/de/test.tsv": "Anna\tS-PER\nwohnt\tO\nin\tO\nUlm\tB-LOC\nan\tI-LOC\nder\tE-LOC\n"},
        [[*ENTITIES, ("an", "I-LOC"), ("der", "I-LOC")]],
        notes="B",
    ),
    "XNLI": Format("nli", {"XNLI-1.0/xnli.test.tsv": XNLI}, [PAIR], notes="other languages"),
    "XNLI, machine-translated": Format(
        "nli",
        {"nli/de/test.tsv": table(("premise", "hypo", "label"), PAIR)},
        [PAIR],
    ),
    "MultiNLI": Format(
        "nli",
        {
            "nli/de/test.tsv": table(
                ("index", "sentence1", "sentence2", "gold_label"),
                ("1", *PAIR),
                ("2", "Er geht.", "Er steht.", "-"),
            )
        },
        [PAIR],
        notes="1 pairs without a label",
    ),
    "CSV": Format(
        "nli",
        {"nli/de/test.csv": 'label,premise,hypothesis\nentailment,"Er schläft.","Er ruht."\n'},
        [PAIR],
        notes="quotation marks",
    ),
    "JSON lines of pairs": Format(
        "nli",
        {"nli/de/test.jsonl": json.dumps(dict(zip(PAIR_COLUMNS, PAIR, strict=True)))},
        [PAIR],
    ),
    "SQuAD 1.1": Format("qa", {"qa/de/test.json": squad()}, [QUESTION]),
    "XQuAD": Format("qa", {"xquad/xquad.de.json": squad()}, [QUESTION]),
    "MLQA": Format(
        "qa", {"mlqa/MLQA_V1/test/test-context-de-question-de.json": squad()}, [QUESTION]
    ),
    "TyDiQA-GoldP": Format(
        "qa", {"tydiqa/tydiqa-goldp-v1.1-dev/tydiqa.goldp.de.dev.json": squad()}, [QUESTION]
    ),
    "SQuAD 2": Format(
        "qa", {"qa/de/test.json": squad(entry(), UNANSWERED, version="v2.0")}, r"v2.*qa\.no_answer"
    ),
    "SQuAD 2, answered questions alone": Format(
        "qa",
        {"qa/de/test.json": squad(entry(), UNANSWERED, version="v2.0")},
        [QUESTION],
        notes="1 questions without an answer",
        args={"no_answer": "skip"},
    ),
    "answers that are not in their text": Format(
        "qa", {"qa/de/test.json": squad(entry(), LOST)}, r"1 of 2 questions .* 3 .*qa\.misplaced"
    ),
    "JSON lines of questions": Format("qa", {"qa/de/test.jsonl": row()}, [QUESTION]),
    "parquet": Format(
        "ner",
        {
            "ner/de/test.parquet": parquet(
                tokens=[[word for word, _ in ENTITIES]], ner_tags=[[tag for _, tag in ENTITIES]]
            )
        },
        [ENTITIES],
    ),
    "lines that end as Windows ends them": Format(
        "pos", {"pos/de/test.conllu": CONLLU.replace("\n", "\r\n")}, [SENTENCE]
    ),
    "another encoding than UTF-8": Format(
        "pos", {"pos/de/test.conllu": CONLLU.replace("Ulm", "Köln").encode("latin-1")}, "UTF-8"
    ),
}


def plain(example: Any) -> Any:
    """An example without its class."""
    if isinstance(example, TaggedSentence):
        return list(zip(example.words, example.tags, strict=True))
    if isinstance(example, TextPair):
        return example.first, example.second, example.label
    return example.question, example.context, example.answers, example.starts


def read(kind: str, source: DataSource, args: Mapping[str, Any]) -> list[Any]:
    """What is read of German: sentences, questions or pairs, parallel texts, or their links."""
    if kind not in ("text", "links"):
        task = create_plugin(TASK, kind, dict(args))
        assert "de" in task.languages_in(source)
        return [plain(example) for example in task.load(source, "de", "test")]
    if kind == "text":
        (bitext,) = find_bitexts(source, "en", ["de"])
        logging.getLogger("alignfreeze").warning("%s", dict(bitext.notes))
        sides = (bitext.source_file, bitext.target_file)
        return list(zip(*([line for _, line in numbered_lines(x)] for x in sides), strict=True))
    (corpus,) = aligned_corpora(source, RunConfig(**args), ["de"])
    return [row.alignment for row in corpus.rows(range(len(corpus)))]


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_read_or_refused_as_the_docs_say(
    name: str, source: DataSource, tmp_path: Path, monkeypatch: Any, caplog: Any
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("ALIGNFREEZE_CACHE", str(tmp_path / "cache"))
    had = FORMATS[name]
    for path, content in had.files.items():
        (source.root / path).parent.mkdir(parents=True, exist_ok=True)
        encoded = content if isinstance(content, bytes) else content.encode()
        (source.root / path).write_bytes(encoded)
    if isinstance(had.found, str):
        with pytest.raises(DataError, match=had.found):
            read(had.kind, source, had.args)
    else:
        assert read(had.kind, source, had.args) == had.found
        assert had.notes in caplog.text


def test_the_docs_list_what_is_tried() -> None:
    section = DOCS.read_text("utf-8").partition("## Formats\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \|", section, flags=re.MULTILINE)
    assert rows == ["what you have", *FORMATS]
