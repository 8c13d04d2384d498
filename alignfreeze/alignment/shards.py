"""Parallel text cleaned and aligned in shards: on all cores, in bounded memory, restartable."""

import logging
import pickle
import shutil
import sys
from collections.abc import Callable
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from alignfreeze.alignment.aligning import (
    AlignmentJob,
    Shard,
    align_shard,
    read_log,
    read_stats,
    write_log,
    write_stats,
)
from alignfreeze.alignment.cleaning import CorpusStats, Marks, count_pairs, mark_repeats
from alignfreeze.alignment.quality import mark_worst
from alignfreeze.base.caching import building, found_whole
from alignfreeze.base.logs import LogLine, say_again
from alignfreeze.base.process_pools import available_cores, process_pool
from alignfreeze.base.progress import progress_bar
from alignfreeze.contracts.guarding import owner_of
from alignfreeze.errors import DataError, PluginError, one_line

if TYPE_CHECKING:
    from tqdm import tqdm

logger = logging.getLogger(__name__)

SHARD_LINES = 20_000
"""Lines of a shard, where that makes no more than `MOST_SHARDS`."""

MOST_SHARDS = 256
"""Each shard skips the lines before its own, so that their number must not grow with the text."""

MARKS = "marks.bool"
"""Which lines are marked, in the folder of what they are marked for."""


def build_from_shards(job: AlignmentJob, folder: Path) -> CorpusStats:
    """Do a job in shards and join them into a folder, unless it is there already.

    Shards that are done stay in a folder beside it until all are, so that a run that was ended
    goes on with those that are missing; what is damaged is done again. Several processes may build
    the same folder at once.

    The shards are done by a process a core, unless there is but one shard, or the aligner is not
    ``parallel`` or cannot be handed to other processes. A script that aligns more than
    `SHARD_LINES` lines must keep what it does below ``if __name__ == "__main__"``, as with all
    that ``multiprocessing`` spawns.

    The folder's name stands for the job's fingerprint.

    Returns:
        What became of the text; known where the folder was there, too.

    Raises:
        DataError: If a file is missing or malformed.
        PluginError: If the aligner breaks its contract.
        AlignFreezeError: If a worker process died.
    """
    if found_whole(folder, job.result):
        say_again(read_log(folder))
    else:
        _build(job, folder)
    # The result may have been made of the same text in another format.
    return read_stats(folder) + CorpusStats(notes=dict(job.bitext.notes))


def _build(job: AlignmentJob, folder: Path) -> None:
    ranges = shard_ranges(min(count_pairs(job.bitext), job.cleaning.limit or sys.maxsize))
    work = folder.with_name(f".{folder.name}-shards-{len(ranges)}")
    if len(ranges) == 1:
        work = work.with_name(f"{work.name}-{uuid4().hex}")
    try:
        finished = _finished(job, ranges, work)
        found = CorpusStats(notes=dict(job.aligner.notes(job.bitext)))
        stats = sum((read_stats(shard) for shard in finished), found)
        with building(folder) as temporary:
            job.join(finished, temporary, stats)
            write_stats(temporary, stats)
            write_log(temporary, chain.from_iterable(map(read_log, finished)))
    except (FileNotFoundError, DataError):
        # Another process was quicker, and has removed the shards that both worked on.
        if not folder.is_dir():
            raise
    finally:
        if folder.is_dir() or len(ranges) == 1:
            shutil.rmtree(work, ignore_errors=True)


def shard_ranges(n_lines: int) -> list[range]:
    """Cut lines, counted from 1, into shards of equal size; the last one may be smaller."""
    size = max(SHARD_LINES, -(-n_lines // MOST_SHARDS))
    return [range(at, min(at + size, n_lines + 1)) for at in range(1, n_lines + 1, size)]


def _finished(job: AlignmentJob, ranges: list[range], work: Path) -> list[Path]:
    """Do the shards that are missing; the folders of all, in order."""
    n_lines = ranges[-1].stop - 1
    marks = _marks(job, n_lines, work)
    shards = [Shard(lines, work / f"{n:05d}", marks) for n, lines in enumerate(ranges)]
    done = [shard for shard in shards if found_whole(shard.folder, "what an earlier run aligned")]
    for shard in done:
        say_again(read_log(shard.folder))
    if done:
        logger.info("%s: %d of %d shards were aligned before", job.name, len(done), len(shards))
    missing = [shard for shard in shards if shard not in done]
    n_workers = min(available_cores(), len(missing))
    alone = not job.aligner.parallel or n_workers < 2
    with progress_bar(
        range(0),
        f"align {job.name}",
        " pairs",
        shown=sys.stderr.isatty() or len(missing) > 1,
        initial=sum(len(shard.lines) for shard in done),
        total=n_lines,
    ) as bar:
        bar.leave = False
        try:
            if not alone:
                _in_processes(job, missing, bar, n_workers)
        except _NotImportableError:
            logger.info("%s: aligned in one process: no other can import the aligner", job.name)
            alone = True
        for shard in missing if alone else ():
            align_shard(job, shard, bar.update)
    return [shard.folder for shard in shards]


def _marks(job: AlignmentJob, n_lines: int, work: Path) -> Marks:
    """The files of marks, each in a folder of its own."""
    cleaning, bitext = job.cleaning, job.bitext
    low_quality = duplicates = None
    if cleaning.quality:
        mark = partial(mark_worst, bitext, n_lines, cleaning.quality)
        low_quality = _marked(mark, work / "worst")
    if cleaning.drop_duplicates:
        mark = partial(mark_repeats, bitext, n_lines, dropped=low_quality)
        duplicates = _marked(mark, work / "repeats")
    return Marks(low_quality, duplicates)


def _marked(mark: Callable[[Path], None], folder: Path) -> Path:
    """A file of marks, written unless an earlier run did."""
    if not found_whole(folder, f"what an earlier run marked as {folder.name}"):
        with building(folder) as temporary:
            mark(temporary / MARKS)
    return folder / MARKS


def _in_processes(job: AlignmentJob, shards: list[Shard], bar: "tqdm[int]", n_workers: int) -> None:
    """Do shards in worker processes; of several errors, that of the first shard is raised."""
    who = owner_of(job.aligner)
    try:
        pickled = pickle.dumps(job)
    except (AttributeError, TypeError, pickle.PicklingError) as error:
        raise _NotImportableError from error
    except Exception as error:
        raise PluginError(f"{who}: pickling fails: {one_line(error)}") from error
    dead = (
        f"{job.name}: a process that aligns has died; was memory short, or does a script align "
        'without `if __name__ == "__main__":`? Shards that are done are kept'
    )
    said: set[LogLine] = set()
    with process_pool(n_workers, dead) as pool:
        futures = [pool.submit(_align_in_worker, pickled, who, shard) for shard in shards]
        for shard, future in zip(shards, futures, strict=True):
            future.result()
            lines = read_log(shard.folder)
            say_again(line for line in lines if line not in said)
            said.update(lines)
            bar.update(len(shard.lines))


class _NotImportableError(Exception):
    """Another process cannot import what the job needs."""


def _align_in_worker(pickled: bytes, who: str, shard: Shard) -> None:
    """Do a shard of a pickled `AlignmentJob`; ``who`` is its aligner in messages."""
    try:
        job: AlignmentJob = pickle.loads(pickled)
    except (AttributeError, ImportError) as error:
        raise _NotImportableError(str(error)) from error
    except Exception as error:
        raise PluginError(f"{who}: unpickling fails: {one_line(error)}") from error
    align_shard(job, shard, lambda: None)
