"""Every score by hand, or by a naive reading of the two scripts' rules."""

import json
import re
import string
import unicodedata
from fractions import Fraction
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignfreeze_tasks.qa import QuestionAnswering
from alignfreeze_tasks.qa.answers import AnsweredQuestion
from alignfreeze_tasks.qa.scoring import best, exact_match, f1, own_tokens, squad_tokens

FIXTURE = json.loads(Path(__file__).with_name("predictions.json").read_text("utf-8"))


def own(language: str):
    """The rules of a language."""
    return partial(own_tokens, language=language)


def naive_squad_tokens(text: str) -> list[str]:
    """The rules of SQuAD 1.1's evaluation, in words: lower case, no punctuation, no articles."""
    kept = ""
    for letter in text.lower():
        if letter not in "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~":
            kept += letter
    # An article is gone wherever what is no letter or digit stands around it: “a” leaves “”.
    parts = re.split(r"(\w+)", kept)
    return "".join(" " if part in ("a", "an", "the") else part for part in parts).split()


def squad_f1(predicted: list[str], gold: list[str]) -> float:
    """Precision and recall of words, each of which can be matched once."""
    left, shared = list(gold), 0
    for word in predicted:
        if word in left:
            left.remove(word)
            shared += 1
    if shared == 0:
        return 0.0
    precision, recall = shared / len(predicted), shared / len(gold)
    return 2 * precision * recall / (precision + recall)


MLQA_ARTICLES = {
    "de": "ein eine einen einem eines einer der die das den dem des",
    "es": "un una unos unas el la los las",
    "vi": "của là cái chiếc những",
}


def naive_mlqa_tokens(text: str, language: str) -> list[str]:
    """The rules of MLQA's evaluation, in words: as SQuAD's, but for what the language has."""
    kept = "".join(
        letter
        for letter in text.lower()
        if letter not in string.punctuation and not unicodedata.category(letter).startswith("P")
    )
    parts = re.split(r"(\w+)", kept)
    articles = MLQA_ARTICLES.get(language, "").split()
    kept = "".join(" " if part in articles else part for part in parts)
    if language == "ar":
        kept = " ".join(kept.split("ال"))
    if language == "zh":
        kept = "".join(f" {c} " if "\u4e00" <= c <= "\u9fa5" else c for c in kept)
    return kept.split()


@given(
    st.text(alphabet="aderin ulasdíoủcàmh'.-«»،؟।。ال北京東あ5 \u00a0", max_size=24),
    st.sampled_from(["ar", "de", "es", "hi", "vi", "zh"]),
)
def test_other_languages_are_scored_by_the_rules_of_mlqa(text, language):
    assert own_tokens(text, language) == naive_mlqa_tokens(text, language)


PREDICTED = [
    # language, predicted, right answers; F1 and exact match by MLQA's script, then by SQuAD's
    ("de", "der Rat", ["Rat", "Stadtrat"], (1, 1, 2 / 3, 0)),
    ("de", "1815 in Ulm", ["in Ulm"], (4 / 5, 0, 4 / 5, 0)),
    ("zh", "北京大学", ["北京"], (2 / 3, 0, 0, 0)),
    ("ar", "المدينة،", ["مدينة"], (1, 1, 0, 0)),
    ("vi", "của Hà Nội", ["Hà Nội", "Nội"], (1, 1, 4 / 5, 0)),
    ("hi", "नई दिल्ली।", ["नई दिल्ली"], (1, 1, 1 / 2, 0)),
    ("es", "«el Sol»", ["sol"], (1, 1, 0, 0)),
    ("en", "the house", ["a House."], (1, 1, 1, 1)),
]


@pytest.mark.parametrize(("language", "predicted", "answers", "expected"), PREDICTED)
def test_fixed_predictions_have_the_scores_of_both_scripts(
    language, predicted, answers, expected, monkeypatch
):
    """Through the task, whose metrics are means over one question."""
    context = " ".join(answers)
    example = AnsweredQuestion("", "?", context, tuple(answers), (0,) * len(answers), language)
    monkeypatch.setattr(QuestionAnswering, "answers", lambda *_: [predicted])
    metrics = QuestionAnswering().metrics([example], [], [])
    names = ("f1", "exact_match", "f1_squad", "exact_match_squad")
    assert [metrics[name] for name in names] == pytest.approx(expected)


@pytest.mark.parametrize("case", FIXTURE, ids=lambda case: case["question"])
def test_english_is_scored_as_by_hand(case):
    for name, score in (("exact_match", exact_match), ("f1", f1)):
        value = best(score, own("en"), case["prediction"], case["answers"])
        assert value == pytest.approx(float(Fraction(case[name]))), name


