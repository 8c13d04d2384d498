"""Tags from a dictionary alone: how far PoS comes without an encoder.

    python benchmarks/lookup.py [--data DIR --languages de,fr]

Each word of the test split has the tag that its translations into English have most often in the
English training data; a word without any there has the most frequent tag. A realignment by the same
dictionaries that comes to such a number may have learnt no more than what they say. All languages
are asked about where none are given.
"""

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import mean
from unicodedata import normalize

from alignfreeze.contracts import Bitext, numbered_lines, split_tokens
from alignfreeze.contracts.registry import TASK, create_plugin
from alignfreeze.contracts.tagged_lines import TaggedSentence
from alignfreeze.data.bitexts import find_bitexts
from alignfreeze.data.finding import find_data
from alignfreeze.errors import AlignFreezeError

SOURCE = "en"


def looked_up(word: str) -> str:
    """A word as dictionaries have it."""
    return normalize("NFC", word.lower())


def words_of(sentences: Iterable[TaggedSentence]) -> Iterator[tuple[str, str]]:
    """Words with their tags."""
    for sentence in sentences:
        yield from zip(map(looked_up, sentence.words), sentence.tags, strict=True)


def entries(path: Path | None) -> Iterator[tuple[str, str]]:
    """The entries of a dictionary."""
    for _, line in numbered_lines(path) if path else ():
        columns = split_tokens(line)
        if len(columns) == 2:
            yield looked_up(columns[0]), looked_up(columns[1])


def sources_of(bitext: Bitext) -> dict[str, set[str]]:
    """The source words that each target word may be translated by, in either dictionary."""
    found = defaultdict(set)
    for source, target in entries(bitext.forward_dictionary):
        found[target].add(source)
    for target, source in entries(bitext.backward_dictionary):
        found[target].add(source)
    return found


def main() -> None:
    """Print a line for each language, and the means."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--data", default="demo")
    arguments.add_argument("--languages", default="")
    asked = arguments.parse_args()
    data, task = find_data(asked.data), create_plugin(TASK, "pos", {})
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for word, tag in words_of(task.load(data, SOURCE, "train")):
        seen[word][tag] += 1
    usual = sum(seen.values(), Counter()).most_common(1)[0][0]
    there = set(task.languages_in(data)) - {SOURCE}
    targets = asked.languages.split(",") if asked.languages else sorted(there)
    texts = {bitext.target: bitext for bitext in find_bitexts(data, SOURCE, targets)}
    shares = []
    print("language    words  translated   right")
    for language in targets:
        sources = sources_of(texts[language])
        words = list(words_of(task.load(data, language, "test")))
        translated = right = 0
        for word, tag in words:
            known = sorted(sources.get(word, set()) & seen.keys())  # or ties would fall by chance
            tags = sum((seen[source] for source in known), Counter())
            translated += bool(tags)
            right += tag == (tags.most_common(1)[0][0] if tags else usual)
        shares.append((translated / len(words), right / len(words)))
        print(f"{language:8} {len(words):8,} {shares[-1][0]:10.1%} {shares[-1][1]:7.1%}")
    means = [mean(column) for column in zip(*shares, strict=True)]
    print(f"mean              {means[0]:10.1%} {means[1]:7.1%}")


if __name__ == "__main__":
    try:
        main()
    except AlignFreezeError as error:
        raise SystemExit(str(error)) from None
