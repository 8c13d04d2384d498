"""A whole folder is read, whatever is wrong in it, and all of it is told."""

import logging
import re
import shutil
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest

from alignfreeze import datacheck
from alignfreeze.cli.flags import OPTIONS
from alignfreeze.cli.main import main
from alignfreeze.config import RunConfig
from alignfreeze.contracts import DataSource
from alignfreeze.contracts.registry import TASK, create_plugin
from alignfreeze.data.finding import find_data
from alignfreeze.data.uriel import has_uriel
from alignfreeze.datacheck.labelled import check_task
from alignfreeze.datacheck.report import DataReport, check_data
from alignfreeze.datacheck.telling import Line, told


@pytest.fixture
def folder(cache: Path, tmp_path: Path) -> Path:
    """A copy of the demo's data, German and Turkish, with parts of speech alone."""
    demo = find_data("demo").root
    for name in ("en", "de", "tr"):
        shutil.copytree(demo / "pos" / name, tmp_path / "data/pos" / name)
    for kind in ("parallel", "dictionaries"):
        shutil.copytree(demo / kind, tmp_path / "data" / kind)
        for path in (tmp_path / "data" / kind).iterdir():
            if not {"de", "tr"} & set(path.stem.split("-")):
                path.unlink()
    return tmp_path / "data"


def checked(folder: Path, **options: Any) -> DataReport:
    config = RunConfig(**{"data": str(folder), "max_length": 128, **options})
    return check_data(config, every_task="task" not in options, any_model=False)


def test_a_good_folder_is_counted(folder: Path) -> None:
    report = checked(folder)
    assert report.problems == []
    assert list(report.splits) == ["pos"]
    found = {(split.language, split.split): split for split in report.splits["pos"]}
    assert list(found)[:3] == [("en", "train"), ("en", "validation"), ("en", "test")]
    assert {language for language, _ in found} == {"en", "de", "tr"}
    train = found["en", "train"]
    n_words = sum(train.labels.values())
    assert train.counts["sentences"] == 60
    assert train.counts["words"] == n_words == train.words.words > 60
    assert [(pair.language, pair.aligner) for pair in report.pairs] == [
        ("de", "pharaoh"),
        ("tr", "pharaoh"),
    ]
    for pair in report.pairs:
        assert pair.stats.read == 120
        assert pair.words.keys() == {"en", pair.language}
    assert report.unused == []


def test_each_fault_is_told_and_the_rest_is_read(folder: Path) -> None:
    for name, line in (("de/test", "1\tHaus\n"), ("tr/dev", "x\n"), ("en/train", "\n")):
        (folder / f"pos/{name}.conllu").write_text(line, encoding="utf-8")
    (folder / "parallel/en-de.de").write_text("zu kurz\n", encoding="utf-8")
    report = checked(folder)
    told = "\n".join(report.problems)
    assert len(report.problems) == 4, told
    assert "pos, en train: pos/en/train.conllu: the file has no example" in told
    assert "pos, de test: pos/de/test.conllu:1: " in told
    assert "pos, tr validation: pos/tr/dev.conllu:1: " in told
    assert "parallel text, de: parallel/en-de.de: texts that translate each other must" in told
    good = [split for split in report.splits["pos"] if not split.problem]
    assert {(split.language, split.split) for split in good} >= {("tr", "test"), ("en", "test")}
    assert [pair.language for pair in report.pairs if pair.stats] == ["tr"]


def test_what_is_left_out_of_parallel_text_is_told_each_time_alike(
    folder: Path, capsys: Any
) -> None:
    for path in (folder / "parallel").iterdir():
        path.unlink()
    rows = [f"{n}\tthe house {n}\tdas Haus {n}\n" for n in range(20)]
    (folder / "parallel/en-de.tsv").write_text("".join([*rows, "no\n"]), encoding="utf-8")
    (folder / "dictionaries/en-de.txt").write_text("house Haus\nx\nold old man\n")
    report = checked(folder)
    assert report.problems == []
    (pair,) = report.pairs
    assert (pair.stats.read, pair.stats.kept) == (21, 20)
    told = {
        "1 columns of en-de.tsv left out",
        "1 lines of en-de.tsv left empty, without 3 columns (the first is line 21)",
        "1 entries of several words in en-de.txt left out",
        "1 lines of en-de.txt left out, as they are not two words a line with a space or tab "
        "between (the first is line 2, 'x')",
    }
    assert {line.text for line in pair.lines if line.is_warning} == told
    options = ["--model", "demo", "--max-length", "128", "--verbose"]
    shown = []
    for _ in range(2):
        main(["data", "check", str(folder), *options])
        shown.append(capsys.readouterr().out)
    assert shown[0] == shown[1]
    assert all(f"parallel text, de: {line}\n" in shown[0].replace("\n ", " ") for line in told)