def test_english_is_scored_by_the_rules_of_squad():
    totals = {"ours": [0.0, 0.0], "squad": [0.0, 0.0]}
    for case in FIXTURE:
        predicted = naive_squad_tokens(case["prediction"])
        gold = [naive_squad_tokens(answer) for answer in case["answers"]]
        totals["squad"][0] += max(predicted == tokens for tokens in gold)
        totals["squad"][1] += max(squad_f1(predicted, tokens) for tokens in gold)
        for number, score in enumerate((exact_match, f1)):
            totals["ours"][number] += best(score, own("en"), case["prediction"], case["answers"])
    assert totals["ours"] == pytest.approx(totals["squad"])
    assert totals["squad"][0] == 6


@pytest.mark.parametrize(
    ("language", "predicted", "gold", "exact", "harmonic"),
    [
        # 在 1946 年 北 京 against 北 京 1946 年: 4 shared, P = 4/5, R = 4/4
        ("zh", "在1946年，北京", "北京 1946年", 0, 8 / 9),
        # The marks of a title go, and spaces between characters do not count.
        ("zh", "《北京》。", "北 京", 1, 1),
        # 东 京 塔 against 东 京: P = 2/3, R = 2/2
        ("zh", "东京塔", "东京", 0, 4 / 5),
        # william iron arm 铁 壁 against 铁 壁 威 廉: 2 shared, P = 2/5, R = 2/4
        ("zh", "铁壁 (William Iron Arm)", "铁壁威廉", 0, 4 / 9),
        # に 東 京 タ ワ ー against 東 京: P = 2/6, R = 2/2
        ("ja", "に東京タワー", "東京", 0, 1 / 2),
        # ป ี 2016 against ใ น ป ี 2016: P = 3/3, R = 3/5
        ("th", "ปี 2016", "ในปี 2016", 0, 3 / 4),
        # في مدينة كبيرة against مدينة كبيرة, the articles gone: P = 2/3, R = 2/2
        ("ar", "في المدينة الكبيرة،", "مدينة كبيرة", 0, 4 / 5),
        ("ar", "المدينة؟", "مدينة", 1, 1),
        # MLQA's rule takes the article's letters out of a word as well.
        ("ar", "مثال", "مث", 1, 1),
        # rat stadt köln against stadtrat von köln: P = 1/3, R = 1/3
        ("de", "Der Rat der Stadt Köln", "dem Stadtrat von Köln", 0, 1 / 3),
        ("de", "„Die Stadt“", "stadt", 1, 1),
        # a counts in German: a haus against haus, P = 1/2, R = 1/1
        ("de", "a Haus", "das Haus", 0, 2 / 3),
        ("es", "¿la casa?", "una casa", 1, 1),
        # thành phố hà nội against hà nội: P = 2/4, R = 2/2
        ("vi", "thành phố của Hà Nội", "Hà Nội", 0, 2 / 3),
        ("hi", "दिल्ली।", "दिल्ली", 1, 1),
        # No articles are known: the москва against москва, P = 1/2, R = 1/1
        ("ru", "the «Москва»", "Москва", 0, 2 / 3),
        ("ru", "$5", "5", 1, 1),
        ("ru", "€5", "5", 0, 0),
        # Not English punctuation, hence part of the word.
        ("en", "“yes”", "yes", 0, 0),
        ("en", "The house", "a house", 1, 1),
        ("en", "北京", "北 京", 0, 0),
        ("el", "", "Αθήνα", 0, 0),
        ("tr", "", "...", 1, 0),
    ],
)
def test_answers_are_scored_as_by_hand(language, predicted, gold, exact, harmonic):
    assert best(exact_match, own(language), predicted, [gold]) == exact
    assert best(f1, own(language), predicted, [gold]) == pytest.approx(harmonic)
    assert best(f1, own(language), gold, [predicted]) == pytest.approx(harmonic)


def test_the_best_of_several_answers_counts():
    assert best(f1, squad_tokens, "red", ["blue", "dark red", "light red wine"]) == pytest.approx(
        2 / 3
    )


@pytest.mark.parametrize("language", ["ja", "th", "lo", "km", "my"])
def test_characters_are_tokens_where_words_are_not_spaced(language):
    assert own_tokens("DVB-S2 of 京都, ロシア語 ปี!", language) == [
        *("dvbs2", "of", "京", "都", "ロ", "シ", "ア", "語", "ป", "ี")
    ]


@pytest.mark.parametrize(
    ("language", "predicted", "gold", "harmonic"),
    [
        # ປ ີ 2 0 1 6 is ປ ີ 2016 against ໃ ນ ປ ີ 2016: P = 3/3, R = 3/5
        ("lo", "ປີ 2016", "ໃນປີ 2016", 3 / 4),
        # ក ្ រ ុ ង against ទ ី ក ្ រ ុ ង: P = 5/5, R = 5/7
        ("km", "ក្រុង។", "ទីក្រុង", 5 / 6),
        # five characters against the same and four more: P = 5/5, R = 5/9
        ("my", "မြို့။", "မြို့တော်", 5 / 7),
    ],
)
def test_languages_of_south_east_asia_are_not_spaced(language, predicted, gold, harmonic):
    assert best(f1, own(language), predicted, [gold]) == pytest.approx(harmonic)


