from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities

from alignfreeze_tasks.ner.schemes import as_iob2


def converted(*sentences: str) -> tuple[list[str], Counter[str]]:
    notes: Counter[str] = Counter()
    found = as_iob2([tags.split() for tags in sentences], notes)
    return [" ".join(tags) for tags in found], +notes


@pytest.mark.parametrize(
    ("tags", "iob2"),
    [
        pytest.param("I-PER I-PER O I-LOC", "B-PER I-PER O B-LOC", id="IOB1"),
        pytest.param("I-PER B-PER I-PER I-LOC", "B-PER B-PER I-PER B-LOC", id="IOB1, neighbours"),
        pytest.param("I-PER I-LOC I-PER", "B-PER B-LOC B-PER", id="IOB1, types"),
        pytest.param("B-PER E-PER O S-LOC", "B-PER I-PER O B-LOC", id="BIOES"),
        pytest.param(
            "B-PER I-PER E-PER B-PER E-PER S-PER S-PER",
            "B-PER I-PER I-PER B-PER I-PER B-PER B-PER",
            id="BIOES, neighbours",
        ),
        pytest.param("B-PER I-PER L-PER U-PER U-LOC", "B-PER I-PER I-PER B-PER B-LOC", id="BILOU"),
        pytest.param("B-PER M-PER E-PER S-LOC", "B-PER I-PER I-PER B-LOC", id="BMES"),
        pytest.param("B-PER M-PER E-PER W-LOC", "B-PER I-PER I-PER B-LOC", id="BMEWO"),
        pytest.param("I-PER E-PER E-PER O E-LOC", "B-PER I-PER B-PER O B-LOC", id="IOE2"),
        pytest.param("S-work-of-art B-a-b E-a-b", "B-work-of-art B-a-b I-a-b", id="hyphens"),
    ],
)
def test_schemes_become_iob2(tags, iob2):
    (found,), notes = converted(tags)
    assert found == iob2
    assert notes.total() > 0


@pytest.mark.parametrize(
    "tags", ["O O", "B-PER I-PER O B-LOC", "B-PER B-PER I-PER", "B-PER B-LOC I-LOC"]
)
def test_iob2_stays(tags):
    assert converted(tags) == ([tags], {})


def test_a_file_says_its_scheme_as_a_whole():
    """Some of WikiANN's entities begin with I-, as seqeval reads them."""
    assert converted("O I-PER", "B-PER I-PER") == (
        ["O I-PER", "B-PER I-PER"],
        {"entities that begin with I-, kept so": 1},
    )
    assert converted("O I-PER", "I-LOC B-LOC") == (
        ["O B-PER", "B-LOC B-LOC"],
        {"entities that begin with I-, read as IOB1": 2},
    )
    assert converted("B-PER", "I-PER S-LOC") == (
        ["B-PER", "B-PER B-LOC"],
        {"tags with S-, read as IOB2": 1},
    )


@pytest.mark.parametrize("tag", ["PER", "b-PER", "B_PER", "B-", "o", "X-PER", "(PER*)", "OO", "_"])
def test_other_tags_are_refused_once(tag):
    with pytest.raises(ValueError, match=r"tags must be O, or B- or I- .*, got .* \(2\)$") as error:
        converted(f"O {tag}", f"{tag} B-PER")
    assert f"got {tag} (2)" in str(error.value)


tags = st.sampled_from(["O", *(f"{mark}-{kind}" for mark in "BIES" for kind in ("PER", "a-b"))])


@given(st.lists(st.lists(tags, min_size=1), min_size=1))
def test_entities_are_the_same_as_before(sentences):
    found = as_iob2(sentences, Counter())
    assert [get_entities([*tags]) for tags in found] == [get_entities([*s]) for s in sentences]
    assert {tag[0] for tags in found for tag in tags} <= {*"BIO"}
