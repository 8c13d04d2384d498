"""Where files of a task may lie."""

from pathlib import Path
from typing import Any

import pytest

from alignfreeze.contracts import DataSource, Layout, Task
from alignfreeze.errors import DataError


def put(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x\n", encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("pattern", "file"),
    [
        ("ner/{language}/{split}.tsv", "ner/de/test.tsv"),
        ("panx/{split}-{language}.tsv", "panx/test-de.tsv"),
        ("UD_*/{language}_*-ud-{split}.conllu", "UD_German-GSD/de_gsd-ud-test.conllu"),
        ("x/{language}/{language}-{split}", "x/de/de-test"),
    ],
)
def test_a_file_is_found_by_language_and_split(tmp_path: Path, pattern: str, file: str) -> None:
    layout = Layout(pattern)
    put(tmp_path, file, "ner/de/other.txt", "x/de/fr-test")
    assert layout.files(tmp_path, "de", "test") == [tmp_path / file]
    assert layout.files(tmp_path, "de", "train") == []
    assert layout.files(tmp_path, "fr", "test") == []
    assert list(layout.languages(tmp_path, "test")) == ["de"]


def test_names_of_splits_are_the_layouts_own(tmp_path: Path) -> None:
    layout = Layout("pawsx/{language}/{split}.tsv", {"test": "test_2k"})
    put(tmp_path, "pawsx/de/test_2k.tsv", "pawsx/de/train.tsv")
    assert layout.files(tmp_path, "de", "test") == [tmp_path / "pawsx/de/test_2k.tsv"]
    assert layout.files(tmp_path, "de", "train") == []


def test_a_file_without_a_language_in_its_name_is_of_one_or_shared(tmp_path: Path) -> None:
    put(tmp_path, "squad/train.json")
    english = Layout("squad/{split}.json", language="en")
    assert not english.is_shared
    assert list(english.languages(tmp_path, "train")) == ["en"]
    assert english.files(tmp_path, "de", "train") == []
    assert list(english.languages(tmp_path, "test")) == []
    assert Layout("squad/{split}.json").is_shared


@pytest.mark.parametrize("language", ["..", ".", "de/x", "*", "d?", "[d]e"])
def test_a_language_is_no_way_to_other_files(tmp_path: Path, language: str) -> None:
    put(tmp_path, "ner/de/test.tsv", "ner/de/x/test.tsv", "test.tsv", "ner/test.tsv")
    assert Layout("ner/{language}/{split}.tsv").files(tmp_path, language, "test") == []


class Shared(Task):
    """Reads words of a file whose first line lists its languages."""

    folder = "shared"
    suffix = ".tsv"
    layouts = (Layout("shared/all.{split}.tsv"), Layout("shared/*/{language}.{split}"))

    def languages_within(self, path: Path) -> list[str]:
        return path.read_text("utf-8").split()

    def read_text(self, path: Path, language: str) -> list[Any]:
        return [f"{path.name} {language}"]


def test_a_task_finds_languages_in_a_shared_file(tmp_path: Path) -> None:
    path = put(tmp_path, "shared/all.test.tsv") / "shared/all.test.tsv"
    path.write_text("de fr", encoding="utf-8")
    source = DataSource("here", put(tmp_path, "shared/en/test.tsv"))
    task = Shared()
    assert task.languages_in(source) == ["de", "en", "fr"]
    assert task.load(source, "fr", "test") == ["all.test.tsv fr"]
    assert task.load(source, "en", "test") == ["test.tsv en"]
    assert task.file(source, "it", "test") == tmp_path / "shared/it/test.tsv"


def test_two_files_for_a_split_are_told(tmp_path: Path) -> None:
    source = DataSource("here", put(tmp_path, "shared/a/de.test", "shared/b/de.test"))
    with pytest.raises(DataError, match=r"'de' must have one file for its test split, got .* and "):
        Shared().load(source, "de", "test")
