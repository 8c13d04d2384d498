"""The parallel text that a run realigns, and measures word alignment on."""

import logging
from collections.abc import Collection, Sequence
from typing import NamedTuple

from alignfreeze.alignment.corpus import (
    AlignedCorpus,
    aligned_corpora,
    hold_out,
    sentence_corpora,
)
from alignfreeze.config import RunConfig
from alignfreeze.contracts import DataSource, Objective
from alignfreeze.data.bitexts import parallel_languages, unread_text
from alignfreeze.data.language_choice import realignment_languages
from alignfreeze.data.missing import with_texts
from alignfreeze.errors import DataError
from alignfreeze.runs.objectives import links_words

logger = logging.getLogger(__name__)


class ParallelText(NamedTuple):
    """The text of each language that has some.

    Attributes:
        corpora: What is realigned.
        held_out: What word alignment is measured on, a part of each text.
        without_text: The languages that turned out to have none.
    """

    corpora: list[AlignedCorpus]
    held_out: list[AlignedCorpus]
    without_text: list[str]


NO_TEXT = ParallelText([], [], [])


def read_text(
    source: DataSource, config: RunConfig, languages: Sequence[str], objective: Objective
) -> ParallelText:
    """Read the text of some languages, its words aligned if that is of any use.

    Raises:
        AlignFreezeError: If there is none, it is malformed, or too little to hold some out.
    """
    chosen = with_texts(source, config.source_language, languages, config.missing)
    without_text = [language for language in languages if language not in chosen]
    if links_words(config, objective):
        every_pair = not objective.needs_links
        corpora = aligned_corpora(source, config, chosen, every_pair=every_pair)
    else:
        name = config.objective
        logger.info("objective %s takes whole sentences: no words are aligned", name)
        corpora = sentence_corpora(source, config, chosen)
    if not config.alignment_pairs:
        return ParallelText(corpora, [], without_text)
    parts = [hold_out(corpus, config.alignment_pairs) for corpus in corpora]
    training, held_out = ([*part] for part in zip(*parts, strict=True))
    return ParallelText(training, held_out, without_text)


def languages_with_text(
    source: DataSource, config: RunConfig, targets: Collection[str]
) -> Sequence[str]:
    """The languages to realign: as they are named, or else those of the targets that have text.

    Raises:
        DataError: If none of the targets has any.
    """
    if asked := realignment_languages(source, config):
        return asked
    available = parallel_languages(source, config.source_language)
    chosen = [language for language in available if language in targets]
    if not chosen:
        raise DataError(
            f"no target language has parallel text; languages with some: "
            f"{' '.join(available) or 'none'}"
            f"{unread_text(source, config.source_language, targets)}",
            file=source.root / "parallel",
        )
    if missing := sorted({*targets} - {*chosen}):
        logger.warning("no parallel text to realign with: %s", " ".join(missing))
    return chosen
