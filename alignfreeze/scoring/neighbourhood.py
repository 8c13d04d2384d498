"""The sentence pairs among which neighbours are looked for: all of a text, or a sample of it."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alignfreeze.alignment.cleaning import text_pairs
from alignfreeze.contracts import Bitext
from alignfreeze.scoring.margin import margin_scores
from alignfreeze.scoring.sentence_vectors import SentenceReader

PAIRS_AT_ONCE = 1024
"""Sentence pairs that are read, encoded and scored at a time."""

DIGEST_BYTES = 16

TextPair = tuple[int, str, str]
"""A line, counted from 1, and the texts in it."""


class Scored(NamedTuple):
    """The scores of some sentence pairs, and which of them have a side that was cut; (pairs,)."""

    scores: NDArray[np.float32]
    cut: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Side:
    """The sampled sentences of one language.

    Attributes:
        vectors: Of each sampled pair, of shape (pairs, hidden).
        neighbours: Those of different texts, none of them empty, of shape (neighbours, hidden).
        texts: The digests of these.
    """

    vectors: Tensor
    neighbours: Tensor
    texts: frozenset[bytes]

    @classmethod
    def of(cls, vectors: Tensor, digests: Sequence[bytes]) -> Self:
        """Those of some texts."""
        filled = vectors.any(dim=1).tolist()
        first = {digest: row for row, digest in reversed([*enumerate(digests)]) if filled[row]}
        rows = torch.tensor(sorted(first.values()), dtype=torch.int64, device=vectors.device)
        return cls(vectors, vectors[rows], frozenset(first))


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """Sentence pairs of a text among which nearest neighbours are looked for.

    A search among all pairs of a text costs the square of their number. A sample costs each pair
    the same, and all pairs are held against the same neighbours; these are farther away than among
    all, so that scores are higher, and their order is another, too (docs/data.md says how much).

    Attributes:
        lines: The sampled lines, counted from 1, ascending, of shape (sampled,).
        sides: The sentences of both languages.
        cut: Whether a sampled pair has a side that was cut, of shape (sampled,).
    """

    lines: NDArray[np.int64]
    sides: tuple[Side, Side]
    cut: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        bitext: Bitext,
        n_pairs: int,
        size: int,
        *,
        reader: SentenceReader,
        advance: Callable[[int], object],
    ) -> Self:
        """A sample of a text's pairs, always the same; all of them, if they are no more.

        Args:
            bitext: The text.
            n_pairs: How many pairs it has.
            size: How many to sample.
            reader: Makes vectors of them.
            advance: Called with how many more have been encoded.
        """
        lines = sampled_lines(n_pairs, size)
        vectors: tuple[list[Tensor], list[Tensor]] = ([], [])
        digests: tuple[list[bytes], list[bytes]] = ([], [])
        cut = []
        for pairs in chunks(_chosen(bitext, lines)):
            sides = [[pair[1] for pair in pairs], [pair[2] for pair in pairs]]
            found = [reader.vectors(texts) for texts in sides]
            for side, texts in enumerate(sides):
                vectors[side].append(found[side][0])
                digests[side].extend(map(_digest, texts))
            cut.append(found[0][1] | found[1][1])
            advance(len(pairs))
        source, target = (Side.of(torch.cat(vectors[side]), digests[side]) for side in (0, 1))
        return cls(lines, (source, target), np.concatenate(cut))

    def scored(self, pairs: Sequence[TextPair], reader: SentenceReader, k: int) -> Scored:
        """The margin scores of some pairs of the text."""
        lines = np.array([line for line, *_ in pairs])
        places = np.searchsorted(self.lines, lines).clip(max=len(self.lines) - 1)
        sampled = self.lines[places] == lines
        cut = sampled & self.cut[places]
        vectors, known = [], []
        for number, side in enumerate(self.sides, 1):
            texts = [str(pair[number]) for pair in pairs]
            own = side.vectors[torch.from_numpy(places).to(side.vectors.device)]
            if len(others := np.flatnonzero(~sampled)):
                rows = torch.from_numpy(others).to(own.device)
                own[rows], further = reader.vectors([texts[row] for row in others])
                cut[others] |= further
            vectors.append(own)
            known.append([_digest(text) in side.texts for text in texts])
        scores = margin_scores(
            *vectors,
            source_neighbours=self.sides[0].neighbours,
            target_neighbours=self.sides[1].neighbours,
            known=torch.tensor(known, device=vectors[0].device).T,
            k=k,
        )
        return Scored(scores.cpu().numpy(), cut)


def sampled_lines(n_pairs: int, size: int) -> NDArray[np.int64]:
    """The lines of a sample, counted from 1, ascending: all of them if they are no more."""
    if n_pairs <= size:
        return np.arange(1, n_pairs + 1)
    return 1 + np.sort(np.random.default_rng(0).choice(n_pairs, size, replace=False))


def chunks(pairs: Iterator[TextPair]) -> Iterator[list[TextPair]]:
    """Pairs, `PAIRS_AT_ONCE`."""
    while chunk := list(islice(pairs, PAIRS_AT_ONCE)):
        yield chunk


def _chosen(bitext: Bitext, lines: NDArray[np.int64]) -> Iterator[TextPair]:
    """The pairs in some lines, ascending."""
    chosen = set(lines.tolist())
    pairs = text_pairs(bitext, range(1, int(lines[-1]) + 1))
    return (pair for pair in pairs if pair[0] in chosen)


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=DIGEST_BYTES).digest()
