"""Ways to write entities as tags of words: all become IOB2, whose entities begin with B-.

IOB1 begins an entity with I-, unless another of its type ends right before; BIOES marks the last
word (E-) and an entity of a single word (S-) too, as do BILOU (L-, U-) and BMES (M- for I-).
"""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import chain, pairwise

from alignfreeze.contracts import counted

Tags = Sequence[str]

LETTERS = {"L": "E", "U": "S", "W": "S", "M": "I"}
"""What marks of BILOU, BMES and BMEWO are in BIOES."""

TAG = re.compile(r"O|[BIESLUWM]-\S+")


def entities(tags: Tags) -> list[tuple[str, int, int]]:
    """Type, first and last word of the entities of a sentence, as seqeval reads them."""
    from seqeval.metrics.sequence_labeling import get_entities

    found: list[tuple[str, int, int]] = get_entities([*tags])
    return found


def as_iob2(sentences: Sequence[Tags], notes: Counter[str]) -> Sequence[Tags]:
    """The tags of a file in IOB2, its scheme being told by the whole of it.

    IOB2 with some entities that begin with ``I-``, as WikiANN has it, stays as it is.

    Raises:
        ValueError: If there are tags that are none; lists them.
    """
    found = Counter(chain.from_iterable(sentences))
    if wrong := Counter({tag: n for tag, n in found.items() if not TAG.fullmatch(tag)}):
        rule = "must be O, or B- or I- (E-, S-, L-, U-) and the type of an entity"
        raise ValueError(f"tags {rule}, got {counted(wrong)}")
    letters = {tag[0] for tag in found} - {*"OBI"}
    if letters:
        count = sum(n for tag, n in found.items() if tag[0] in letters)
        marks = ", ".join(f"{letter}-" for letter in sorted(letters))
        notes[f"tags with {marks}, read as IOB2"] += count
        return [_rewritten([_in_bioes(tag) for tag in tags]) for tags in sentences]
    begun = _begun(sentences)
    inside = begun["I"]
    if inside == begun.total():  # B- only where an entity of the type ends
        notes["entities that begin with I-, read as IOB1"] += inside
        return [_rewritten(tags) for tags in sentences]
    notes["entities that begin with I-, kept so"] += inside
    return sentences


def _in_bioes(tag: str) -> str:
    return LETTERS.get(tag[0], tag[0]) + tag[1:]


def _begun(sentences: Sequence[Tags]) -> Counter[str]:
    """The marks of words before which no word of an entity of their type stands, counted."""
    marks: Counter[str] = Counter()
    pairs = Counter(chain.from_iterable(pairwise(("O", *tags)) for tags in sentences))
    for (before, tag), count in pairs.items():
        if tag != "O" and before[2:] != tag[2:]:
            marks[tag[0]] += count
    return marks


def _rewritten(tags: Tags) -> Tags:
    written = ["O"] * len(tags)
    for kind, first, last in entities(tags):
        written[first : last + 1] = [f"B-{kind}", *[f"I-{kind}"] * (last - first)]
    return written
