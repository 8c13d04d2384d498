"""Exact match and F1 of answers, by two sets of rules: SQuAD's script, and MLQA's.

Two scripts are in use, and their scores must not be compared with each other:

- SQuAD 1.1's (Rajpurkar et al., 2016; ``evaluate-v1.1.py``) knows English alone. XTREME (Hu et
  al., 2020) scores XQuAD and TyDiQA-GoldP with it in every language (``METRIC_FUNCTION`` in its
  ``evaluate.py``), and so it is what most tables of XQuAD hold. It splits at white space, so a
  Thai or Chinese answer is mostly one token, all right or all wrong; TyDiQA-GoldP leaves Thai and
  Japanese out for that reason.
- MLQA's (Lewis et al., 2020; ``mlqa_evaluation_v1.py``) knows the seven languages of MLQA (ar de
  en es hi vi zh), and XTREME scores MLQA alone with it.

Sources: github.com/google-research/xtreme at 838c13b (``evaluate.py``,
``third_party/evaluate_squad.py``, ``third_party/evaluate_mlqa.py``), facebookresearch/MLQA at
5ef5c73, the README of TyDiQA's ``gold_passage_baseline``.
"""

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence

Tokenize = Callable[[str], list[str]]
"""From an answer to the tokens of it that count."""

ENGLISH = "en"
ENGLISH_ARTICLES = re.compile(r"\b(?:a|an|the)\b")

ARTICLES = {
    "de": "ein eine einen einem eines einer der die das den dem des",
    "es": "un una unos unas el la los las",
    "vi": "của là cái chiếc những",
}
"""Words that do not count in an answer, as MLQA has them; Hindi and Chinese have none there."""

ARTICLE_PATTERNS = {
    **{
        language: re.compile(rf"\b(?:{'|'.join(words.split())})\b")
        for language, words in ARTICLES.items()
    },
    # MLQA takes the Arabic article out wherever its letters occur, within a word too.
    "ar": re.compile("ال"),
}

UNSPACED = re.compile(
    "([\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"  # Han
    "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # kana
    "\u0e01-\u0e5b"  # Thai
    "\u0e81-\u0edf"  # Lao
    "\u1780-\u17f9\u19e0-\u19ff"  # Khmer
    "\u1000-\u109f\ua9e0-\ua9fe\uaa60-\uaa7f])"  # Burmese
)
CHARACTER_TOKENS = {
    "zh": re.compile("([\u4e00-\u9fa5])"),  # as MLQA has it: no kana, no rarer Han
    **dict.fromkeys(("ja", "th", "lo", "km", "my"), UNSPACED),
}
"""By language without spaces between words: the characters that are tokens of their own."""


def squad_tokens(text: str) -> list[str]:
    """The tokens of an answer that count by SQuAD 1.1's script, whatever the language.

    Lower case, without ASCII punctuation and English articles, split at white space.
    """
    text = "".join(character for character in text.lower() if character not in string.punctuation)
    return ENGLISH_ARTICLES.sub(" ", text).split()


def own_tokens(text: str, language: str) -> list[str]:
    """The tokens of an answer that count by the rules of its language.

    English as SQuAD's script has it (MLQA's differs there in one thing: it leaves Unicode's
    punctuation out in English too). Other languages as MLQA's: lower case, without Unicode's
    punctuation and the language's own articles, if any are known, split at white space; each Han
    character of a Chinese answer is a token. Languages that MLQA does not have are scored in its
    manner: without articles (el, ro, ru, tr and others), and with each Han, kana, Thai, Lao, Khmer
    or Burmese character (Unicode code point) a token where words are not spaced (ja, th, lo, km,
    my).

    Args:
        text: The answer.
        language: Its code; the rules are those of its first part, of `zh` for `zh-CN` or `zh_TW`.
    """
    language = language.lower().replace("_", "-").partition("-")[0]
    if language == ENGLISH:
        return squad_tokens(text)
    text = "".join(character for character in text.lower() if not _is_punctuation(character))
    if language in ARTICLE_PATTERNS:
        text = ARTICLE_PATTERNS[language].sub(" ", text)
    if language in CHARACTER_TOKENS:
        text = CHARACTER_TOKENS[language].sub(r" \1 ", text)
    return text.split()


def _is_punctuation(character: str) -> bool:
    return character in string.punctuation or unicodedata.category(character).startswith("P")


def exact_match(predicted: Sequence[str], gold: Sequence[str]) -> float:
    """Whether two answers have the same tokens: 1 or 0."""
    return float(list(predicted) == list(gold))


def f1(predicted: Sequence[str], gold: Sequence[str]) -> float:
    """Harmonic mean of precision and recall over the tokens that two answers share.

    As in both scripts, 0 where they share none, even if both are empty.
    """
    shared = (Counter(predicted) & Counter(gold)).total()
    return 2 * shared / (len(predicted) + len(gold)) if shared else 0.0


def best(
    score: Callable[[Sequence[str], Sequence[str]], float],
    tokenize: Tokenize,
    predicted: str,
    answers: Sequence[str],
) -> float:
    """The highest score that a prediction has with any of the right answers.

    Args:
        score: `exact_match` or `f1`.
        tokenize: The rules: `squad_tokens`, or `own_tokens` of a language.
        predicted: The predicted answer; empty for none.
        answers: The right answers, at least one.
    """
    tokens = tokenize(predicted)
    return max(score(tokens, tokenize(answer)) for answer in answers)
