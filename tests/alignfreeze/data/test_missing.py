import pytest

from alignfreeze.contracts import DataSource
from alignfreeze.data.missing import check_missing, with_texts
from alignfreeze.errors import DataError, MissingSplitError

REASONS = {"cs": "some/data: no config 'cs_pdt'", "xx": "some/data: no split 'test'"}
LISTED = r"cs \(some/data: no config 'cs_pdt'\), xx \(some/data: no split 'test'\)"


def test_all_that_is_left_out_is_told_in_one_warning(caplog):
    check_missing("test split for pos", REASONS, 3, "skip")
    (message,) = caplog.messages
    assert message == (
        "left out, for the hub has no test split for pos: cs (some/data: no config 'cs_pdt'), "
        "xx (some/data: no split 'test')"
    )
    check_missing("test split for pos", {}, 3, "skip")
    check_missing("test split for pos", {}, 3, "error")
    assert len(caplog.messages) == 1


@pytest.mark.parametrize(
    ("policy", "n_languages", "ending"),
    [
        ("error", 3, r" \(missing=skip leaves them out\)"),
        ("error", 2, ", and no language is left"),
        ("skip", 2, ", and no language is left"),
    ],
)
def test_it_is_an_error_if_asked_or_if_nothing_is_left(policy, n_languages, ending):
    with pytest.raises(MissingSplitError, match=f"^the hub has no text of {LISTED}{ending}$"):
        check_missing("text", REASONS, n_languages, policy)


class Texts:
    """A supplier that has the text of German alone."""

    def missing_texts(self, source_language, targets):
        if source_language == "offline":
            raise DataError("there is no network")
        return {target: "not in it" for target in targets if target != "de"}


def test_languages_with_text_are_in_the_order_that_was_asked_for(tmp_path, caplog):
    hub = DataSource("hub", tmp_path, Texts())
    assert with_texts(hub, "en", ["fr", "de", "cs"], "skip") == ["de"]
    assert "the hub has no parallel text: fr (not in it), cs (not in it)" in caplog.text
    with pytest.raises(MissingSplitError, match=r"no parallel text of fr \(not in it\) \(mis"):
        with_texts(hub, "en", ["fr", "de"], "error")
    with pytest.raises(DataError, match="there is no network"):
        with_texts(hub, "offline", ["fr"], "skip")


def test_a_folder_is_to_have_what_is_asked_for(tmp_path):
    assert with_texts(DataSource("folder", tmp_path), "en", ("fr", "de"), "skip") == ["fr", "de"]
