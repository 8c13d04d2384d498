"""Links between the words of sentence pairs in memory, by any aligner."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Unpack, overload

from pydantic import SkipValidation

from alignfreeze.alignment.aligning import encoder_fields
from alignfreeze.alignment.cleaning import Cleaning, CorpusStats
from alignfreeze.alignment.corpus import AlignedCorpus, CorpusJob, sentence_job
from alignfreeze.alignment.in_memory import aligned_in_memory, corpus_in_memory
from alignfreeze.api.encoders import UserEncoder
from alignfreeze.api.options import LinkOptions, configuration
from alignfreeze.api.sentences import (
    Dictionaries,
    LinkedPair,
    Pairs,
    SentencePairs,
    Sentences,
    bitext_of,
    sentences_of,
)
from alignfreeze.config import RunConfig
from alignfreeze.contracts import Aligner, Bitext, SentencePair, WordAlignment
from alignfreeze.contracts.registry import ALIGNER, create_plugin, load_plugin
from alignfreeze.data.bitexts import AUTO_ALIGNERS
from alignfreeze.errors import ConfigError
from alignfreeze.messages import shown

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

AUTO = "auto"
DICTIONARY, PHARAOH = AUTO_ALIGNERS
MUTUAL = "mutual"
"""What links words where there is neither a dictionary nor a link: an encoder's own vectors."""


class GivenLinks(Aligner):
    """Links that come with the sentence pairs.

    Attributes:
        links: Those of each pair, by its line.
    """

    links: SkipValidation[Sequence[WordAlignment]]

    def align(self, pairs: Iterable[SentencePair], bitext: Bitext) -> Iterator[WordAlignment]:
        """The links of each pair."""
        for pair in pairs:
            yield self.links[pair.line - 1]


@dataclass(frozen=True)
class Linking:
    """How words are linked.

    Attributes:
        aligner: A name, ``auto``, or an aligner.
        dictionaries: For the aligner ``dictionary``.
        config: The source language, the aligner's hyperparameters, and what is dropped.
        encoder: What aligners that want an encoder have, unless they name one.
        by_itself: Whether ``auto`` may stand for links by that encoder.
        whole_sentences: Whether no words are linked, whatever there is to link them.
    """

    aligner: str | Aligner
    dictionaries: Dictionaries | None
    config: RunConfig
    encoder: UserEncoder | None
    by_itself: bool = True
    whole_sentences: bool = False

    @contextmanager
    def jobs(self, pairs: Pairs) -> Iterator[list[tuple[Sentences, CorpusJob]]]:
        """The sentences of each language, and what aligns them while the context lasts.

        Raises:
            DataError: If sentence pairs or dictionaries are not what they must be.
            ConfigError: If there is no aligner for them.
        """
        asked: object = self.aligner
        if not isinstance(asked, str | Aligner):
            kind = "a name or an instance of an aligner"
            raise ConfigError(f"aligner must be {kind}, got {shown(asked)}")
        read = sentences_of(pairs)
        with ExitStack() as stack:
            found = []
            for number, sentences in enumerate(read):
                folder = Path(stack.enter_context(TemporaryDirectory(prefix="alignfreeze-")))
                source = self.config.source_language
                bitext = bitext_of(sentences, source, self.dictionaries, folder)
                cleaning = Cleaning.of(self.config)
                if self.whole_sentences:
                    found.append((sentences, sentence_job(bitext, cleaning)))
                    continue
                name, aligner = self._aligner(sentences, bitext, folder / f"encoder-{number}")
                found.append((sentences, CorpusJob(bitext, aligner, name, "", cleaning)))
            yield found

    def corpora(self, pairs: Pairs) -> tuple[list[AlignedCorpus], dict[str, str]]:
        """The aligned corpus of each language, and the names of the aligners by language.

        Raises:
            AlignFreezeError: As `jobs`, or if no words are linked.
        """
        with self.jobs(pairs) as jobs:
            corpora = [corpus_in_memory(job, _split(own, job)) for own, job in jobs]
        return corpora, {own.language: job.aligner_name for own, job in jobs}

    def _aligner(self, sentences: Sentences, bitext: Bitext, folder: Path) -> tuple[str, Aligner]:
        """The aligner of one language, by name; a folder is for an encoder that it wants."""
        asked = self.aligner
        if sentences.links is not None:
            if asked not in (AUTO, PHARAOH):
                rule = "aligner must be 'auto' where sentence pairs come with their links"
                raise ConfigError(f"{rule}, got {shown(asked)}")
            return PHARAOH, GivenLinks(links=sentences.links)
        if isinstance(asked, Aligner):
            if self.config.aligner_args:
                raise ConfigError("aligner_args must be left out with an aligner that is made")
            lacking = {f for f in encoder_fields(type(asked)) if not getattr(asked, f)}
            name = type(asked).__name__
            return name, asked.model_copy(update=self._model(lacking, name, folder))
        if asked == PHARAOH:
            raise ConfigError("aligner must not be 'pharaoh' where sentence pairs have no links")
        name = self._of_auto(sentences, bitext) if asked == AUTO else asked
        args = self.config.aligner_args
        lacking = {f for f in encoder_fields(load_plugin(ALIGNER, name)) if not args.get(f)}
        return name, create_plugin(ALIGNER, name, {**args, **self._model(lacking, name, folder)})

    def _of_auto(self, sentences: Sentences, bitext: Bitext) -> str:
        if bitext.forward_dictionary or bitext.backward_dictionary:
            return DICTIONARY
        if self.by_itself and (self.encoder or self.config.aligner_args.get("model")):
            logger.info("%s: words are linked by aligner 'mutual'", sentences.language)
            return MUTUAL
        raise ConfigError(
            f"{sentences.language}: nothing says which words translate each other: give "
            "dictionaries, sentence pairs with links (alignfreeze.align makes them), or an aligner"
            + (", such as 'mutual' with an encoder" if self.by_itself else "")
        )

    def _model(self, fields: set[str], name: str, folder: Path) -> dict[str, Any]:
        """The encoder for fields that name one: aligners load it by its folder."""
        if not fields:
            return {}
        if self.encoder is None:
            field = min(fields)
            raise ConfigError(
                f"aligner {name!r} needs an encoder: give encoder and tokenizer, or "
                f"aligner_args={{{field!r}: …}}"
            )
        return dict.fromkeys(fields, str(self.encoder.saved(folder)))