def test_what_a_run_would_miss_is_a_problem(folder: Path) -> None:
    (folder / "pos/en/dev.conllu").unlink()
    for path in (folder / "parallel").iterdir():
        path.unlink()
    assert checked(folder, languages=("de", "xx")).problems == [
        "pos, en validation: there is no validation split",
        "pos, xx test: there is no test split",
        "no target language has parallel text: a run that realigns would fail, one with "
        "strategy=baseline would not",
    ]


def test_targets_and_text_need_not_be_the_same(folder: Path) -> None:
    for path in (folder / "parallel").glob("*-tr.*"):
        path.unlink()
    report = checked(folder)
    assert report.problems == []
    assert report.lines == ["target languages without parallel text: tr"]


def test_languages_to_realign_with_need_not_be_targets(folder: Path) -> None:
    shutil.rmtree(folder / "pos/tr")
    report = checked(folder, realign_languages=("tr",))
    assert (report.problems, report.lines) == ([], [])


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"languages": ("en", "de")}, "languages must not hold the source language 'en'"),
        (
            {"max_length": 129},
            "max_length must be <= 128, as the model's tokenizer says, got 129",
        ),
        (
            {"realign_max_length": 1000},
            "realign_max_length must be <= 128, as the model's tokenizer says, got 1000",
        ),
    ],
)
def test_an_option_that_a_run_would_refuse_is_a_problem(
    folder: Path, options: dict[str, Any], problem: str
) -> None:
    assert checked(folder, **options).problems == [problem]


@pytest.mark.parametrize(
    ("tasks", "options", "told"),
    [
        (("pos", "pos"), {}, ["pos"]),
        (("pos", "ner"), {}, []),
        (("pos", "ner"), {"task": ("pos", "ner")}, ["pos, ner"]),
    ],
)
def test_codes_that_would_have_one_name_are_a_problem(
    folder: Path, tasks: tuple[str, str], options: dict[str, Any], told: list[str]
) -> None:
    shutil.copytree(find_data("demo").root / "ner/de", folder / "ner/de")
    shutil.copytree(find_data("demo").root / "ner/en", folder / "ner/en")
    for task, code in zip(tasks, ("ca@valencia", "ca-valencia"), strict=True):
        shutil.copytree(folder / task / "de", folder / task / code)
    problem = "languages 'ca-valencia' and 'ca@valencia' are both called 'ca-valencia' in the names"
    found = checked(folder, **options).problems
    assert [text.partition(" of metrics")[0] for text in found] == [f"{x}: {problem}" for x in told]


def test_an_empty_folder_is_no_data(cache: Path, tmp_path: Path) -> None:
    assert checked(tmp_path).problems == ["no task has data here, and a run needs one"]


def test_a_plugins_mistake_is_told_where_it_is_made(folder: Path) -> None:
    class Broken(type(create_plugin(TASK, "pos", {}))):
        def counts(self, examples: Any) -> dict[str, int]:
            raise TypeError("of its\nown")

    source = DataSource("here", folder)
    reports = list(check_task("broken", Broken(), RunConfig(), source, None))
    assert {split.problem for split in reports} == {
        "task 'Broken': counts fails: TypeError: of its own"
    }


def test_without_a_model_of_ones_own_all_else_is_told(folder: Path, tmp_path: Path) -> None:
    config = RunConfig(data=str(folder), model=str(tmp_path / "none"), max_length=10_000)
    report = check_data(config, every_task=True, any_model=True)
    assert report.problems == []
    assert all(split.words is None and split.counts for split in report.splits["pos"])
    assert "no such folder" in report.lines[0]


def test_what_is_told_is_kept_from_the_log(tmp_path: Path, caplog: Any) -> None:
    logger = logging.getLogger("alignfreeze.text")
    with caplog.at_level(logging.INFO), told(tmp_path) as lines:
        for _ in range(2):
            logger.warning("%s: 3 left out", tmp_path / "a/b.tsv")
        logger.info("fine")
        logger.debug("not told")
    assert lines == [Line("a/b.tsv: 3 left out", True), Line("fine", False)]
    assert caplog.records == []
    with caplog.at_level(logging.INFO):
        logger.warning("later")
    assert [record.getMessage() for record in caplog.records] == ["later"]
    assert len(lines) == 2


