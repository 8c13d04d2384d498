"""Result files of the reference implementation: one row a run, read and checked line by line."""

import csv
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from alignfreeze.config import When
from alignfreeze.errors import DataError
from alignfreeze.messages import shown

TASKS = {"udpos": "pos", "wikiann": "ner", "xnli": "nli", "xquad": "qa"}
ALIGNERS = ("fastalign", "awesome", "dico")
METHODS = {
    "before": "none",
    "freeze_realign_unfreeze": "front",
    "freeze_realign_unfreeze_last_half": "back",
    "freeze_realign_unfreeze_last_6": "back",
    "during": "during",
    "during_partial_freeze_front": "during-front",
    "during_partial_freeze_back": "during-back",
}
"""Our name of a method, by the reference's without its aligner."""

BASELINE = "baseline"
METRICS = ("accuracy", "precision", "recall", "f1", "em")
METRIC_NOTES = {
    ("qa", "f1"): "another F1, predicted with dropout on: SQuAD's normalization, against the first "
    "answer alone, each distinct word shared counts once, and 2PR is not divided by P + R where "
    "that is below 1",
    ("qa", "em"): "another exact match, predicted with dropout on: against the first answer alone, "
    "and outside the source language without normalization",
}
"""What the reader of a table has to know of a score, by our name of its task and its metric: as
the reference's ``evaluate_xquad`` computes it, which never leaves the model's training mode."""

SOURCE = "en"  # the language that the reference fine-tunes in, which it calls ``same``

NEEDED = ("seed", "model", "task", "method")
SCORE = re.compile(
    rf"(?P<final>final_)?eval_(?P<language>same|avg|[a-z]{{2,3}})_(?P<metric>{'|'.join(METRICS)})"
)

MODELS = ("distilbert-base-multilingual-cased", "bert-base-multilingual-cased", "xlm-roberta-base")
OTHER_MODELS = (
    "bert-base-cased",
    "bert-base-multilingual-uncased",
    "bert-base-uncased",
    "distilbert-base-cased",
    "distilbert-base-uncased",
    "roberta-base",
    "roberta-large",
    "xlm-roberta-large",
    "xlm-roberta-xl",
)
"""Names that are one slip away from one of `MODELS`, and are models of their own."""

CLOSE = 0.93  # how alike a misspelt name is to the right one, as difflib measures it, in [0, 1]


@dataclass(frozen=True)
class ReferenceRow:
    """One run of the reference implementation; task and strategy have our names.

    Attributes:
        model: The model's name, without owner, mended.
        aligner: The reference's name of the aligner; ``None`` of the baseline.
        realign_steps: Where the file says them, as those of fine-tuning.
        scores: By language and metric, fractions in [0, 1].
        mended: The model's name as it is written and as it is right, if it was misspelt.
    """

    model: str
    task: str
    strategy: str
    aligner: str | None
    method: str
    seed: int
    realign_steps: int | None
    finetune_steps: int | None
    scores: Mapping[tuple[str, str], float]
    mended: tuple[str, str] | None = None