@pytest.mark.parametrize(
    ("code", "text", "tokens"),
    [
        *((code, "在北京", ["在", "北", "京"]) for code in ("zh-cn", "zh_TW", "zh-Hant-HK", "ZH")),
        ("de-AT", "das Haus", ["haus"]),
        ("es-419", "una casa", ["casa"]),
        ("en_GB", "the “house”", ["“house”"]),
    ],
)
def test_a_variety_is_scored_as_its_language(code, text, tokens):
    assert own_tokens(text, code) == tokens


@pytest.mark.parametrize(
    ("language", "predicted", "gold", "own_f1", "squad_f1"),
    [
        # The whole text between two spaces is one word for SQuAD's script: right or wrong.
        ("th", "ในปี 2016", "ปี 2016", 3 / 4, 1 / 2),
        ("th", "กรุงเทพมหานคร", "กรุงเทพ", 14 / 20, 0),
        ("zh", "北京大学", "北京", 2 / 3, 0),
        ("zh", "北京。", "北京", 1, 0),
        ("zh", "1946年", "在1946年", 4 / 5, 0),
        # the article, and the comma of Arabic
        ("ar", "المدينة،", "مدينة", 1, 0),
        # der hund against ein hund: P = 1/2, R = 1/2 where both articles count
        ("de", "der Hund", "ein Hund", 1, 1 / 2),
        ("de", "„Hund“", "Hund", 1, 0),
        ("de", "a Haus", "Haus", 2 / 3, 1),
        ("es", "¿Madrid?", "Madrid", 1, 0),
        ("es", "la casa", "casa", 1, 2 / 3),
        ("vi", "của Hà Nội", "Hà Nội", 1, 4 / 5),
        # दिल्ली। is another word with its danda.
        ("hi", "नई दिल्ली।", "नई दिल्ली", 1, 1 / 2),
        ("hi", "a दिल्ली", "दिल्ली", 2 / 3, 1),
        ("ru", "«Москва»", "Москва", 1, 0),
        ("el", "η Αθήνα", "Αθήνα", 2 / 3, 2 / 3),  # no Greek articles in either
        ("en", "“yes”", "yes", 0, 0),
    ],
)
def test_the_two_sets_of_rules_differ(language, predicted, gold, own_f1, squad_f1):
    assert best(f1, own(language), predicted, [gold]) == pytest.approx(own_f1)
    assert best(f1, squad_tokens, predicted, [gold]) == pytest.approx(squad_f1)


@pytest.mark.parametrize(
    ("language", "predicted", "answers", "own_exact", "squad_exact"),
    [
        ("zh", "《北京》", ["上海", "北京"], 1, 0),
        ("es", "el Sol", ["la luna", "sol"], 1, 0),
        ("de", "the Hund", ["Katze", "Hund"], 0, 1),
        # What nothing is left of is the same as no answer, and shares no word with it.
        ("de", "", ["das"], 1, 0),
        ("de", "", ["the"], 0, 1),
        ("th", "", ["ปี"], 0, 0),
    ],
)
def test_exact_match_differs_too(language, predicted, answers, own_exact, squad_exact):
    assert best(exact_match, own(language), predicted, answers) == own_exact
    assert best(exact_match, squad_tokens, predicted, answers) == squad_exact


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("《北京》, DVB-S2 of 京都", ["北", "京", "dvbs2", "of", "京", "都"]),
        # MLQA takes U+4E00 to U+9FA5 for Han, so neither kana nor rarer characters are tokens.
        ("ロシア語", ["ロシア", "語"]),
        ("㐀㐁 龦x 〇", ["㐀㐁", "龦x", "〇"]),
    ],
)
def test_chinese_is_split_as_mlqa_splits_it(text, tokens):
    assert own_tokens(text, "zh") == tokens


@given(st.text(alphabet="aAthe .-“”。ßÉé\u00a0\t北ลี،।", max_size=20))
def test_squads_script_is_the_same_in_every_language(text):
    """No character of another script but white space has a meaning for it."""
    assert squad_tokens(text) == naive_squad_tokens(text) == own_tokens(text, "en-US")


@given(st.text(max_size=20), st.sampled_from(["hi", "el", "ro", "ru", "tr"]))
def test_without_articles_only_punctuation_goes(text, language):
    kept = "".join(
        letter
        for letter in text.lower()
        if letter not in string.punctuation and not unicodedata.category(letter).startswith("P")
    )
    assert own_tokens(text, language) == kept.split()
