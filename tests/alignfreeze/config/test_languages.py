"""Sets of languages stand for their codes, whoever asks for languages."""

import pytest

from alignfreeze.config import PUBLISHED_LANGUAGES, LanguageSubset, build_config, subset_of
from alignfreeze.config.languages import CHOICES
from alignfreeze.errors import ConfigError

OPTIONS = ("languages", "realign_languages")


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("value", ["published", " published ,", ["published"], ("published",)])
def test_the_set_is_its_codes_in_their_order(name, value):
    config = build_config({name: value})
    assert getattr(config, name) == PUBLISHED_LANGUAGES
    assert config == build_config({name: ",".join(PUBLISHED_LANGUAGES)})


def test_there_are_34_and_english_is_none_of_them():
    assert len(set(PUBLISHED_LANGUAGES)) == 34
    assert "en" not in PUBLISHED_LANGUAGES


@pytest.mark.parametrize(
    ("value", "others"),
    [("published,eu", ("eu",)), ("eu,published", ("eu",)), ("de,published", ())],
)
def test_others_may_stand_beside_it(value, others):
    assert build_config({"languages": value}).languages == (*PUBLISHED_LANGUAGES, *others)


@pytest.mark.parametrize("value", ["de,fr", ["de", "fr"], "publishd", ""])
def test_other_names_are_codes_as_they_are(value):
    expected = tuple(value.split(",")) if isinstance(value, str) else tuple(value)
    assert build_config({"languages": value}).languages == tuple(filter(None, expected))


@pytest.mark.parametrize("value", ["eu,published,eu", "de,de"])
def test_a_code_is_given_once(value):
    with pytest.raises(ConfigError, match="languages must not name anything twice"):
        build_config({"languages": value})


def test_all_is_said_alone_and_of_realignment():
    assert build_config({"realign_languages": "all"}).realign_languages == ("all",)
    message = "^realign_languages must be all alone, or languages without it, got '{}'$"
    for value in ("all,de", "published,all"):
        with pytest.raises(ConfigError, match=message.format(value)):
            build_config({"realign_languages": value})


@pytest.mark.parametrize("kind", CHOICES)
def test_so_many_are_asked_for_by_how_they_are_chosen(kind):
    config = build_config({"realign_languages": f" {kind}:08,"})
    assert config.realign_languages == (f"{kind}:8",)
    subset = subset_of(config.realign_languages)
    assert subset == LanguageSubset(kind, 8)
    assert str(subset) == f"{kind}:8"
    assert build_config({"realign_languages": config.realign_languages}) == config


@pytest.mark.parametrize("names", [(), ("all",), ("de",), ("sr:latn",), ("de", "diverse:2")])
def test_codes_are_no_subset(names):
    assert subset_of(names) is None


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("diverse", "must be diverse:K with a whole number K >= 1, as diverse:8"),
        ("nearest:", "must be nearest:K with a whole number K >= 1, as nearest:8"),
        ("diverse:0", "must be diverse:K with a whole number K >= 1, as diverse:8"),
        ("diverse:x", "must be diverse:K with a whole number K >= 1, as diverse:8"),
        ("random:-1", "must be random:K with a whole number K >= 1, as random:8"),
        ("random:1.5", "must be random:K with a whole number K >= 1, as random:8"),
        ("diverse:8,de", "must be diverse:8 alone, or languages without it"),
        ("random:8,nearest:8", "must be random:8 alone, or languages without it"),
        ("published,nearest:8", "must be nearest:8 alone, or languages without it"),
        ("nearst:3", r"must choose by diverse, nearest or random \(did you mean nearest:3\?\)"),
        ("Diverse:x", r"must choose by diverse, nearest or random \(did you mean diverse:x\?\)"),
        ("far:3", "must choose by diverse, nearest or random"),
    ],
)
def test_a_malformed_subset_is_refused(value, rule):
    with pytest.raises(ConfigError, match=f"^realign_languages {rule}, got '{value}'$"):
        build_config({"realign_languages": value})


@pytest.mark.parametrize("value", ["sr:latn", "en,x:y"])
def test_a_code_may_have_a_colon(value):
    assert build_config({"realign_languages": value}).realign_languages == tuple(value.split(","))


@pytest.mark.parametrize("value", [3, [["de"]], {"de": 1}, True, [None]])
def test_what_is_no_list_of_names_is_refused(value):
    with pytest.raises(ConfigError, match=r"^languages(\.\d)? must be"):
        build_config({"languages": value})
