"""Exact match and F1 of answers: SQuAD's rules for English, MLQA's for other languages."""

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence

ARTICLES = {
    "en": "a an the",
    "de": "ein eine einen einem eines einer der die das den dem des",
    "es": "un una unos unas el la los las",
    "vi": "của là cái chiếc những",
}
"""Words that do not count in an answer; Spanish, German and Vietnamese as in MLQA."""

ARTICLE_PATTERNS = {
    **{
        language: re.compile(rf"\b(?:{'|'.join(words.split())})\b")
        for language, words in ARTICLES.items()
    },
    # MLQA takes the Arabic article out wherever its letters occur, within a word too.
    "ar": re.compile("ال"),
}

UNSPACED_LANGUAGES = frozenset({"zh", "ja", "th", "lo", "km", "my"})
"""Languages that put no space between words."""

UNSPACED_CHARACTERS = re.compile(
    "([\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"  # Han
    "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # kana
    "\u0e01-\u0e5b"  # Thai
    "\u0e81-\u0edf"  # Lao
    "\u1780-\u17f9\u19e0-\u19ff"  # Khmer
    "\u1000-\u109f\ua9e0-\ua9fe\uaa60-\uaa7f])"  # Burmese
)
"""Characters that are tokens of their own in those languages."""


def normalized(text: str, language: str) -> list[str]:
    """The tokens of an answer that count.

    English as SQuAD 1.1 has it (Rajpurkar et al., 2016): lower case, without ASCII punctuation
    and articles, split at white space. Other languages as MLQA has them (Lewis et al., 2020):
    punctuation is Unicode's too, the articles are the language's own (if it has any there), and
    in languages without spaces each Han, kana, Thai, Lao, Khmer or Burmese character is a token.

    Args:
        text: The answer.
        language: Its code; the rules are those of its first part, of `zh` for `zh-CN` or `zh_TW`.
    """
    language = language.lower().replace("_", "-").partition("-")[0]
    is_punctuation = _is_ascii_punctuation if language == "en" else _is_any_punctuation
    text = "".join(character for character in text.lower() if not is_punctuation(character))
    if language in ARTICLE_PATTERNS:
        text = ARTICLE_PATTERNS[language].sub(" ", text)
    if language in UNSPACED_LANGUAGES:
        text = UNSPACED_CHARACTERS.sub(r" \1 ", text)
    return text.split()


def _is_ascii_punctuation(character: str) -> bool:
    return character in string.punctuation


def _is_any_punctuation(character: str) -> bool:
    return character in string.punctuation or unicodedata.category(character).startswith("P")


def exact_match(predicted: Sequence[str], gold: Sequence[str]) -> float:
    """Whether two answers have the same tokens: 1 or 0."""
    return float(list(predicted) == list(gold))


def f1(predicted: Sequence[str], gold: Sequence[str]) -> float:
    """Harmonic mean of precision and recall over the tokens that two answers share.

    As in SQuAD 1.1, 0 where they share none, even if both are empty.
    """
    shared = (Counter(predicted) & Counter(gold)).total()
    return 2 * shared / (len(predicted) + len(gold)) if shared else 0.0


def best(
    score: Callable[[Sequence[str], Sequence[str]], float],
    predicted: str,
    answers: Sequence[str],
    language: str,
) -> float:
    """The highest score that a prediction has with any of the right answers.

    Args:
        score: `exact_match` or `f1`.
        predicted: The predicted answer; empty for none.
        answers: The right answers, at least one.
        language: Their language.
    """
    tokens = normalized(predicted, language)
    return max(score(tokens, normalized(answer, language)) for answer in answers)
