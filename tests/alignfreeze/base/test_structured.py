"""JSON and YAML are read within limits: what is refused is refused at once, in one line."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from alignfreeze.base.structured import StructureError, read_json, read_yaml, text_of

BOMB = "".join(f"{x}: &{x} [{', '.join([f'*{y}'] * 9)}]\n" for x, y in zip("bcdefg", "abcdef"))  # noqa: B905
KEYS = st.text("abcxyz<= 01", max_size=3)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=["Cc"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
)  # fmt: skip


@given(VALUES)
def test_what_is_whole_is_read_as_the_libraries_do(value):
    assert read_json(json.dumps(value)) == value
    assert read_yaml(yaml.safe_dump(value, allow_unicode=True)) == value


@given(st.text("[]{}:,-&*!a<= \n'\"01.e+#|>?%@", max_size=40))
def test_any_text_is_read_or_refused_in_one_line(text):
    for read in (read_json, read_yaml):
        try:
            read(text)
        except StructureError as error:
            assert len(str(error).splitlines()) == 1  # noqa: PT017


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1, "a": 2}', "^an object must not have a key twice, got 'a'$"),
        ("[" * 5000 + "]" * 5000, "^lists or objects must be nested at most 100 levels deep$"),
        ("[" * 101 + "]" * 101, "^lists or objects must be nested at most 100 levels deep$"),
        (
            '{"a":' * 5000 + "0" + "}" * 5000,
            "^lists or objects must be nested at most 100 levels deep$",
        ),
        ("1" * 401, "^a number must have at most 400 digits, got 401$"),
        ("1e400", "^a number must be finite, got '1e400'$"),
        ("[NaN]", "^a number must be finite, got 'NaN'$"),
        ("[-Infinity]", "^a number must be finite, got '-Infinity'$"),
        ('{"a":\n 1,', "^line 2, column 4: Expecting property name"),
        ("", "^line 1, column 1: Expecting value$"),
    ],
)
def test_json_beyond_a_limit(text, message):
    with pytest.raises(StructureError, match=message):
        read_json(text)


def test_json_within_the_limits():
    assert read_json("1" * 400) == int("1" * 400)
    assert read_json("[" * 100 + "]" * 100)
    assert read_json("[NaN, 1e400]", finite=False)[1] == float("inf")


def test_a_text_may_say_that_it_is_one():
    assert read_yaml("{a: !!str 2026-01-01, !!str 1: !!str }") == {"a": "2026-01-01", "1": ""}
    for text in ("!!str [1]", "!!str {a: 1}", "a: !!str {1: 2}"):
        with pytest.raises(StructureError, match="expected a scalar node"):
            read_yaml(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", "^line 3, column 1: a mapping must not have a key twice, got 'a'$"),
        ("1: a\n0x1: b", "^line 2, column 1: a mapping must not have a key twice, got '0x1'$"),
        ("a: {b: 1, b: 2}", "^line 1, column 11: a mapping must not have a key twice, got 'b'$"),
        ("a: &x [*x]", r"^line 1, column 8: an alias must not be in what it names, got \*x$"),
        ("&x {a: *x}", r"^line 1, column 8: an alias must not be in what it names, got \*x$"),
        (f"a: &a [x]\n{BOMB}", "^line 6, column .*: must have at most 100,000 values, those of"),
        ("[" * 5000, "^line 1, column 102: lists or objects must be nested at most 100 levels"),
        ("- " * 5000, "^line 1, column 203: lists or objects must be nested at most 100 levels"),
        ("{a: " * 5000, "^line 1, column 402: lists or objects must be nested at most 100"),
        ("a: " + "1" * 5000, "^line 1, column 4: a number must have at most 400 digits, got 5,000"),
        ("a: " + "1:1" * 200, "^line 1, column 4: a number must have at most 400 digits, got 600"),
        (
            "a: !!python/name:os.system",
            "^line 1, column 4: a value must have no tag but !!str, ",
        ),
        ("a: !x 1", "^line 1, column 4: a value must have no tag but !!str, got '!x'$"),
        ("0b_", "^line 1, column 1: .* got '0b_'$"),
        ("a: \0", r"^must not have the character U\+0000$"),
        ("\udcff", r"^must not have the character U\+DCFF$"),
        ("? [a]\n: 1", "^line 1, column 3: a key must be a text, a number, true, false or null$"),
        ("a: *b", "^line 1, column 4: found undefined alias 'b'$"),
        ("a\n---\nb", "^line 2, column 1: expected a single document"),
        ("a" * 200_001, "^must have at most 200,000 characters, has 200,001$"),
    ],
)
def test_yaml_beyond_a_limit(text, message):
    with pytest.raises(StructureError, match=message) as caught:
        read_yaml(text)
    assert "\n" not in str(caught.value)


def test_yaml_within_the_limits():
    text = "base: &base {x: 1, y: [2]}\none: {<<: *base, x: 3}\ntwo: *base\nday: 2001-02-03"
    base = {"x": 1, "y": [2]}
    found = {"base": base, "one": {"x": 3, "y": [2]}, "two": base, "day": "2001-02-03"}
    assert read_yaml(text) == found
    assert read_yaml("") is None


def test_no_more_of_a_file_is_read_than_it_may_have(tmp_path):
    (tmp_path / "long").write_text("a" * 41)
    (tmp_path / "odd").write_bytes(b"a\nb\xff")
    (tmp_path / "plain").write_text("ä" * 10, "utf-8")
    with pytest.raises(StructureError, match=r"^must have at most 10 characters$"):
        text_of(tmp_path / "long", 10)
    with pytest.raises(StructureError, match=r"^line 2, column 1: must be UTF-8$"):
        text_of(tmp_path / "odd", 10)
    assert text_of(tmp_path / "plain", 10) == "ä" * 10
