"""Sets of languages stand for their codes, whoever asks for languages."""

import pytest

from alignfreeze.config import PUBLISHED_LANGUAGES, build_config
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


@pytest.mark.parametrize("value", [3, [["de"]], {"de": 1}, True, [None]])
def test_what_is_no_list_of_names_is_refused(value):
    with pytest.raises(ConfigError, match=r"^languages(\.\d)? must be"):
        build_config({"languages": value})
