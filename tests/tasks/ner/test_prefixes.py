import re
from collections import Counter

import pytest

from alignfreeze.contracts import TaggedSentence
from alignfreeze_tasks.ner.prefixes import without_prefixes


def cut(words: str) -> tuple[list[str], Counter[str]]:
    """What remains of words, and the notes."""
    notes: Counter[str] = Counter()
    given = TaggedSentence(tuple(words.split()), ("O",) * len(words.split()))
    (sentence,) = without_prefixes([given], notes)
    assert sentence.tags == given.tags
    return [*sentence.words], +notes


@pytest.mark.parametrize(
    "code",
    ["zh", "no", "nb", "zh-yue", "als", "simple", "be-x-old", "zh-min-nan", "map-bms", "zh-CN"],
)
def test_most_words_say_which_prefix_it_is(code):
    words, notes = cut(f"{code}:Ulm {code}:: {code}:{code}: {code}:http://x.org {code}:de:")
    assert words == ["Ulm", ":", f"{code}:", "http://x.org", "de:"]
    assert notes == {f"words whose prefix '{code}:' was cut off": 5}


def test_words_without_it_are_counted():
    words, notes = cut("no:Oslo : no:i no:er Norge no:.")
    assert words == ["Oslo", ":", "i", "er", "Norge", "."]
    assert notes == {
        "words whose prefix 'no:' was cut off": 4,
        "words without the prefix 'no:' of all others": 2,
    }


@pytest.mark.parametrize(
    "words",
    [
        ": : :",
        "de:Ulm :",
        "de: und fr:Lyon sind Verweise",
        "http://a http://b",
        "ftp://a ftp://b",
        "Anm.:1 Anm.:2",
        "10:30 11:45",
        "Re:Re Re:a",
        ":de :fr",
    ],
)
def test_what_is_no_prefix_stays(words):
    assert cut(words) == (words.split(), {})


def test_prefixes_of_several_languages_are_refused():
    message = "tokens must have the prefix of one language, got de: (2), fr: (2)"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        cut("de:Ulm de:ist fr:Lyon fr:est")


def test_a_word_is_more_than_its_prefix():
    message = "a token must not be empty, got 1 of the prefix 'de:' alone"
    with pytest.raises(ValueError, match=f"^{message}$"):
        cut("de:Ulm de: de:.")
