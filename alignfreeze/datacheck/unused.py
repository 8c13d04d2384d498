"""What lies in a data folder and is read by nothing."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import get_args

from alignfreeze.contracts import DataSource, Layout, Split, Task
from alignfreeze.data.bitext_names import dictionary_fault
from alignfreeze.data.bitexts import bitexts_at_hand, parallel_languages, unused_text
from alignfreeze.datacheck.labelled import EVALUATED
from alignfreeze.errors import DataError

NO_DATA = ("readme", "license", "licence", "copying", "sha256sums")
"""What files that describe data are called, up to a dot."""

TEXT, DICTIONARIES = "parallel", "dictionaries"

Told = tuple[Path, str]
"""A file, and why it is not read; empty where it is."""


@dataclass(frozen=True)
class Unused:
    """What nothing reads.

    Attributes:
        name: A file, or a folder (with a slash behind) of which nothing is read.
        files: How many files it is.
        reason: Why it is not read; empty where that is not known.
    """

    name: str
    files: int = 1
    reason: str = ""


def unused_files(
    source: DataSource, tasks: Mapping[str, Task], source_language: str
) -> list[Unused]:
    """Files that no task, and no reader of parallel text, would read.

    Hidden files, and those that describe data, are left out.

    Args:
        source: A folder.
        tasks: All tasks that there are, by name.
        source_language: The language that is trained on.
    """
    told = _told(source, tasks.values(), source_language)
    read = {os.path.realpath(path) for path, reason in told if not reason}
    reasons = {path: reason for path, reason in told if reason}
    named = read.union(map(os.path.realpath, reasons))
    parents = {str(parent) for path in named for parent in Path(path).parents}
    found = []
    for folder, names, files in os.walk(source.root):
        at = Path(folder)
        names[:] = sorted(name for name in names if not name.startswith("."))
        for path in [at / name for name in names if os.path.realpath(at / name) not in parents]:
            names.remove(path.name)
            readable = os.access(path, os.R_OK | os.X_OK)
            reason = reasons.get(path, "") if readable else "it cannot be read"
            if (inside := _n_files(path)) or not readable:
                found.append(Unused(f"{_below(source, path)}/", inside, reason))
        for path in (at / name for name in sorted(files) if not _is_told(name)):
            if os.path.realpath(path) not in read:
                found.append(Unused(_below(source, path), reason=reasons.get(path, "")))
    return found


def _n_files(folder: Path) -> int:
    names = (name for _, _, files in os.walk(folder) for name in files)
    return sum(not _is_told(name) for name in names)


def _is_told(name: str) -> bool:
    """Whether a file is hidden, or describes data."""
    return name.startswith(".") or name.lower().partition(".")[0] in NO_DATA


def _below(source: DataSource, path: Path) -> str:
    return path.relative_to(source.root).as_posix()


def _told(source: DataSource, tasks: Iterable[Task], source_language: str) -> list[Told]:
    """What readers know of the files; what they cannot read is told where they do."""
    told: list[Told] = []
    with suppress(DataError):
        told.extend(_of_pairs(source, source_language))
    for task in tasks:
        with suppress(DataError):
            told.extend(_of_task(task, source, source_language))
    return told


def _of_pairs(source: DataSource, source_language: str) -> Iterator[Told]:
    idle = unused_text(source, source_language)
    for path in (source.root / TEXT).glob("*"):
        reason = f"files must lie in {TEXT} itself" if path.is_dir() else idle.get(path.name, "")
        if reason or path.name not in idle:
            yield path, reason
    known = parallel_languages(source, source_language)
    bitexts = bitexts_at_hand(source, source_language, known)
    read = {
        path for pair in bitexts for path in (pair.forward_dictionary, pair.backward_dictionary)
    }
    for path in (source.root / DICTIONARIES).glob("*"):
        yield path, "" if path in read else dictionary_fault(path.name, source_language)


def _of_task(task: Task, source: DataSource, source_language: str) -> Iterator[Told]:
    splits: tuple[Split, ...] = get_args(Split)
    for layout, split in product(task.all_layouts(), splits):
        for path, language in _files(task, layout, source.root, split):
            if language is None:
                yield path, ""
                continue
            try:
                first = task.file(source, language, split)
            except DataError:  # several may be meant, which is told where the task is read
                first = path
            if split not in EVALUATED and language != source_language:
                yield path, f"runs train on {source_language} alone"
            elif path != first:
                yield path, f"{_below(source, first)} is read instead"
            else:
                yield path, ""


def _files(
    task: Task, layout: Layout, root: Path, split: Split
) -> Iterator[tuple[Path, str | None]]:
    """The files of a layout, with each language that they are of; ``None`` if it cannot be told."""
    if not layout.is_shared:
        for language in set(layout.languages(root, split)):
            for path in layout.files(root, language, split):
                yield path, language
        return
    for path in layout.files(root, "", split):
        try:
            yield from ((path, language) for language in task.languages_within(path))
        except DataError:
            yield path, None
