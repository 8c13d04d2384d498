"""Word order: what each language does with the same meaning."""

import random

import pytest

from tools.demo.grammar import Linearizer, align
from tools.demo.lexicon import load_lexicon
from tools.demo.meaning import Adjunct, Clause, Name, NounPhrase, Quality, Sentence
from tools.demo.typology import ALL_ADPOSITIONS, TYPOLOGIES
from tools.demo.world import World

TEACHER = NounPhrase("teacher", "the")
BOOK = NounPhrase("book", "the", qualities=(Quality("old", "very"),))


def _say(language: str, clause: Clause, mood: str = "statement") -> str:
    sentence = Sentence(clause, "question" if mood == "question" else "statement")
    return " ".join(token.form for token in Linearizer(language).sentence(sentence))


def test_every_language_of_the_lexicon_has_a_typology() -> None:
    assert tuple(TYPOLOGIES) == load_lexicon().languages


def test_languages_cover_three_basic_orders() -> None:
    assert {t.basic_order for t in TYPOLOGIES.values()} == {"SVO", "SOV", "VSO"}


def test_adpositions_of_the_table_are_those_of_the_lexicon() -> None:
    concepts = load_lexicon().concepts.values()
    bound = {"owner", "name", "marker"}
    assert {c.key for c in concepts if c.upos == "ADP" and c.kind not in bound} == ALL_ADPOSITIONS


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "the teacher will not read the very old book ."),
        ("de", "der Lehrer wird der sehr alt Buch nicht lesen ."),
        ("es", "el maestro no leer el libro muy viejo ."),
        ("tr", "öğretmen çok eski kitap okumak değil ."),
        ("ar", "لا سوف قرأ معلم كتاب قديم جدا ."),
        ("zh", "老师 不 将 读 很 旧 书 。"),
    ],
)
def test_a_negated_clause(language: str, expected: str) -> None:
    clause = Clause("read.v", TEACHER, object=BOOK, auxiliary="will", negated=True)
    assert _say(language, clause) == expected


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "what do the teacher read ?"),
        ("de", "was lesen der Lehrer ?"),
        ("es", "¿ qué leer el maestro ?"),
        ("tr", "öğretmen ne okumak ?"),
        ("zh", "老师 读 什么 ？"),
    ],
)
def test_a_question_for_the_object(language: str, expected: str) -> None:
    clause = Clause("read.v", TEACHER, object=NounPhrase("what"))
    assert _say(language, clause, "question") == expected


@pytest.mark.parametrize(
    ("language", "expected"),
    [("en", "in the house"), ("hi", "घर में"), ("zh", "在 房子"), ("ru", "в дом")],
)
def test_an_adposition_is_before_or_after(language: str, expected: str) -> None:
    place = Adjunct("in", NounPhrase("house", "the"))
    assert expected in _say(language, Clause("sleep.v", TEACHER, place=place))


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", ["Bank/B-ORG", "of/I-ORG", "Athens/I-ORG"]),
        ("ru", ["Банк/B-ORG", "Афины/I-ORG"]),
        ("tr", ["Atina/B-ORG", "Banka/I-ORG"]),
    ],
)
def test_a_name_is_tagged_in_the_order_of_the_language(language: str, expected: list[str]) -> None:
    clause = Clause("be", NounPhrase(Name("ORG", ("Bank", "Athens"), "of")))
    tokens = Linearizer(language).sentence(Sentence(clause))
    assert [f"{t.form}/{t.entity}" for t in tokens if t.entity != "O"] == expected


def test_alignment_pairs_the_same_concepts() -> None:
    sentence = Sentence(Clause("read.v", TEACHER, object=BOOK))
    english, turkish = (Linearizer(x).sentence(sentence) for x in ("en", "tr"))
    pairs = [(english[i].form, turkish[j].form) for i, j in align(english, turkish)]
    assert pairs == [
        ("teacher", "öğretmen"),
        ("read", "okumak"),
        ("very", "çok"),
        ("old", "eski"),
        ("book", "kitap"),
        (".", "."),
    ]


@pytest.mark.parametrize("language", TYPOLOGIES)
def test_each_place_in_a_meaning_is_said_once(language: str) -> None:
    world = World(random.Random(1), name_rate=0.4)
    linearizer = Linearizer(language)
    for _ in range(200):
        nodes = [token.node for token in linearizer.sentence(world.sentence())]
        assert len(set(nodes)) == len(nodes)


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(ValueError, match=r"language must be one of .*, got 'xx'"):
        Linearizer("xx")


def test_a_name_rate_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"name_rate must be in \[0, 1\], got 2"):
        World(random.Random(1), name_rate=2)


def test_equal_seeds_draw_equal_meanings() -> None:
    first, second = (World(random.Random(5), name_rate=0.3) for _ in range(2))
    assert [first.sentence() for _ in range(50)] == [second.sentence() for _ in range(50)]
