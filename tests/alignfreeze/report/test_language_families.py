from alignfreeze.report.language_families import FAMILIES, OTHER, by_family, family

TARGETS = (
    "af ar bg ca cs da de el en es fa fi fr he hi hu it ja ko lt lv no pl pt ro ru sk sl sv ta th "
    "tr uk vi zh sw ur et eu bn id mr ms nl ka kk te tl yo my jv az pa qu be hr sr is ga mt hy"
)


def test_family_of_a_code() -> None:
    expected = {"en": "Germanic", "fa": "Indo-Iranian", "he": "Semitic", "zh": "Sino-Tibetan"}
    expected |= {"pt-BR": "Romance", "zh_Hant": "Sino-Tibetan", "xx": OTHER, "": OTHER}
    assert {code: family(code) for code in expected} == expected


def test_every_usual_target_language_has_a_family() -> None:
    assert [language for language in TARGETS.split() if family(language) == OTHER] == []


def test_no_code_is_of_two_families() -> None:
    codes = [code for own in FAMILIES.values() for code in own.split()]
    assert len(codes) == len(set(codes))


def test_languages_are_ordered_by_family_then_code() -> None:
    ordered = by_family(["zh", "xx", "sv", "fr", "de", "ru", "es"])
    assert ordered == ["de", "sv", "es", "fr", "ru", "zh", "xx"]
