"""Write the demo's corpus: the files that a folder of real data would hold.

Every split is drawn in a fixed order from one seed, and no two splits share an example in any
language.  Target languages are tested on translations of the same sentences.
"""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from tools.demo.grammar import Linearizer, Token, align
from tools.demo.lexicon import SOURCE_LANGUAGE, load_lexicon
from tools.demo.meaning import Sentence
from tools.demo.understanding import write_inferences, write_questions
from tools.demo.world import World
from tools.demo.writing import text_of, write_lines

LANGUAGES = load_lexicon().languages
TARGET_LANGUAGES = tuple(code for code in LANGUAGES if code != SOURCE_LANGUAGE)

Tokens: TypeAlias = Sequence[Token]

_SEED = 20240
_TASK_SIZES = {"train": 1500, "dev": 125, "test": 250}
_PAIRS_PER_LANGUAGE = 2000
_NAME_RATES = {"pos": 0.25, "ner": 0.6, "parallel": 0.35}
_CONTRACTIONS = {("es", "de", "el"): "del", ("es", "a", "el"): "al", ("de", "von", "der"): "vom"}


def write_corpus(folder: Path) -> None:
    """Write the corpus, the same bytes each time, in the layout of a data folder.

    That is `parallel/en-XX.{en,XX,align}`, `dictionaries/{en-XX,XX-en}.txt`,
    `pos/XX/{train,dev,test}.conllu`, `{ner,nli}/XX/{train,dev,test}.tsv` and
    `qa/XX/{train,dev,test}.json`, where only English has a `train` split.

    Args:
        folder: Where to write; it is made where it is missing.

    Raises:
        OSError: If the folder cannot be written.
    """
    generator = random.Random(_SEED)
    drawer = _Drawer(generator)
    for task in ("pos", "ner"):
        _write_task(folder / task, task, drawer)
    for language in sorted(TARGET_LANGUAGES):
        _write_parallel(folder / "parallel", language, drawer)
        _write_dictionaries(folder / "dictionaries", language)
    write_inferences(folder / "nli", f"{_SEED}-nli")
    write_questions(folder / "qa", f"{_SEED}-qa")


class _Drawer:
    """Draws sentences that no earlier call returned, in none of the languages asked for."""

    def __init__(self, generator: random.Random) -> None:
        self._worlds = {
            name: World(generator, name_rate=rate) for name, rate in sorted(_NAME_RATES.items())
        }
        self._linearizers = {language: Linearizer(language) for language in LANGUAGES}
        self._seen: dict[str, set[str]] = {language: set() for language in LANGUAGES}

    def draw(self, style: str, n: int, languages: Sequence[str]) -> list[dict[str, Tokens]]:
        """Return `n` sentences, each said in every one of the languages."""
        drawn: list[dict[str, Tokens]] = []
        while len(drawn) < n:
            said = self._say(self._worlds[style].sentence(), languages)
            texts = {language: text_of(tokens) for language, tokens in said.items()}
            if any(text in self._seen[language] for language, text in texts.items()):
                continue
            for language, text in texts.items():
                self._seen[language].add(text)
            drawn.append(said)
        return drawn

    def _say(self, sentence: Sentence, languages: Sequence[str]) -> dict[str, Tokens]:
        return {language: self._linearizers[language].sentence(sentence) for language in languages}


def _write_task(folder: Path, task: str, drawer: _Drawer) -> None:
    for split, size in _TASK_SIZES.items():
        languages = (SOURCE_LANGUAGE,) if split == "train" else LANGUAGES
        sentences = drawer.draw(task, size, languages)
        for language in languages:
            texts = [said[language] for said in sentences]
            if task == "pos":
                lines = _conllu_lines(texts, language, split)
                write_lines(folder / language / f"{split}.conllu", lines)
            else:
                write_lines(folder / language / f"{split}.tsv", _ner_lines(texts))


def _conllu_lines(sentences: Sequence[Tokens], language: str, split: str) -> Iterator[str]:
    for number, tokens in enumerate(sentences, start=1):
        yield f"# sent_id = demo-{language}-{split}-{number:04d}"
        yield f"# text = {text_of(tokens)}"
        for index, token in enumerate(tokens, start=1):
            following = tokens[index].form if index < len(tokens) else ""
            contraction = _CONTRACTIONS.get((language, token.form, following))
            if contraction is not None:
                yield "\t".join((f"{index}-{index + 1}", contraction, *"_" * 8))
            yield "\t".join((str(index), token.form, "_", token.upos, *"_" * 6))
        yield ""


def _ner_lines(sentences: Sequence[Tokens]) -> Iterator[str]:
    for tokens in sentences:
        yield from (f"{token.form}\t{token.entity}" for token in tokens)
        yield ""


def _write_parallel(folder: Path, language: str, drawer: _Drawer) -> None:
    pairs = drawer.draw("parallel", _PAIRS_PER_LANGUAGE, (SOURCE_LANGUAGE, language))
    stem = f"{SOURCE_LANGUAGE}-{language}"
    for side in (SOURCE_LANGUAGE, language):
        write_lines(folder / f"{stem}.{side}", (text_of(pair[side]) for pair in pairs))
    alignments = (align(pair[SOURCE_LANGUAGE], pair[language]) for pair in pairs)
    lines = (" ".join(f"{i}-{j}" for i, j in alignment) for alignment in alignments)
    write_lines(folder / f"{stem}.align", lines)


def _write_dictionaries(folder: Path, language: str) -> None:
    """Write both directions in lower case, as MUSE does."""
    entries = {
        (concept.words[SOURCE_LANGUAGE].lower(), concept.words[language].lower())
        for concept in load_lexicon().concepts.values()
        if SOURCE_LANGUAGE in concept.words and language in concept.words
    }
    forward = sorted(entries)
    backward = sorted((target, source) for source, target in entries)
    for name, pairs in (
        (f"{SOURCE_LANGUAGE}-{language}", forward),
        (f"{language}-{SOURCE_LANGUAGE}", backward),
    ):
        write_lines(folder / f"{name}.txt", (f"{left} {right}" for left, right in pairs))
