"""The task: what it reads, how it is trained, how it is scored."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from alignfreeze.contracts import (
    DataSource,
    Examples,
    Feature,
    HubSplit,
    Layout,
    Outcomes,
    Prediction,
    Split,
    Task,
    parquet_rows,
)
from alignfreeze.errors import DataError

from .answers import AnsweredQuestion, Choice, answered
from .choosing import SCORES, SQUAD_SUFFIX, chosen_answers, means, outcomes_of, window
from .published import LAYOUTS
from .squad import Entry, named, read_entries, row_entry
from .windows import windows_of

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase
    from transformers.utils.generic import ModelOutput

logger = logging.getLogger(__name__)

LANGUAGES = "ar de el es hi ro ru th tr vi zh"
"""Target languages of the published experiments."""

SQUAD = "rajpurkar/squad"
SQUAD_REVISION = "7b6d24c440a36b6815f21b70d25016731768db1f"
XQUAD = "google/xquad"
XQUAD_REVISION = "51adfef1c1287aab1d2d91b5bead9bcfb9c68583"

OWN_RULES = (
    "by SQuAD's script in English; elsewhere by MLQA's rules, or in their manner (without Unicode "
    "punctuation and the language's own articles, Chinese and Thai by characters)"
)
SQUAD_RULES = "by SQuAD's script in every language, as XTREME scores XQuAD"


class QuestionAnswering(Task):
    """Finds the part of a text that answers a question; scored by F1 and exact match.

    A long text is read in windows that overlap; the best span of all of them is the answer.
    Scores are by the rules of the answer's language; those that end in ``_squad`` by SQuAD's
    script in every language (see `scoring`).
    """

    folder: ClassVar[str] = "qa"
    suffix: ClassVar[str] = ".json"
    layouts: ClassVar[tuple[Layout, ...]] = LAYOUTS
    languages: ClassVar[tuple[str, ...]] = tuple(LANGUAGES.split())
    primary_metric: ClassVar[str] = "f1"
    metric_notes: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(SCORES, OWN_RULES),
        **dict.fromkeys([name + SQUAD_SUFFIX for name in SCORES], SQUAD_RULES),
    }
    columns: ClassVar[tuple[str, ...]] = ("question", "context", "answers")
    auto_class: ClassVar[str] = "AutoModelForQuestionAnswering"
    epochs: ClassVar[float] = 2.0

    stride: int = Field(
        64, ge=0, le=512, description="subwords that windows share, at most half of a window"
    )
    eval_stride: int | None = Field(
        None, ge=0, le=512, description="the same in evaluation; by default as in training"
    )
    question_length: int = Field(
        64, ge=1, le=512, description="subwords of the longest question; the rest is cut off"
    )
    n_best: int = Field(20, ge=1, le=200, description="starts and ends tried in each window")
    answer_length: int = Field(30, ge=1, le=512, description="subwords of the longest answer")
    unanswerable: Literal["null", "drop"] = Field(
        "null",
        description="training windows without the whole answer: point to the first token, or drop",
    )
    misplaced: Choice = Field(
        "error", description="answers that are nowhere in their text: an error, or left out"
    )
    no_answer: Choice = Field(
        "error", description="questions without an answer, as in SQuAD 2: an error, or left out"
    )

    def hub_split(self, language: str, split: Split) -> HubSplit | None:
        """SQuAD to train and validate in English; XQuAD to test in every language.

        XQuAD has but one split, which is the test (also of English, so that all languages are
        tested on the same questions); a target language has nothing to train or validate on.
        XQuAD is a part of SQuAD's validation, which `load` leaves out there.
        """
        if language != "en" and language not in self.languages:
            return None
        if split == "test":
            config = f"xquad.{language}"
            return HubSplit(XQUAD, config, "validation", self.columns, XQUAD_REVISION)
        if language == "en":
            return HubSplit(SQUAD, None, split, self.columns, SQUAD_REVISION)
        return None

    def load(self, source: DataSource, language: str, split: Split) -> Sequence[AnsweredQuestion]:
        """Read the questions of a split.

        XQuAD's texts are 240 of those of SQuAD's validation (Artetxe et al., 2020). So from the
        hub, and from SQuAD's file as it is published, the validation is without the questions
        whose text is in the English test, however its words are spaced; a note says how many.
        Other files of a folder are the user's own, and are read as they are.

        Raises:
            MissingSplitError: If the language has no such split; or English no test, where the
                validation is to be without it.
            DataError: If the file is malformed, or has questions that are not to be left out;
                names the file and the questions.
        """
        examples: Sequence[AnsweredQuestion] = super().load(source, language, split)
        if (language, split) != ("en", "validation"):
            return examples
        if source.supplier is None:
            is_own = self.file(source, language, split).parent.name == language
            if is_own or "en" not in self.languages_in(source, "test"):
                return examples
        return self._untested(source, language, examples)

    def _untested(
        self, source: DataSource, language: str, examples: Sequence[AnsweredQuestion]
    ) -> Examples[AnsweredQuestion]:
        """The questions of a validation about texts that are not in the English test."""
        tested = {_single_spaced(example.context) for example in super().load(source, "en", "test")}
        kept = [example for example in examples if _single_spaced(example.context) not in tested]
        file = self.file(source, language, "validation")
        left_out = len(examples) - len(kept)
        note = "questions left out, their texts are in the English test"
        logger.info("%s: %d of %d %s", file, left_out, len(examples), note)
        if not kept:
            message = f"must have a text that is not in the English test, got none in {left_out}"
            raise DataError(f"{message} questions", file=file)
        return Examples(kept, {**getattr(examples, "notes", {}), note: left_out})

    def read_text(self, path: Path, language: str) -> Examples[AnsweredQuestion]:
        """Read SQuAD's JSON, or rows as JSON or JSON lines.

        Raises:
            DataError: If the file is malformed, or has questions that are not to be left out;
                names the file, and the line or the questions.
        """
        return self._answered(read_entries(path), path, language)

    def _read_rows(self, path: Path, language: str) -> Examples[AnsweredQuestion]:
        found = []
        for number, row in parquet_rows(path, self.columns):
            try:
                found.append(row_entry(row))
            except ValueError as error:
                raise DataError(f"row {number}: {error}", file=path) from None
        return self._answered(named(found), path, language)

    def _answered(
        self, entries: Sequence[Entry], path: Path, language: str
    ) -> Examples[AnsweredQuestion]:
        """The questions of a file whose answers are found; what cannot be used is told at once."""
        try:
            return answered(entries, language, misplaced=self.misplaced, no_answer=self.no_answer)
        except ValueError as error:
            raise DataError(str(error), file=path) from None

    def counts(self, examples: Sequence[AnsweredQuestion]) -> dict[str, int]:
        """Questions, their right answers, and the different texts that they are about."""
        return {
            "questions": len(examples),
            "answers": sum(len(example.answers) for example in examples),
            "texts": len({example.context for example in examples}),
        }

    def evaluated(self) -> "QuestionAnswering":
        """The task with the stride of evaluation."""
        if self.eval_stride is None:
            return self
        return self.model_copy(update={"stride": self.eval_stride})

    def featurize(
        self,
        examples: Sequence[AnsweredQuestion],
        tokenizer: "PreTrainedTokenizerBase",
        max_length: int,
    ) -> list[Feature]:
        """A row for each window of each context, the question before it.

        Raises:
            EncoderError: If the tokenizer is not a fast one.
            ConfigError: If rows are too short for a question and a context.
        """
        return list(
            windows_of(
                examples,
                tokenizer,
                max_length=max_length,
                stride=self.stride,
                question_length=self.question_length,
            )
        )

    def training_rows(self, features: Sequence[Feature]) -> list[Feature]:
        """The windows to train on: all, or those alone that hold the whole answer.

        Raises:
            DataError: If there is nothing left to train on.
        """
        windows = [window(feature) for feature in features]
        held = [row for row in windows if row.holds_answer]
        dropped = self.unanswerable == "drop"
        logger.info(
            "%d of %d windows for training lack the whole answer: %s; %d of %d questions have none "
            "that holds it",
            len(windows) - len(held),
            len(windows),
            "dropped" if dropped else "trained to point to the first token",
            len({w.example for w in windows}) - len({w.example for w in held}),
            len({w.example for w in windows}),
        )
        if not held:
            longest = max((len(row.input_ids) for row in windows), default=0)
            raise DataError(
                f"a window for training must hold a whole answer, none of {len(windows)} does; "
                f"the longest has {longest} subwords: raise max_length above that"
            )
        return list(held if dropped else windows)

    def predict(self, outputs: "ModelOutput") -> "tuple[Tensor, ...]":
        """Logits of start and end, float32, each of shape (batch, subwords)."""
        return outputs["start_logits"].float(), outputs["end_logits"].float()

    def metrics(
        self,
        examples: Sequence[AnsweredQuestion],
        features: Sequence[Feature],
        predictions: Sequence[Prediction],
    ) -> dict[str, float]:
        """Means over the questions of F1 and exact match with the nearest right answer.

        By the rules of the answers' language, and as ``f1_squad`` and ``exact_match_squad`` by
        SQuAD's script.
        """
        return means(self.outcomes(examples, features, predictions))

    def outcomes(
        self,
        examples: Sequence[AnsweredQuestion],
        features: Sequence[Feature],
        predictions: Sequence[Prediction],
    ) -> Outcomes:
        """The right answers of each question, the one that was said, and its scores."""
        return outcomes_of(self.answers(examples, features, predictions), examples)

    def scored(
        self,
        examples: Sequence[AnsweredQuestion],
        features: Sequence[Feature],
        predictions: Sequence[Prediction],
    ) -> tuple[Mapping[str, float], Outcomes]:
        """Metrics and outcomes, the answers being looked for once."""
        outcomes = self.outcomes(examples, features, predictions)
        return means(outcomes), outcomes

    def texts(self, example: AnsweredQuestion) -> Mapping[str, str]:
        """The question, and the text that it is about."""
        return {"question": example.question, "context": example.context}

    def answers(
        self,
        examples: Sequence[AnsweredQuestion],
        features: Sequence[Feature],
        predictions: Sequence[Prediction],
    ) -> list[str]:
        """The predicted answer to each question, as it stands in the context."""
        return chosen_answers(
            examples,
            features,
            predictions,
            n_best=self.n_best,
            answer_length=self.answer_length,
        )


def _single_spaced(text: str) -> str:
    """A text with one space for each white space between words, and none around it."""
    return " ".join(text.split())
