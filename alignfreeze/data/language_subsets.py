"""Some of many languages: those that cover others, that are nearest to one, that a seed draws."""

import math
from collections.abc import Callable, Sequence

from alignfreeze.base.digests import hash_of

Distance = Callable[[str, str], float]
"""The distance of two languages, in [0, 1]; 0 of a language from itself."""


def diverse(
    targets: Sequence[str], candidates: Sequence[str], count: int, away: Distance
) -> list[str]:
    """The candidates that cover the targets best, as far as taking one after the other finds them.

    A target is covered by the nearest of those chosen, and all of them by the sum of these
    similarities (facility location), ``sum over t of max over c of 1 - away(t, c)``. It is monotone
    and submodular, so that taking the greatest gain each time comes to at least 1 - 1/e of what is
    possible (Nemhauser, Wolsey & Fisher 1978, https://doi.org/10.1007/BF01588971). Where several
    gain as much, as when every target is covered by itself, the one counts by which the candidates
    are covered better, then the first by its code. Sums are exact, so that machines agree.

    Returns:
        So many candidates, sorted.
    """
    grounds = [(targets, dict.fromkeys(targets, 0.0)), (candidates, dict.fromkeys(candidates, 0.0))]
    chosen: list[str] = []
    for _ in range(count):

        def gains(candidate: str) -> list[float]:
            return [
                math.fsum(max(0.0, 1 - away(t, candidate) - best[t]) for t in ground)
                for ground, best in grounds
            ]

        left = sorted({*candidates} - {*chosen})
        taken = max(left, key=gains)  # of several the first
        chosen.append(taken)
        for ground, best in grounds:
            best.update((t, max(best[t], 1 - away(t, taken))) for t in ground)
    return sorted(chosen)


def nearest(origin: str, candidates: Sequence[str], count: int, away: Distance) -> list[str]:
    """The candidates nearest to a language, of several as near the first by code; sorted."""
    return sorted(sorted(candidates, key=lambda code: (away(origin, code), code))[:count])


def drawn(candidates: Sequence[str], count: int, seed: int) -> list[str]:
    """Candidates that a seed draws, each equally likely, on whatever machine; sorted.

    They are in the order of a hash, so that fewer of them are some of more.
    """
    return sorted(sorted(candidates, key=lambda code: hash_of([seed, code]))[:count])
