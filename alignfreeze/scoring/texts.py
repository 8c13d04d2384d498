"""The parallel text of each language scored, and the scores put where runs find them."""

import logging
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from alignfreeze.base.faults import unwritable
from alignfreeze.base.paths import cache_root
from alignfreeze.config import RunConfig
from alignfreeze.contracts import Bitext, DataSource
from alignfreeze.data.bitext_names import SCORES as ENDING
from alignfreeze.data.bitext_names import names_beside
from alignfreeze.data.bitexts import find_bitexts, parallel_languages, unread_text
from alignfreeze.data.finding import find_data, find_model
from alignfreeze.data.missing import with_texts
from alignfreeze.encoders.families import layer_count
from alignfreeze.encoders.loading import content_of, load_encoder, load_tokenizer, longest_input
from alignfreeze.encoders.stated import check_length, realigned_layers
from alignfreeze.encoders.trial import check_forward, check_vocabulary
from alignfreeze.errors import ConfigError, DataError
from alignfreeze.messages import listed
from alignfreeze.scoring.score_files import SCORES, ScoreCounts, ScoreJob
from alignfreeze.scoring.sentence_vectors import SentenceReader
from alignfreeze.scoring.settings import ScoreConfig
from alignfreeze.training.devices import make_accelerator, resolve_precision

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ScoredText:
    """The scores of a language's sentence pairs: their file, and how many they are."""

    language: str
    file: Path
    counts: ScoreCounts


def score_texts(config: RunConfig, settings: ScoreConfig) -> Iterator[ScoredText]:
    """Score the sentence pairs of each language, all by default, and write ``en-de.scores``.

    Scores are kept in the cache: what was scored before, with the same encoder and the same
    settings, is not scored again. A file is written whole or not at all.

    Yields:
        Each language when its file is there.

    Raises:
        ConfigError: If a file is there that holds other scores, and is not to be replaced; or an
            option does not fit the encoder or the data.
        DataError: If there is no parallel text, or it is malformed.
        EncoderError: If the encoder cannot be loaded, or fails.
        AlignFreezeError: If a file cannot be written.
    """
    source = find_data(config.data, max_pairs=config.pair_limit)
    if source.supplier is None and config.pair_limit is not None:
        raise ConfigError(
            "pair_limit must not be given with a folder of data, each line of which needs a score"
        )
    bitexts = _bitexts(source, config)
    files = [_file(bitext, source, settings) for bitext in bitexts]
    for folder in dict.fromkeys(path.parent for path in files):
        _check_output(folder)
    reader, model = open_reader(config)
    jobs = [
        ScoreJob(bitext, reader, model, settings.neighbours, settings.sample) for bitext in bitexts
    ]
    if not settings.force:
        _check_none_is_replaced(jobs, files)
    for job, path in zip(jobs, files, strict=True):
        folder = job.folder(cache_root())
        counts = job.build(folder)
        _publish(folder / SCORES, path)
        logger.info("%s: %s", path, counts)
        yield ScoredText(job.bitext.target, path, counts)


def open_reader(config: RunConfig) -> tuple[SentenceReader, str]:
    """The encoder of a configuration as a reader of sentences, and what identifies its weights.

    Raises:
        ConfigError: If an option does not fit the encoder.
        EncoderError: If it cannot be loaded, or fails.
    """
    name, precision = find_model(config.model), resolve_precision(config.precision)
    encoder, tokenizer = load_encoder(name), load_tokenizer(name)
    layers = realigned_layers(config, layer_count(encoder))
    check_length(config, ("realign_max_length",), longest_input(encoder, tokenizer))
    check_vocabulary(encoder, tokenizer)
    longest = config.realign_max_length
    check_forward(encoder, tokenizer, layers, precision=precision, longest=longest)
    reader = SentenceReader(
        encoder,
        tokenizer,
        layers,
        max_length=longest,
        batch_size=config.eval_batch_size,
        accelerator=make_accelerator(precision),
    )
    return reader, content_of(name, encoder)


def _bitexts(source: DataSource, config: RunConfig) -> list[Bitext]:
    known = parallel_languages(source, config.source_language)
    if not known:
        there = unread_text(source, config.source_language)
        raise DataError(f"there is no parallel text{there}", file=source.root / "parallel")
    asked = config.languages or known
    languages = with_texts(source, config.source_language, asked, config.missing)
    return find_bitexts(source, config.source_language, languages)


def _file(bitext: Bitext, source: DataSource, settings: ScoreConfig) -> Path:
    """Where the scores of a text go: where a run would look for them, or the folder that is given.

    A file that is there keeps its name.
    """
    if settings.output:
        folder = Path(settings.output).expanduser()
    elif bitext.scores_file is not None:
        folder = bitext.scores_file.parent
    else:
        folder = bitext.source_file.parent if source.supplier else source.root / "parallel"
    return folder / names_beside(ENDING, bitext.source, bitext.target)[0]


def _check_none_is_replaced(jobs: Sequence[ScoreJob], files: Sequence[Path]) -> None:
    """Check that no other scores are where some are to be written; the same ones are no matter."""
    others = []
    for job, path in zip(jobs, files, strict=True):
        names = names_beside(ENDING, job.bitext.source, job.bitext.target)
        there = [path.with_name(name) for name in names if path.with_name(name).is_file()]
        known = job.folder(cache_root()) / SCORES
        same = there == [path] and known.is_file() and known.read_bytes() == path.read_bytes()
        others += [] if same else there
    if others:
        found = listed([str(path) for path in others])
        raise ConfigError(f"--force replaces scores that are there already: {found}")


def _check_output(folder: Path) -> None:
    """Check, before there is any work to lose, that files can be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise unwritable("output", folder, error) from error


def _publish(origin: Path, path: Path) -> None:
    """Put a copy of a file into its place, whole or not at all."""
    try:
        with tempfile.TemporaryDirectory(prefix=".", dir=path.parent) as temporary:
            copy = Path(temporary, path.name)
            shutil.copyfile(origin, copy)
            copy.replace(path)
    except OSError as error:
        raise unwritable("output", path, error) from error