def _split(sentences: Sentences, job: CorpusJob) -> Iterator[tuple[SentencePair, bool]]:
    return sentences.split(job.bitext.source, job.aligner.segmentation(job.bitext))


@overload
def align(  # type: ignore[overload-overlap]  # texts are sequences, of texts
    pairs: Mapping[str, SentencePairs],
    aligner: str | Aligner = AUTO,
    *,
    encoder: "PreTrainedModel | None" = None,
    tokenizer: "PreTrainedTokenizerBase | None" = None,
    dictionaries: Dictionaries | None = None,
    **options: Unpack[LinkOptions],
) -> dict[str, list[LinkedPair]]: ...


@overload
def align(
    pairs: SentencePairs,
    aligner: str | Aligner = AUTO,
    *,
    encoder: "PreTrainedModel | None" = None,
    tokenizer: "PreTrainedTokenizerBase | None" = None,
    dictionaries: Dictionaries | None = None,
    **options: Unpack[LinkOptions],
) -> list[LinkedPair]: ...


def align(
    pairs: Pairs,
    aligner: str | Aligner = AUTO,
    *,
    encoder: "PreTrainedModel | None" = None,
    tokenizer: "PreTrainedTokenizerBase | None" = None,
    dictionaries: Dictionaries | None = None,
    **options: Unpack[LinkOptions],
) -> list[LinkedPair] | dict[str, list[LinkedPair]]:
    """Find which words of sentence pairs translate each other.

    Nothing is dropped: each pair has its result, in order, one without words on a side has no
    links. Links are one to one, as realignment uses them.

    Args:
        pairs: (source, target) each, as texts or as lists of words; or a dict of such by the code
            of the target language, which helps to split texts into words (Thai, Chinese).
        aligner: The name of a plugin (``alignfreeze plugins`` lists them), or an aligner.
            ``auto``: ``dictionary`` for a language with one, else ``mutual``.
        encoder: For aligners that want one, such as ``mutual``: a transformers model.
        tokenizer: The encoder's.
        dictionaries: A folder of MUSE dictionaries named like ``en-de.txt``; or by target language
            a file, or word pairs, source word first.
        **options: ``source_language`` (``en``) and ``aligner_args``, as of a run.

    Returns:
        For each pair its words and links; of a dict of pairs, a dict.

    Raises:
        AlignFreezeError: If the pairs, an option, the aligner or the encoder is at fault.

    Example:
        >>> pairs = [("The house is old.", "Das Haus ist alt."), ("A cat!", "Eine Katze!")]
        >>> words = {"house": "Haus", "old": "alt", "cat": "Katze"}
        >>> for pair in align({"de": pairs}, dictionaries={"de": words})["de"]:
        ...     print(pair.links, [(pair.source[s], pair.target[t]) for s, t in pair.links])
        [(1, 1), (3, 3)] [('house', 'Haus'), ('old', 'alt')]
        [(1, 1)] [('cat', 'Katze')]
    """
    config = configuration("align", LinkOptions, options)
    if (encoder is None) != (tokenizer is None):
        raise ConfigError("encoder and tokenizer must be given together")
    user = UserEncoder.of(encoder, tokenizer) if encoder is not None else None
    # All are wanted, but for what has no words.
    everything = {"pair_max_words": 0, "pair_max_ratio": 0.0, "pair_duplicates": "keep"}
    linking = Linking(aligner, dictionaries, config.model_copy(update=everything), user)
    with linking.jobs(pairs) as jobs:
        found = {own.language: _linked(own, job) for own, job in jobs}
    return found if isinstance(pairs, Mapping) else next(iter(found.values()))


def _linked(sentences: Sentences, job: CorpusJob) -> list[LinkedPair]:
    lines = aligned_in_memory(job, _split(sentences, job), CorpusStats())
    return [LinkedPair(pair.source, pair.target, sorted(links or ())) for pair, links in lines]
