import tracemalloc
from collections import Counter

import pytest

from alignfreeze.data.tmx import memory_pairs
from alignfreeze.errors import DataError

HEADER = """<?xml version="1.0" encoding="{encoding}"?>
<!DOCTYPE tmx SYSTEM "tmx14.dtd">
<tmx version="1.4">
<header creationtool="x" segtype="sentence" adminlang="en" srclang="en" datatype="plaintext"/>
<body>
"""
END = "</body></tmx>\n"


def unit(*variants: str, attribute: str = "xml:lang") -> str:
    """A unit of variants, each a language and a text with a space between."""
    parts = (variant.split(" ", 1) for variant in variants)
    return (
        '<tu tuid="1"><prop type="x">none</prop>'
        + "".join(f'<tuv {attribute}="{code}"><seg>{text}</seg></tuv>' for code, text in parts)
        + "</tu>\n"
    )


def read(path):
    notes: Counter[str] = Counter()
    pairs = list(memory_pairs(path, ("en", "de"), notes))
    return pairs, {what: count for what, count in notes.items() if count}


@pytest.fixture
def pairs_of(write):
    """Reads a translation memory of some units."""

    def of_units(*units: str):
        return read(write("en-de.tmx", HEADER.format(encoding="UTF-8") + "".join(units) + END))

    return of_units


@pytest.mark.parametrize("attribute", ["xml:lang", "lang"])
@pytest.mark.parametrize(("english", "german"), [("en", "de"), ("EN-US", "de-DE"), ("en_GB", "DE")])
def test_variants_are_found_by_their_language(pairs_of, attribute, english, german):
    units = [
        unit(f"{english} One &amp; two.", f"{german} Eins &amp; zwei.", attribute=attribute),
        unit(f"{german} Drei.", "fr Trois.", f"{english} Three.", attribute=attribute),
    ]
    assert pairs_of(*units) == ([("One & two.", "Eins & zwei."), ("Three.", "Drei.")], {})


def test_the_variant_without_a_region_is_preferred_and_others_are_told(pairs_of):
    pairs, notes = pairs_of(unit("en-GB Colour", "en Color", "de Farbe", "de-AT Farb", "de Farben"))
    assert pairs == [("Color", "Farbe")]
    assert notes == {"further variants in en-de.tmx left out": 3}


def test_a_unit_that_lacks_a_language_is_told(pairs_of):
    pairs, notes = pairs_of(unit("en a", "de b"), unit("en c", "den d"), unit("en e", " f"))
    assert pairs == [("a", "b")]
    assert notes == {"units of en-de.tmx left out, without en or de": 2}


@pytest.mark.parametrize(
    ("segment", "text"),
    [
        ('<bpt i="1">&lt;b&gt;</bpt>Bold<ept i="1">&lt;/b&gt;</ept> text', "Bold text"),
        ('A <ph x="1">{0}<sub>note</sub></ph>file', "A file"),
        ("one <hi>two <hi>three</hi></hi> four", "one two three four"),
        ("an <it pos='begin'>\\i </it>end<ut>x</ut>", "an end"),
        ("plain <b>and</b> <x/>foreign", "plain and foreign"),
    ],
)
def test_inline_markup_is_left_out_and_told(pairs_of, segment, text):
    pairs, notes = pairs_of(unit(f"en {segment}", "de x"), unit("en a", "de b"))
    assert pairs == [(text, "x"), ("a", "b")]
    assert notes == {"segments of en-de.tmx rid of markup": 1}


def test_markup_of_what_is_not_read_is_not_told(pairs_of):
    marked = (
        unit("en a", "de b", "fr <hi>c</hi>", "de-AT <hi>d</hi>"),
        unit("en <hi>a</hi>", "fr b"),
    )
    assert pairs_of(*marked)[1] == {
        "further variants in en-de.tmx left out": 1,
        "units of en-de.tmx left out, without en or de": 1,
    }


def test_what_is_shown_of_a_file_is_short(pairs_of):
    many = [unit(f"x{number} a") for number in range(20)]
    with pytest.raises(DataError, match=r"languages of its units: x0, .*, x7 and 12 more$"):
        pairs_of(*many)
    with pytest.raises(DataError, match=r"got '&n{59}'…$"):
        pairs_of(f"&{'n' * 500};")