def test_the_command_fails_where_a_run_would(folder: Path, capsys: Any) -> None:
    assert main(["data", "check", str(folder), "--model", "demo", "--max-length", "128"]) in (
        None,
        0,
    )
    output = capsys.readouterr().out
    assert "sentences" in output
    assert "problem" not in output
    assert "NOUN" not in output
    (folder / "pos/de/test.conllu").write_text("1\tHaus\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="1"):
        main(["data", "check", str(folder), "--model", "demo", "--max-length", "128", "--verbose"])
    output, errors = capsys.readouterr()
    assert "problem: pos, de test: pos/de/test.conllu:1: " in output
    assert "NOUN " in output
    assert errors.splitlines()[-1].endswith(f"a run on {folder} would fail: 1 problem(s)")
    with pytest.raises(SystemExit, match="1"):
        main(["data", "check", str(folder), "--model", "demo"])
    assert "as the model's tokenizer says, got 256 (the default)\n" in capsys.readouterr().out


def test_a_task_that_is_asked_for_must_be_there(folder: Path, capsys: Any) -> None:
    with pytest.raises(SystemExit, match="1"):
        main(
            [
                "data",
                "check",
                str(folder),
                "--model",
                "demo",
                "--max-length",
                "128",
                "--task",
                "ner",
            ]
        )
    assert "problem: ner, en train: there is no train split" in capsys.readouterr().out


@pytest.mark.parametrize("missing", ["skip", "error"])
def test_what_the_hub_lacks_is_left_out_or_a_problem(
    demo_hub: Any, monkeypatch: Any, missing: str
) -> None:
    source = demo_hub(splits=["tr"], texts=["de"])
    monkeypatch.setattr("alignfreeze.datacheck.report.find_data", lambda *_, **__: source)
    config = RunConfig(
        data="hub",
        languages=("de", "tr"),
        realign_languages=("de", "ru"),
        missing=missing,
        max_length=128,
    )
    report = check_data(config, every_task=False, any_model=False)
    (test,) = [s for s in report.splits["pos"] if (s.language, s.split) == ("tr", "test")]
    (text,) = [pair for pair in report.pairs if pair.language == "de"]
    for found in (test, text):
        assert bool(found.problem) == (missing == "error")
        assert any("left out" in line.text for line in found.lines) == (missing == "skip")
    assert len(report.problems) == 2 * (missing == "error")


def test_a_folder_that_cannot_be_read_is_a_problem_of_its_own(
    folder: Path, monkeypatch: Any
) -> None:
    def refused(path: Path) -> Any:
        if path.name == "parallel":
            raise PermissionError(13, "Permission denied")
        return original(path)

    original = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", refused)
    assert checked(folder).problems[:1] == [
        "parallel text: parallel: cannot be read: Permission denied"
    ]


def test_names_that_the_terminal_cannot_show_are_spelled_out(
    folder: Path, monkeypatch: Any
) -> None:
    shutil.copytree(folder / "pos/de", folder / "pos/d\udcff")
    (folder / "zu\u00e4.txt").write_text("x", encoding="utf-8")
    output = TextIOWrapper(BytesIO(), encoding="ascii", errors="strict")
    monkeypatch.setattr(sys, "stdout", output)
    with pytest.raises(SystemExit, match="1"):
        main(["data", "check", str(folder), "--model", "demo", "--max-length", "128"])
    output.flush()
    told = output.buffer.getvalue().decode("ascii")
    assert "unused: zu\\xe4.txt\n" in told
    assert "problem: pos: language 'd\\udcff' cannot be called so" in told


def test_every_option_that_the_check_goes_by_can_be_given() -> None:
    code = "".join(path.read_text("utf-8") for path in Path(datacheck.__file__).parent.glob("*.py"))
    used = set(re.findall(r"\bconfig\.(\w+)", code)) & RunConfig.model_fields.keys()
    assert {"missing", "realign_max_length", "languages"} < used
    assert used <= {"data", *OPTIONS["data check"]}


def test_of_languages_that_are_chosen_those_are_read(folder: Path) -> None:
    report = checked(folder, realign_languages="random:1", seed=31)
    (pair,) = report.pairs
    assert f"realign languages random:1: {pair.language}" in report.lines
    if has_uriel():
        report = checked(folder, realign_languages="diverse:2")
        assert "realign languages diverse:2: de tr" in report.lines
    report = checked(folder, realign_languages="random:3")
    assert report.pairs == []
    assert [problem for problem in report.problems if "at most 2 language(s)" in problem]
