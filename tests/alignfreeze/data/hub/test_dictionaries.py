from alignfreeze.data.hub import dictionaries


def test_dictionaries_are_downloaded_once(site, tmp_path):
    site.answers["en-de.txt"] = b"day Tag\n"
    for _ in range(2):
        dictionaries.Dictionaries(tmp_path / "d", None).fetch("en", "de")
    assert (tmp_path / "d/en-de.txt").read_bytes() == b"day Tag\n"
    assert site.asked == ["en-de.txt"]


def test_a_missing_dictionary_is_a_warning(site, tmp_path, caplog):
    site.answers["de-en.txt"] = b"Tag day\n"
    some = dictionaries.Dictionaries(tmp_path / "d", None)
    some.fetch("en", "de")
    some.fetch("de", "en")
    assert "no dictionary en-de.txt: HTTP Error 403: Forbidden" in caplog.text
    assert [path.name for path in (tmp_path / "d").glob("*.txt")] == ["de-en.txt"]


def test_a_silent_site_is_asked_once(site, tmp_path, caplog):
    site.answers["en-de.txt"] = TimeoutError("timed out")
    some = dictionaries.Dictionaries(tmp_path / "d", None)
    for target in ("de", "fr"):
        some.fetch("en", target)
    assert site.asked == ["en-de.txt"]
    assert "no dictionary en-de.txt: timed out" in caplog.text
    assert "no dictionary en-fr.txt: not asked for, since timed out" in caplog.text


def test_offline_no_site_is_asked(site, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(dictionaries, "why_offline", lambda: "HF_HUB_OFFLINE is set")
    dictionaries.Dictionaries(tmp_path / "d", None).fetch("en", "de")
    assert site.asked == []
    assert "no dictionary en-de.txt: HF_HUB_OFFLINE is set" in caplog.text


def test_a_mirrors_dictionaries_are_as_they_are_there(site, write, tmp_path):
    some = dictionaries.Dictionaries(tmp_path / "d", tmp_path / "mirror")
    for text in ("day Tag\n", "day Tage\n"):
        path = write("mirror/en-de.txt", text)
        some.fetch("en", "de")
        assert (tmp_path / "d/en-de.txt").read_text() == text
    path.unlink()
    some.fetch("en", "de")
    assert not (tmp_path / "d/en-de.txt").exists()
    assert site.asked == []