def test_blanks_around_a_segment_are_layout(pairs_of):
    assert pairs_of(unit("en \n   a\n b\u00a0\n", "de <![CDATA[<x>]]>"))[0] == [
        ("a\n b\u00a0", "<x>")
    ]


def test_control_characters_are_left_out_and_told(pairs_of):
    pairs, notes = pairs_of(unit("en a\x01b\x1f", "de c\td"), unit("en \x7f\u0085", "de x"))
    assert pairs == [("ab", "c\td"), ("\x7f\u0085", "x")]
    assert notes == {"control characters in en-de.tmx left out": 2}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1"])
def test_the_encoding_is_what_the_file_says(tmp_path, encoding):
    name = encoding.removesuffix("-sig").upper()
    text = HEADER.format(encoding=name) + unit("en é", "de ü") + END
    (tmp_path / "t.tmx").write_bytes(text.encode(encoding))
    assert read(tmp_path / "t.tmx")[0] == [("é", "ü")]


def test_a_namespace_makes_no_difference(write):
    text = '<t:tmx xmlns:t="http://www.lisa.org/tmx14"><t:body><t:tu><t:tuv xml:lang="en"><t:seg>a'
    text += '</t:seg></t:tuv><t:tuv xml:lang="de"><t:seg>b</t:seg></t:tuv></t:tu></t:body></t:tmx>'
    assert read(write("t.tmx", text))[0] == [("a", "b")]


def test_both_languages_must_be_there(pairs_of):
    message = r"en-de\.tmx: no unit is in both 'en' and 'de'; languages of its units: fr, en-US$"
    with pytest.raises(DataError, match=message):
        pairs_of(unit("en-US a", "fr b"), unit("fr b"))
    with pytest.raises(DataError, match=r"languages of its units: none$"):
        pairs_of()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADER.format(encoding="UTF-8") + "<tu>", r"t\.tmx:6: TMX must be well-formed XML: no el"),
        ("<tmx>\n<a></b>", r"t\.tmx:2: TMX must be well-formed XML: mismatched tag$"),
        ("en\tde\n", r"t\.tmx:1: TMX must be well-formed XML: syntax error$"),
        ("", r"t\.tmx: the file is empty$"),
        ("<html><body/></html>", r"t\.tmx: TMX must have the root 'tmx', got 'html'$"),
        ("<tmx><body>&nbsp;</body></tmx>", r"t\.tmx:1: .*undefined entity$"),
        ('<?xml version="1.0" encoding="x-mine"?><tmx/>', r"t\.tmx: .*unknown encoding: x-mine$"),
        ('<?xml version="1.0" encoding="big5"?><tmx/>', r"t\.tmx: .* multi-byte encodings are not"),
        (HEADER.format(encoding="UTF-8") + "a&nbsp;b", r"t\.tmx: .* but those of .*'&nbsp;'$"),
    ],
)
def test_what_is_no_tmx_is_refused(write, text, message):
    with pytest.raises(DataError, match=message):
        read(write("t.tmx", text))


BOMBS = {
    "lol": '<!ENTITY lol "ha"><!ENTITY lol2 "&lol;&lol;&lol;">',
    "secret": '<!ENTITY secret SYSTEM "file:///etc/passwd">',
    "far": '<!ENTITY % far SYSTEM "http://localhost/x.dtd"> %far;',
}


@pytest.mark.parametrize("name", BOMBS)
def test_entities_are_refused(write, name):
    text = f"<!DOCTYPE tmx [{BOMBS[name]}]><tmx><body>" + unit("en &lol2;", "de x") + END
    message = rf"t\.tmx: TMX must declare no entities, got '{name}'$"
    with pytest.raises(DataError, match=message):
        read(write("t.tmx", text))


def peak_of_reading(write, n_units: int) -> int:
    path = write(
        "t.tmx", HEADER.format(encoding="UTF-8") + unit("en a b", "de c d") * n_units + END
    )
    tracemalloc.start()
    try:
        assert sum(1 for _ in memory_pairs(path, ("en", "de"), Counter())) == n_units
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_text(write):
    peak_of_reading(write, 1000)
    assert peak_of_reading(write, 8000) < 1.2 * peak_of_reading(write, 2000)
