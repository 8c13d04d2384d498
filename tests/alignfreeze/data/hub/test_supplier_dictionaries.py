import pytest

from alignfreeze.data.hub import supplier
from alignfreeze.data.hub.supplier import HubSupplier


@pytest.fixture(autouse=True)
def texts(opus):
    """The dictionaries come with texts."""
    for language in ("de", "fr"):
        opus(language)


def test_dictionaries_are_downloaded_once(site, online):
    site.answers |= {"en-de.txt": b"day Tag\n", "de-en.txt": b"Tag day\n"}
    for _ in range(2):
        bitext = HubSupplier().fetch_bitext("en", "de")
        assert bitext.forward_dictionary.read_bytes() == b"day Tag\n"
    assert site.asked == ["en-de.txt", "de-en.txt"]


def test_a_missing_dictionary_is_a_warning(site, online, caplog):
    site.answers["de-en.txt"] = b"Tag day\n"
    bitext = HubSupplier().fetch_bitext("en", "de")
    assert "no dictionary en-de.txt: HTTP Error 403: Forbidden" in caplog.text
    folder = bitext.backward_dictionary.parent
    assert [path.name for path in folder.glob("*.txt")] == ["de-en.txt"]


def test_a_silent_site_is_asked_once(site, online, caplog):
    site.answers["en-de.txt"] = TimeoutError("timed out")
    some = HubSupplier()
    for target in ("de", "fr"):
        some.fetch_bitext("en", target)
    assert site.asked == ["en-de.txt"]
    assert "no dictionary en-de.txt: timed out" in caplog.text
    assert "no dictionary en-fr.txt: not asked for, since timed out" in caplog.text


def test_offline_no_site_is_asked(site, online, monkeypatch, caplog):
    monkeypatch.setattr(supplier, "why_offline", lambda: "HF_HUB_OFFLINE is set")
    HubSupplier().fetch_bitext("en", "de")
    assert site.asked == []
    assert "no dictionary en-de.txt: HF_HUB_OFFLINE is set" in caplog.text


def test_a_mirrors_dictionaries_are_as_they_are_there(site, mirror, write):
    some = HubSupplier(mirror)
    for text in ("day Tag\n", "day Tage\n"):
        path = write("mirror/dictionaries/en-de.txt", text)
        kept = some.fetch_bitext("en", "de").forward_dictionary
        assert kept.read_text() == text
    path.unlink()
    assert some.fetch_bitext("en", "de").forward_dictionary is None
    assert not kept.exists()
    assert site.asked == []
