import os
import subprocess
import sys

import pytest

from alignfreeze.data import uriel
from alignfreeze.data.uriel import KINDS, _iso_code, distances

PUBLISHED = {
    "af": "afr", "ar": "ara", "bg": "bul", "ca": "cat", "cs": "ces", "da": "dan", "de": "deu",
    "el": "ell", "en": "eng", "es": "spa", "fa": "pes", "fi": "fin", "fr": "fra", "he": "heb",
    "hi": "hin", "hu": "hun", "it": "ita", "ja": "jpn", "ko": "kor", "lt": "lit", "lv": "lav",
    "no": "nor", "pl": "pol", "pt": "por", "ro": "ron", "ru": "rus", "sk": "slk", "sl": "slv",
    "sv": "swe", "ta": "tam", "th": "tha", "tr": "tur", "uk": "ukr", "vi": "vie", "zh": "cmn",
}  # fmt: skip
"""The published languages and English, by their codes of ISO 639-3."""


@pytest.fixture(scope="module")
def found():
    if not uriel.has_uriel():
        pytest.skip("needs lang2vec")
    return distances("en", [*PUBLISHED])


def test_every_published_language_has_its_code_and_all_distances(found):
    assert {code: _iso_code(code) for code in PUBLISHED} == PUBLISHED
    assert [_iso_code(code) for code in ("nb", "zh-tw", "pt_br", "deu", "x-none")] == [
        *("nor", "cmn", "por", "deu"),
        None,
    ]
    assert {kind: {*own} for kind, own in found.items()} == {kind: {*PUBLISHED} for kind in KINDS}
    assert all(0 <= value <= 1 for own in found.values() for value in own.values())


def test_a_script_of_that_name_is_not_taken_for_the_package(found, tmp_path):
    # As in an environment's folder of commands, which is the first on the path of each of them.
    (tmp_path / "lang2vec.py").write_text("raise ImportError('a script')\n", "utf-8")
    code = "from alignfreeze.data.uriel import distances; print(*distances('en', ['de']))"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.stderr, done.stdout.split()) == ("", [*found])


def test_a_language_is_at_no_distance_from_itself(found):
    for own in found.values():
        assert own["en"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("kind", "nearer", "farther"),
    [
        ("syntactic", "sv", "ja"),
        ("featural", "de", "ja"),
        ("genetic", "de", "ru"),
        ("geographic", "fr", "ru"),
    ],
)
def test_distances_are_in_the_order_that_is_known(found, kind, nearer, farther):
    assert found[kind][nearer] < found[kind][farther]


def test_languages_of_other_families_have_no_group_in_common(found):
    far = [code for code, value in found["genetic"].items() if value == 1]
    assert sorted(far) == ["ar", "fi", "he", "hu", "ja", "ko", "ta", "th", "tr", "vi", "zh"]


def test_places_are_ways_on_the_globe(found):
    # From England to Japan 9,300 km, to France 600: of 20,015.
    assert found["geographic"]["ja"] == pytest.approx(9300 / 20015, abs=0.01)
    assert found["geographic"]["fr"] == pytest.approx(600 / 20015, abs=0.01)


def test_what_is_not_known_is_not_there(monkeypatch, found):
    assert distances("x-none", ["de"]) == {}
    assert "x-none" not in distances("en", ["x-none", "de"])["geographic"]
    monkeypatch.setattr(uriel, "has_uriel", lambda: False)
    assert distances("en", ["de"]) == {}
