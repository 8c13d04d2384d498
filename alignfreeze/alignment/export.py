"""Word alignments written to files, in Pharaoh format, beside the text in words."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar

from alignfreeze.alignment.aligning import AlignedLine, AlignmentJob
from alignfreeze.alignment.cleaning import CorpusStats, log_stats
from alignfreeze.alignment.shards import build_from_shards
from alignfreeze.base.faults import unwritable
from alignfreeze.base.paths import cache_root
from alignfreeze.config import RunConfig
from alignfreeze.data.bitexts import parallel_languages, unread_text
from alignfreeze.data.finding import find_data
from alignfreeze.data.language_choice import realignment_languages, told_choice
from alignfreeze.data.missing import with_texts
from alignfreeze.errors import DataError
from alignfreeze.text.tokens import join_tokens

LINKS, SOURCE, TARGET = "links", "source", "target"
"""The files of a shard, and of a whole text: a line for each line of the text."""


class ExportJob(AlignmentJob):
    """Writes links and words, a line for each of the text."""

    every_line: ClassVar[bool] = True
    result: ClassVar[str] = "what was aligned before"

    def write(self, folder: Path, lines: Iterator[AlignedLine], stats: CorpusStats) -> None:
        """Write the lines of a shard; links are sorted."""
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
                source.write(f"{join_tokens(pair.source)}\n")
                target.write(f"{join_tokens(pair.target)}\n")

    def join(self, shards: Sequence[Path], joined: Path, stats: CorpusStats) -> None:
        """Write the files of all shards one after the other."""
        for name in (LINKS, SOURCE, TARGET):
            with (joined / name).open("wb") as whole:
                for shard in shards:
                    with (shard / name).open("rb") as part:
                        shutil.copyfileobj(part, whole)


def align_to_files(config: RunConfig, output: Path) -> Iterator[tuple[str, CorpusStats]]:
    """Align the parallel text of each language, all by default, and write it in Pharaoh format.

    Languages that are named are those; else it is those that a run would realign.

    Yields:
        Each language when its files are there, and what became of its text.

    Raises:
        AlignFreezeError: As `AlignmentJob.configured` and `write_alignments`; or if there is no
            parallel text.
    """
    source = find_data(config.data, max_pairs=config.pair_limit)
    known = parallel_languages(source, config.source_language)
    if not known:
        there = unread_text(source, config.source_language)
        raise DataError(f"there is no parallel text{there}", file=source.root / "parallel")
    choice = told_choice(source, config, config.languages)
    named = choice.languages if choice else config.languages
    asked = named or realignment_languages(source, config) or known
    languages = with_texts(source, config.source_language, asked, config.missing)
    for job in ExportJob.configured(source, config, languages):
        yield job.bitext.target, write_alignments(job, cache_root(), output)


def write_alignments(job: ExportJob, cache: Path, output: Path) -> CorpusStats:
    """Align a bitext, and write the links in Pharaoh format: ``0-0 1-2``, source word first.

    The file ``en-fr.align`` has a line for each line of the text, as far as that is read; it is
    empty where the pair was dropped or has no link. Unless the aligner takes text as it is
    tokenized, ``en-fr.en`` and ``en-fr.fr`` have the words that the links count, between single
    spaces, as `join_tokens` writes them. All one-to-one links are written, those of identical
    words too. What was aligned before is reused.

    Args:
        job: The text, and how it is aligned.
        cache: The folder that alignments are kept in.
        output: The folder to write to; it is made, and files of these names are replaced.

    Returns:
        What became of the text.

    Raises:
        DataError: If a file would be replaced by what is made of it.
        AlignFreezeError: If a file cannot be written; and as `build_from_shards`.
    """
    bitext = job.bitext
    files = {LINKS: output / f"{job.name}.align"}
    if job.aligner.segmentation(bitext) != "whitespace":
        files[SOURCE] = output / f"{job.name}.{bitext.source}"
        files[TARGET] = output / f"{job.name}.{bitext.target}"
    _check_output(list(files.values()), job)
    folder = cache / "alignments" / f"{job.name}-{job.fingerprint()}"
    stats = build_from_shards(job, folder)
    _publish({folder / name: path for name, path in files.items()})
    log_stats(files[LINKS], stats)
    return stats


def _check_output(paths: Sequence[Path], job: ExportJob) -> None:
    """Check, before there is any work to lose, that files can be written and replace no input.

    Links alone may be put beside the text that they count; its words would pass for the text.
    """
    bitext, output = job.bitext, paths[0].parent
    texts = bitext.origins or (bitext.source_file, bitext.target_file)
    read = {*texts, *job.aligner.inputs(bitext)}
    replaced = {path.resolve() for path in read} & {path.resolve() for path in paths}
    beside = len(paths) > 1 and output.resolve() == texts[0].resolve().parent
    if replaced or beside:
        raise DataError("output must be another folder than that of the text", file=output)
    try:
        output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=output):
            pass
    except OSError as error:
        raise unwritable("output", output, error) from error


def _publish(files: dict[Path, Path]) -> None:
    """Put files into their places once all are copied; the links, which come first, last."""
    path = next(iter(files.values()))
    try:
        with tempfile.TemporaryDirectory(prefix=".", dir=path.parent) as temporary:
            for origin, path in files.items():
                shutil.copyfile(origin, Path(temporary, path.name))
            for path in reversed(files.values()):
                Path(temporary, path.name).replace(path)
    except OSError as error:
        raise unwritable("output", path, error) from error