def read_rows(file: Path, renames: Mapping[str, str]) -> Iterator[ReferenceRow | DataError]:
    """The rows of a result file, in order; for a malformed one what is wrong with it.

    The file has comma-separated values with a header; some models' names are to be replaced.

    Raises:
        DataError: If the file cannot be read, or its header is not that of a result file.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            lines = csv.reader(opened, strict=True)
            header = _header(next(lines, []), file)
            for values in lines:
                if not any(value.strip() for value in values):
                    continue
                try:
                    yield _row(header, values, renames)
                except ValueError as error:
                    yield DataError(str(error), file=file, line=lines.line_num)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", file=file) from None
    except UnicodeDecodeError:
        raise DataError("must be UTF-8 text", file=file) from None
    except csv.Error as error:
        raise DataError(f"must be comma-separated values: {error}", file=file) from None


def _header(names: Sequence[str], file: Path) -> list[str]:
    header = [name.strip() for name in names]
    twice = [name for name, count in Counter(filter(None, header)).items() if count > 1]
    problems = [
        *(f"must name the column {name!r}" for name in NEEDED if name not in header),
        *(f"names the column {name!r} twice" for name in twice),
    ]
    if not any(map(SCORE.fullmatch, header)):
        problems.append("must name scores, such as eval_de_accuracy")
    if problems:
        raise DataError(f"the first line {problems[0]}", file=file, line=1)
    return header


def _row(header: Sequence[str], values: Sequence[str], renames: Mapping[str, str]) -> ReferenceRow:
    """A row of the file. Raises ValueError with the rule and the value."""
    if len(values) != len(header):
        raise ValueError(f"must have {len(header)} fields, as the first line, got {len(values)}")
    row = {name: value.strip() for name, value in zip(header, values, strict=True)}
    strategy, aligner = _method(row["method"])
    if row["task"] not in TASKS:
        raise ValueError(f"task must be one of {', '.join(TASKS)}, got {shown(row['task'])}")
    if not re.fullmatch(r"\d{1,10}(\.0)?", row["seed"]):
        raise ValueError(f"seed must be a whole number >= 0, got {shown(row['seed'])}")
    model = model_name(row["model"], renames)
    written = row["model"].rpartition("/")[2]
    told = model == written or row["model"] in renames or written in renames
    return ReferenceRow(
        model,
        TASKS[row["task"]],
        strategy,
        aligner,
        row["method"],
        seed=int(float(row["seed"])),
        realign_steps=_steps(row.get("realignment_steps", "")),
        finetune_steps=_steps(row.get("finetuning_steps", "")),
        scores=_scores(row),
        mended=None if told else (written, model),
    )


def _method(method: str) -> tuple[str, str | None]:
    """Our strategy, and the aligner."""
    if method == BASELINE:
        return BASELINE, None
    name, _, aligner = method.rpartition("_")
    if name not in METHODS or aligner not in ALIGNERS:
        raise ValueError(
            f"method must be baseline, or one of {', '.join(METHODS)} with _ and one of "
            f"{', '.join(ALIGNERS)}, got {shown(method)}"
        )
    return METHODS[name], aligner


def as_ours(strategy: str) -> tuple[str, When]:
    """What our runs call an imported strategy, and when it realigns.

    ``during-front`` is ``front`` during fine-tuning, ``during`` is ``none``; others come before it.
    """
    when, _, name = strategy.partition("-")
    return (name or "none", "during") if when == "during" else (strategy, "before")


def model_name(written: str, renames: Mapping[str, str]) -> str:
    """A model's name without its owner; a known one, if it is that with a slip.

    Raises:
        ValueError: If it is empty.
    """
    short = written.rpartition("/")[2]
    if name := renames.get(written) or renames.get(short):
        return name
    if not short:
        raise ValueError(f"model must be a name, got {shown(written)}")
    if short in MODELS or short in OTHER_MODELS:
        return short
    close = get_close_matches(short.lower().replace("_", "-"), MODELS, n=1, cutoff=CLOSE)
    return close[0] if close else short


def _steps(text: str) -> int | None:
    """A number of steps, whole as pandas writes it beside empty cells; ``None`` where it is not."""
    return int(float(text)) if re.fullmatch(r"\d{1,12}(\.0*)?", text) else None


def _scores(row: Mapping[str, str]) -> dict[tuple[str, str], float]:
    """The scores that count: of the final evaluation where there is one, else of the last."""
    scores: dict[bool, dict[tuple[str, str], float]] = {False: {}, True: {}}
    for column, text in row.items():
        match = SCORE.fullmatch(column)
        if match is None or not text or match["language"] == "avg":
            continue
        language = SOURCE if match["language"] == "same" else match["language"]
        scores[match["final"] is not None][language, match["metric"]] = _fraction(column, text)
    found = scores[False] | scores[True]
    if not found:
        raise ValueError("must have a score, got none")
    return found


def _fraction(column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise ValueError(f"{column} must be a number in [0, 1], got {shown(text)}")
    return value
