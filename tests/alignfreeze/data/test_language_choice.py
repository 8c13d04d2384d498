"""Which languages are realigned: named, all, or chosen; and what is said of a choice."""

import pytest

from alignfreeze.config import PUBLISHED_LANGUAGES, RunConfig
from alignfreeze.contracts import DataSource
from alignfreeze.data import language_choice as choosing
from alignfreeze.data.language_choice import (
    language_choice,
    realignment_languages,
    require_distances,
    told_choice,
)
from alignfreeze.data.uriel import has_uriel
from alignfreeze.errors import ConfigError, DataError

needs_uriel = pytest.mark.skipif(not has_uriel(), reason="needs lang2vec")


@pytest.fixture
def parallel(write, source) -> DataSource:
    """Text of four languages and English, and some of which one side is missing."""
    for code in ("de", "fr", "ja", "sv"):
        for name in (f"en-{code}.en", f"en-{code}.{code}"):
            write(f"parallel/{name}", "a\n")
    write("parallel/en-ru.ru", "a\n")
    return source


def asked(text, **options):
    return RunConfig(realign_languages=text, **options)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("fr,xx", ["fr", "xx"]),
        ("published", [*PUBLISHED_LANGUAGES]),
        ("all", ["de", "fr", "ja", "sv"]),
        ("random:4", ["de", "fr", "ja", "sv"]),
    ],
)
def test_languages_of_realignment_are_those_asked_for(parallel, text, expected):
    assert realignment_languages(parallel, asked(text)) == expected


@needs_uriel
@pytest.mark.parametrize(
    ("text", "targets", "expected"),
    [
        # Not only the targets may be chosen: German is near both of these.
        ("diverse:1", ["nl", "da"], ["de"]),
        ("diverse:2", ["ko", "nl"], ["de", "ja"]),
        ("diverse:2", ["fr", "ja", "en"], ["fr", "ja"]),
        ("nearest:1", [], ["de"]),
        ("nearest:3", [], ["de", "fr", "sv"]),
    ],
)
def test_distances_choose_among_all_that_have_text(parallel, text, targets, expected):
    assert realignment_languages(parallel, asked(text), targets) == expected


def test_all_languages_of_a_supplier_are_those_it_has(tmp_path):
    class Supplier:
        def parallel_languages(self, source_language):
            return ["de", "fr"]

    supplied = DataSource("supplied", tmp_path, Supplier())
    assert realignment_languages(supplied, asked("all")) == ["de", "fr"]
    assert realignment_languages(supplied, asked("random:2")) == ["de", "fr"]


@pytest.mark.parametrize("text", ["all", "random:1"])
def test_what_is_not_named_wants_some_text(source, write, text):
    write("parallel/en-de.en", "a\n")
    with pytest.raises(DataError, match=r"parallel: there is no parallel text.*en-de\.en"):
        realignment_languages(source, asked(text))


def test_there_are_to_be_as_many(parallel):
    message = (
        r"^realign_languages must choose at most 4 language\(s\), as many as have parallel text "
        r"\(de fr ja sv\), got 'random:5'$"
    )
    with pytest.raises(ConfigError, match=message):
        realignment_languages(parallel, asked("random:5"))


def test_the_seed_decides_what_is_drawn_and_nothing_else(parallel):
    drawn = {
        tuple(realignment_languages(parallel, asked("random:2", seed=n)) or ()) for n in range(20)
    }
    assert len(drawn) > 3
    if has_uriel():
        assert realignment_languages(parallel, asked("nearest:2", seed=1)) == (
            realignment_languages(parallel, asked("nearest:2", seed=2))
        )


def test_without_distances_it_is_said_how_they_are_had(parallel, monkeypatch):
    monkeypatch.setattr(choosing, "has_uriel", lambda: False)
    for text in ("diverse:2", "nearest:2"):
        message = (
            r"^realign_languages needs distances between languages \(pip install "
            rf"'alignfreeze\[uriel\]'\), got '{text}'$"
        )
        with pytest.raises(ConfigError, match=message):
            require_distances(asked(text))
        with pytest.raises(ConfigError, match=message):
            realignment_languages(parallel, asked(text), ["de"])
    for text in ("random:2", "all", "de"):
        require_distances(asked(text))


@needs_uriel
def test_what_is_to_be_covered_must_be_there(parallel):
    message = "^languages must be given, for realign_languages=diverse:2 to cover, got none$"
    for targets in ([], ["en"]):
        with pytest.raises(ConfigError, match=message):
            realignment_languages(parallel, asked("diverse:2"), targets)


@needs_uriel
def test_a_source_language_without_distances_has_no_nearest(source, write):
    for name in ("qqq-de.de", "qqq-de.qqq"):
        write(f"parallel/{name}", "a\n")
    config = asked("nearest:1", source_language="qqq")
    with pytest.raises(ConfigError, match=r"^source_language must be one that URIEL knows.*'qqq'$"):
        realignment_languages(source, config)


@needs_uriel
def test_a_language_without_distances_is_the_farthest_and_that_is_said(parallel, write, caplog):
    for name in ("en-qqq.en", "en-qqq.qqq"):
        write(f"parallel/{name}", "a\n")
    caplog.set_level("INFO")
    choice = told_choice(parallel, asked("nearest:4"), [])
    assert choice is not None
    assert choice.languages == ["de", "fr", "ja", "sv"]
    assert caplog.messages == [
        "realign languages nearest:4: de fr ja sv",
        "nearest:4: URIEL does not know qqq, which count as farthest from every other language",
    ]
    # It is covered by nothing but itself.
    assert realignment_languages(parallel, asked("diverse:2"), ["qqq", "fr"]) == ["fr", "qqq"]
    choice = language_choice(parallel, asked("diverse:1"), ["de", "sv", "x-none"])
    assert choice is not None
    assert choice.unknown == ["qqq", "x-none"]


def test_of_what_is_named_nothing_is_told(parallel, caplog):
    caplog.set_level("INFO")
    assert [told_choice(parallel, asked(text), []) for text in ("", "de", "all")] == [None] * 3
    assert caplog.messages == []
