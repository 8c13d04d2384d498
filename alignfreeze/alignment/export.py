"""Word alignments written to files, in Pharaoh format, beside the text in words."""

import logging
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

from alignfreeze.alignment.aligning import AlignedLine, AlignmentJob, configured_aligner, read_stats
from alignfreeze.alignment.cleaning import Cleaning, CorpusStats
from alignfreeze.alignment.shards import build_from_shards
from alignfreeze.base.caching import cache_root, check_sealed
from alignfreeze.config import RunConfig
from alignfreeze.contracts import Aligner, Bitext
from alignfreeze.contracts.registry import ALIGNER, fingerprint
from alignfreeze.data.bitexts import find_bitexts, parallel_languages, resolve_aligner
from alignfreeze.data.finding import find_data
from alignfreeze.errors import DataError

logger = logging.getLogger(__name__)

LINKS, SOURCE, TARGET = "links", "source", "target"
"""The files of a shard, and of a whole text: a line for each line of the text."""


def align_to_files(config: RunConfig, output: Path) -> Iterator[tuple[str, CorpusStats]]:
    """Align the parallel text of each language, and write it in Pharaoh format.

    Args:
        config: Data, languages, aligner and cleaning; no language means all that there are.
        output: Folder for the files ``en-de.align`` and, unless the text was taken as it is,
            ``en-de.en`` and ``en-de.de`` in words.

    Yields:
        Each language when its files are there, and what became of its text.

    Raises:
        AlignFreezeError: As `write_alignments`; or if there is no parallel text.
    """
    source = find_data(config.data, max_pairs=config.pair_limit)
    known = parallel_languages(source, config.source_language)
    if not known:
        raise DataError("there is no parallel text", file=source.root / "parallel")
    for bitext in find_bitexts(source, config.source_language, config.languages or known):
        name = resolve_aligner(config.aligner, bitext)
        stats = write_alignments(
            bitext,
            configured_aligner(name, config),
            cleaning=Cleaning.of(config),
            aligner_name=name,
            digest=fingerprint(ALIGNER, name),
            cache=cache_root(),
            output=output,
        )
        yield bitext.target, stats


def write_alignments(
    bitext: Bitext,
    aligner: Aligner,
    *,
    aligner_name: str,
    digest: str,
    cache: Path,
    output: Path,
    cleaning: Cleaning = Cleaning(),  # noqa: B008  frozen
) -> CorpusStats:
    """Align a bitext, and write the links in Pharaoh format: ``0-0 1-2``, source word first.

    The file ``en-fr.align`` has a line for each line of the text, as far as that is read; it is
    empty where the pair was dropped or has no link. Unless the aligner takes text as it is
    tokenized, ``en-fr.en`` and ``en-fr.fr`` have the words that the links count, between single
    spaces; white space within a word is left out. All links are written, those of identical
    words too. What was aligned before is reused.

    Args:
        bitext: The text.
        aligner: The aligner.
        aligner_name: The name under which it is registered.
        digest: Stands for the aligner's code; another one means to align anew.
        cache: The folder that alignments are kept in.
        output: The folder to write to; it is made, and files of these names are replaced.
        cleaning: Which sentence pairs are dropped.

    Returns:
        What became of the text.

    Raises:
        DataError: If a file is missing or malformed, cannot be written, or would be replaced by
            what is made of it; or if what was aligned before is damaged.
        PluginError: If the aligner breaks its contract.
        AlignFreezeError: If a worker process died.
    """
    job = AlignmentJob(
        bitext, aligner, aligner_name, digest, cleaning, _write_shard, every_line=True
    )
    files = {LINKS: output / f"{job.name}.align"}
    if aligner.segmentation(bitext) != "whitespace":
        files[SOURCE] = output / f"{job.name}.{bitext.source}"
        files[TARGET] = output / f"{job.name}.{bitext.target}"
    _check_output(list(files.values()), job)
    folder = cache / "alignments" / f"{job.name}-{job.fingerprint()}"
    build_from_shards(job, folder, _join_shards)
    check_sealed(folder, "what was aligned before")
    stats = read_stats(folder)
    _publish({folder / name: path for name, path in files.items()})
    logger.info("%s: %s", files[LINKS], stats)
    return stats


def _check_output(paths: Sequence[Path], job: AlignmentJob) -> None:
    """Check, before there is any work to lose, that files can be written and replace no input.

    Links alone may be put beside the text that they count; its words would pass for the text.
    """
    bitext, output = job.bitext, paths[0].parent
    read = {bitext.source_file, bitext.target_file, *job.aligner.inputs(bitext)}
    replaced = {path.resolve() for path in read} & {path.resolve() for path in paths}
    beside = len(paths) > 1 and output.resolve() == bitext.source_file.resolve().parent
    if replaced or beside:
        raise DataError("output must be another folder than that of the text", file=output)
    try:
        output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=output):
            pass
    except OSError as error:
        raise DataError(f"output cannot be written: {error.strerror}", file=output) from error


def _write_shard(folder: Path, lines: Iterator[AlignedLine], stats: CorpusStats) -> None:
    """Write links and words, a line for each of the text."""
    with ExitStack() as stack:
        links, source, target = (
            stack.enter_context((folder / name).open("w", encoding="utf-8", newline="\n"))
            for name in (LINKS, SOURCE, TARGET)
        )
        for pair, alignment in lines:
            if alignment is not None:
                stats.links += len(alignment)
                stats.kept += bool(alignment)
                stats.unaligned += not alignment
            links.write(" ".join(f"{s}-{t}" for s, t in sorted(alignment or ())) + "\n")
            source.write(_spaced(pair.source))
            target.write(_spaced(pair.target))


def _spaced(words: Sequence[str]) -> str:
    """Words as a line of text that ``str.split`` splits into as many."""
    return " ".join("".join(word.split()) for word in words) + "\n"


def _join_shards(shards: Sequence[Path], joined: Path, stats: CorpusStats) -> None:
    for name in (LINKS, SOURCE, TARGET):
        with (joined / name).open("wb") as whole:
            for shard in shards:
                with (shard / name).open("rb") as part:
                    shutil.copyfileobj(part, whole)


def _publish(files: dict[Path, Path]) -> None:
    """Put files into their places once all are copied; the links, which come first, last."""
    suffix = uuid4().hex
    copies = {path.with_name(f".{path.name}-{suffix}"): path for path in files.values()}
    try:
        for (origin, path), copy in zip(files.items(), copies, strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(origin, copy)
        for copy, path in reversed(copies.items()):
            copy.replace(path)
    except OSError as error:
        raise DataError(f"cannot be written: {error.strerror}", file=path) from error
    finally:
        for copy in filter(Path.exists, copies):
            copy.unlink()
