"""What lies in a data folder and is read by nothing."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import get_args

from alignfreeze.contracts import DataSource, Split, Task
from alignfreeze.data.bitexts import bitext_files, parallel_languages
from alignfreeze.datacheck.labelled import EVALUATED
from alignfreeze.errors import DataError

NO_DATA = ("readme", "license", "licence", "copying")
"""What files that describe data are called, up to a dot."""


def unused_files(
    source: DataSource, tasks: Mapping[str, Task], source_language: str
) -> dict[str, int]:
    """Files that no task, and no reader of parallel text, would read.

    Args:
        source: A folder.
        tasks: All tasks that there are, by name.
        source_language: The language that is trained on.

    Returns:
        How many files each entry is: a file, or a folder (with a slash behind) of which nothing
        is read; hidden files, and those that describe data, are left out.
    """
    used = {path.resolve() for path in _used(source, tasks.values(), source_language)}
    parents = {parent for path in used for parent in path.parents}
    found: dict[str, int] = {}
    for folder, names, files in os.walk(source.root):
        names[:] = sorted(name for name in names if not name.startswith("."))
        at = Path(folder)
        for name in [name for name in names if (at / name).resolve() not in parents]:
            names.remove(name)
            inside = sum(len(files) for _, _, files in os.walk(at / name))
            if inside:
                found[f"{(at / name).relative_to(source.root).as_posix()}/"] = inside
        for name in sorted(files):
            told = name.startswith(".") or name.lower().partition(".")[0] in NO_DATA
            if not told and (at / name).resolve() not in used:
                found[(at / name).relative_to(source.root).as_posix()] = 1
    return found


def _used(source: DataSource, tasks: Iterable[Task], source_language: str) -> Iterable[Path]:
    splits: tuple[Split, ...] = get_args(Split)
    for task in tasks:
        for split in splits:
            try:
                files = [
                    task.file(source, language, split)
                    for language in task.languages_in(source, split)
                    if language == source_language or split in EVALUATED
                ]
            except DataError:  # what is wrong is told where the task is read
                continue
            yield from files
    for language in parallel_languages(source, source_language):
        yield from bitext_files(source, source_language, language)
