"""Write the demo's labelled pairs of statements and its questions: the same in every language."""

import json
import logging
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from tools.demo.grammar import Linearizer, Token
from tools.demo.inference import LABELS, Inference, Inferences
from tools.demo.lexicon import SOURCE_LANGUAGE, load_lexicon
from tools.demo.meaning import Sentence
from tools.demo.questions import Asked, Paragraphs, say
from tools.demo.writing import text_of, write_lines

_log = logging.getLogger(__name__)

Said: TypeAlias = tuple[tuple[Token, ...], list[Asked]]
"""A paragraph's words in a language, and its questions."""

_LANGUAGES = load_lexicon().languages
_PAIRS = {"train": 1500, "dev": 120, "test": 240}
_PARAGRAPHS = {"train": 600, "dev": 60, "test": 120}


def write_inferences(folder: Path, seed: str) -> None:
    """Write `XX/{train,dev,test}.tsv`, `premise<TAB>hypothesis<TAB>label`, as many a label.

    No pair is in a language twice, in whichever splits.
    """
    inferences = Inferences(random.Random(seed))
    linearizers = {language: Linearizer(language) for language in _LANGUAGES}
    seen: set[tuple[str, str]] = set()
    for split, size in _PAIRS.items():
        languages = _languages_of(split)
        lines: dict[str, list[str]] = {language: [] for language in languages}
        while len(lines[SOURCE_LANGUAGE]) < size:
            label = LABELS[len(lines[SOURCE_LANGUAGE]) % len(LABELS)]
            inference = inferences.draw(label)
            pairs = {x: _pair_line(inference, linearizers[x]) for x in languages}
            if not seen.isdisjoint(pairs.items()):
                continue
            seen.update(pairs.items())
            for language, pair in pairs.items():
                lines[language].append(f"{pair}\t{label}")
        for language in languages:
            write_lines(folder / language / f"{split}.tsv", lines[language])


def _pair_line(inference: Inference, linearizer: Linearizer) -> str:
    clauses = (inference.premise, inference.hypothesis)
    return "\t".join(text_of(linearizer.sentence(Sentence(clause))) for clause in clauses)


def write_questions(folder: Path, seed: str) -> None:
    """Write `XX/{train,dev,test}.json`, in the format of SQuAD 1.1.

    No text is in a language twice, in whichever splits.  A question whose answer is in pieces in
    any language is left out of all, and counted.
    """
    paragraphs = Paragraphs(random.Random(seed))
    linearizers = {language: Linearizer(language) for language in _LANGUAGES}
    seen: set[tuple[str, str]] = set()
    for split, size in _PARAGRAPHS.items():
        said: dict[str, list[Said]] = {language: [] for language in _languages_of(split)}
        while len(said[SOURCE_LANGUAGE]) < size:
            paragraph = paragraphs.draw()
            drawn = {x: say(paragraph, linearizers[x]) for x in said}
            texts = {x: text_of(words) for x, (words, _) in drawn.items()}
            if not seen.isdisjoint(texts.items()):
                continue
            seen.update(texts.items())
            for language, one in drawn.items():
                said[language].append(one)
        _write_paragraphs(folder, split, said)


def _write_paragraphs(folder: Path, split: str, said: Mapping[str, Sequence[Said]]) -> None:
    broken = {
        (number, index)
        for texts in said.values()
        for number, (_, questions) in enumerate(texts)
        for index, asked in enumerate(questions)
        if asked.span is None
    }
    if broken:
        _log.info("qa %s: %d questions left out, their answers in pieces", split, len(broken))
    for language, texts in said.items():
        entries = [
            _squad_paragraph(text_of(words).split(" "), questions, number, split, broken)
            for number, (words, questions) in enumerate(texts)
        ]
        document = {"title": "demo", "paragraphs": [e for e in entries if e["qas"]]}
        content = json.dumps({"version": "1.1", "data": [document]}, ensure_ascii=False)
        write_lines(folder / language / f"{split}.json", [content])


def _squad_paragraph(
    words: Sequence[str],
    questions: Sequence[Asked],
    number: int,
    split: str,
    broken: set[tuple[int, int]],
) -> dict[str, Any]:
    entries = []
    for index, asked in enumerate(questions):
        if asked.span is None or (number, index) in broken:
            continue
        start, end = asked.span
        answer = {
            "text": " ".join(words[start:end]),
            "answer_start": len("".join(f"{word} " for word in words[:start])),
        }
        identifier = f"{split}-{number:04d}-{index}"
        entries.append({"id": identifier, "question": text_of(asked.words), "answers": [answer]})
    return {"context": " ".join(words), "qas": entries}


def _languages_of(split: str) -> tuple[str, ...]:
    return (SOURCE_LANGUAGE,) if split == "train" else _LANGUAGES
