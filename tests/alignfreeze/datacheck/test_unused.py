"""What lies in a folder and is not read is told, with the reason where that is known."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from alignfreeze.contracts import DataSource
from alignfreeze.contracts.registry import TASK, create_plugin
from alignfreeze.datacheck.report import DataReport
from alignfreeze.datacheck.terminal import lines
from alignfreeze.datacheck.unused import Unused, unused_files

TASKS = {name: create_plugin(TASK, name, {}) for name in ("pos", "ner", "nli", "qa")}


@pytest.fixture
def found(tmp_path: Path) -> Any:
    """Makes files, and tells which of them are unused, and why."""

    def of_files(*names: str) -> dict[str, str]:
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(gzip.compress(b"x\ty\n") if name.endswith(".gz") else b"x\ty\n")
        unused = unused_files(DataSource("here", tmp_path), TASKS, "en")
        return {entry.name: entry.reason for entry in unused}

    return of_files


ALONE = "runs train on en alone"
TEXTS = "parallel/en-de.en", "parallel/en-de.de"


@pytest.mark.parametrize(
    "names",
    [
        ("pos/en/train.conllu", "pos/de/dev.conllu", "pos/de/test.conllu", "nli/de/test.parquet"),
        ("UD_German-GSD/de_gsd-ud-test.conllu", "panx_dataset/de/test", "xnli/xnli.test.tsv"),
        (*TEXTS, "parallel/en-de.align", "dictionaries/en-de.txt", "dictionaries/de-en.txt"),
        ("parallel/de-en.tsv.gz", "parallel/de-en.align.gz", "dictionaries/de-en.txt"),
        ("parallel/en-de.en.gz", "parallel/en-de.de.gz", "parallel/en-fr.tmx"),
        ("README.md", "pos/LICENSE.txt", ".hidden", ".git/x"),
    ],
)
def test_what_is_read_or_describes_data_is_not_unused(found: Any, names: tuple[str, ...]) -> None:
    assert found(*names) == {}


@pytest.mark.parametrize(
    ("names", "reasons"),
    [
        (("ner/de/train.tsv", "ner/de/test.tsv"), {"ner/de/train.tsv": ALONE}),
        (("ner/de/train.tsv",), {"ner/de/train.tsv": ALONE}),
        (
            ("ner/de/test.tsv", "ner/de/test.conll", "panx_dataset/de/test"),
            {
                "ner/de/test.conll": "ner/de/test.tsv is read instead",
                "panx_dataset/de/test": "ner/de/test.tsv is read instead",
            },
        ),
        ((*TEXTS, "parallel/a.txt"), {"parallel/a.txt": ""}),
        (
            (*TEXTS, "parallel/OPUS.en-fr.fr", "dictionaries/en-fr.txt"),
            {
                "parallel/OPUS.en-fr.fr": "must be named en-fr.fr",
                "dictionaries/en-fr.txt": "there is no text of fr",
            },
        ),
        (
            ("parallel/en-de/en-de.en", "parallel/en-de/en-de.de"),
            {"parallel/en-de/": "files must lie in parallel itself"},
        ),
        (("old/a", "old/b/c", "pos/en/test.conllu", "pos/b"), {"old/": "", "pos/b": ""}),
    ],
)
def test_what_is_not_read_is_told_with_the_reason(
    found: Any, names: tuple[str, ...], reasons: dict[str, str]
) -> None:
    assert found(*names) == reasons


def test_one_of_many_that_is_wrong_hides_no_other(found: Any) -> None:
    names = (
        "ner/de/deu.testa",
        "ner/de/test.tsv",
        "pos/de/de_a-ud-test.conllu",
        "pos/de/de_b-ud-test.conllu",
    )
    assert found(*names, "pos/fr/test.conllu", "parallel/en-de.tmx") == {}


def test_links_that_lead_nowhere_or_in_a_ring_are_only_unused(found: Any, tmp_path: Path) -> None:
    found("pos/en/test.conllu")
    for name, target in (("ring", "ring"), ("pos/gone.txt", "nothing"), ("pos/up", "..")):
        (tmp_path / name).symlink_to(target)
    assert found() == {"pos/gone.txt": "", "ring": ""}


def test_what_is_unused_for_the_same_reason_is_one_line() -> None:
    many = [Unused(f"ner/{code}/train.tsv", reason=ALONE) for code in "abcdefghij"]
    report = DataReport(unused=[Unused("a/", 3), *many, Unused("b")])
    files = ", ".join(f"ner/{code}/train.tsv" for code in "abcdefgh")
    assert list(lines(report, verbose=False)) == [
        "unused: a/ (3 file(s))",
        f"unused: {files} and 2 more: {ALONE}",
        "unused: b",
    ]
