"""What every task must do."""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from torch import Tensor
from torch.nn.functional import one_hot
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast
from transformers.utils.generic import ModelOutput

from alignfreeze.contracts import DataSource, Feature, Prediction, Split, Task
from alignfreeze.errors import MissingSplitError
from alignfreeze.tracking.names import fault_of_part

SPLITS: tuple[Split, ...] = ("train", "validation", "test")

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")


def byte_tokenizer() -> PreTrainedTokenizerBase:
    """A fast tokenizer for any language, each UTF-8 byte of a text being a subword."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate([*_SPECIAL, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, vocabulary[token]) for token in ("[CLS]", "[SEP]")],
    )
    make: Any = PreTrainedTokenizerFast
    names = {f"{token[1:-1].lower()}_token": token for token in _SPECIAL}
    result: PreTrainedTokenizerBase = make(tokenizer_object=tokenizer, **names)
    return result


class TaskContract:
    """Contract tests of a task, run by pytest.

    Subclass it, call the subclass ``Test...``, and give it two fixtures: the task, and data
    whose first language with a train split has a validation and a test split too.

        class TestMyTask(TaskContract):
            @pytest.fixture
            def task(self):
                return MyTask()

            @pytest.fixture
            def source(self, tmp_path):
                write_some_data(tmp_path)
                return DataSource(name="test", root=tmp_path)
    """

    max_lengths: ClassVar[tuple[int, ...]] = (24, 256)
    """Lengths that rows are made for; a subword is a byte."""

    def gold_outputs(self, task: Task, feature: Feature) -> ModelOutput:
        """What a model that is always right returns for a batch of one row.

        Knows the targets ``labels`` (one a row or one a subword, logits over `Task.labels`) and
        ``<name>_positions`` (``<name>_logits`` over subwords). Override it for others.
        """
        outputs: dict[str, Tensor] = {}
        for name, target in feature.targets.items():
            known = name == "labels" or name.endswith("_positions")
            assert known, f"override gold_outputs: unknown target {name!r}"
            right, n_classes = torch.tensor([target]), len(feature.input_ids)
            if name == "labels":
                right, n_classes = right.clamp(min=0), len(task.labels)
            logits = one_hot(right, n_classes).float()
            outputs[name.removesuffix("labels").removesuffix("positions") + "logits"] = logits
        return _model_output(outputs)

    def test_describes_itself(self, task: Task) -> None:
        """Tables, messages and the choice of a head need this."""
        assert (type(task).__doc__ or "").strip(), f"{type(task)} has no docstring"
        assert isinstance(task, Task), f"{task!r} is not a Task"
        assert type(task).model_config.get("frozen"), f"{task!r} is not frozen"
        assert len(set(task.languages)) == len(task.languages) > 0, "languages: some, each once"
        assert len(set(task.labels)) == len(task.labels), "labels: each once"
        assert hasattr(transformers, task.auto_class), f"transformers has no {task.auto_class}"

    def test_loads_every_split(self, task: Task, source: DataSource) -> None:
        """Train, validation and test hold examples, the same when read again."""
        language = _language(task, source)
        for split in SPLITS:
            examples, again = (list(task.load(source, language, split)) for _ in range(2))
            assert examples, f"{language} {split}: no example"
            assert examples == again, f"{language} {split}: differs when read again"

    def test_names_a_missing_split(self, task: Task, source: DataSource) -> None:
        """The error names the language that is missing."""
        message = None
        try:
            task.load(source, "no-such-language", "test")
        except MissingSplitError as error:
            message = str(error)
        assert message is not None, "a language without data must raise MissingSplitError"
        assert "no-such-language" in message, f"the error does not name it: {message}"

    def test_features_are_rows_of_examples(self, task: Task, source: DataSource) -> None:
        """Rows keep to the length; each comes from an example, and each example has one."""
        tokenizer = byte_tokenizer()
        for split in SPLITS:
            examples = task.load(source, _language(task, source), split)
            for max_length in self.max_lengths:
                features = task.featurize(examples, tokenizer, max_length)
                for row in features:
                    length = len(row.input_ids)
                    within = 0 < length <= max_length
                    assert within, f"a row must have 1 to {max_length} subwords, got {length}"
                    assert row.targets, "a row must have a target"
                    for name, values in {**row.targets, **(row.extra_inputs or {})}.items():
                        size = length if isinstance(values, int) else len(values)
                        assert size == length, f"{name}: {size} values for {length} subwords"
                found = {feature.example for feature in features}
                assert found == set(range(len(examples))), f"{split}: examples without a row"

    def test_trains_on_rows_of_its_own(self, task: Task, source: DataSource) -> None:
        """Some of the rows are trained on, and nothing else."""
        examples = task.load(source, _language(task, source), "train")
        features = task.featurize(examples, byte_tokenizer(), max(self.max_lengths))
        chosen = task.training_rows(features)
        assert chosen, "no row is trained on"
        assert {id(row) for row in chosen} <= {id(row) for row in features}, "rows of elsewhere"

    def test_says_what_it_reads_of_the_hub(self, task: Task) -> None:
        """Where the hub has a split, the columns to read are told; a test split has to be there."""
        for language in ("en", *task.languages):
            places = {split: task.hub_split(language, split) for split in SPLITS}
            for split, place in places.items():
                if place is not None:
                    assert place.columns == task.columns != (), f"{language} {split}: columns"
                    assert place.repository.count("/") == 1, f"{place.repository}: namespace/name"
            if any(places.values()):
                assert places["test"] is not None, f"{language}: no test split on the hub"

    def test_words_are_counted(self, task: Task, source: DataSource) -> None:
        """Where words carry targets, none is read badly by a tokenizer that knows every byte."""
        _, features = _evaluated(task, source, max(self.max_lengths))
        counts = task.word_counts(features, byte_tokenizer())
        if counts is not None:
            assert counts.words > 0, "word_counts must count some words, or return None"
            badly = {name: share for name, share in counts.shares.items() if share}
            assert not badly, f"word_counts says of a tokenizer that knows every byte: {badly}"

    def test_right_predictions_score_one(self, task: Task, source: DataSource) -> None:
        """The primary metric is 1 for a model that is always right."""
        for max_length in self.max_lengths:
            metrics = self._metrics(task, source, max_length)
            assert metrics[task.primary_metric] == 1.0, f"right predictions score {metrics}"

    def test_metrics_are_fractions(self, task: Task, source: DataSource) -> None:
        """Whatever is predicted, metrics are numbers in [0, 1], the primary one among them."""
        for blank in (False, True):
            metrics = self._metrics(task, source, max(self.max_lengths), blank=blank)
            assert task.primary_metric in metrics, f"no {task.primary_metric!r} in {metrics}"
            for name, value in metrics.items():
                fault = fault_of_part(name)
                assert not fault, f"a metric's name must be plain, got {name!r}: {fault}"
                assert 0.0 <= value <= 1.0, f"{name} must be in [0, 1], got {value}"

    def test_outcomes_come_to_the_metrics(self, task: Task, source: DataSource) -> None:
        """Where outcomes are told, there is one of each example, and their sums are the scores."""
        for blank in (False, True):
            examples, features, predictions = self._said(task, source, blank=blank)
            metrics, outcomes = task.scored(examples, features, predictions)
            assert metrics == task.metrics(examples, features, predictions), "scored: other metrics"
            if outcomes is None:
                continue
            texts = {"gold": outcomes.gold, "predicted": outcomes.predicted}
            for name, found in texts.items():
                assert len(found) == len(examples), f"{name}: {len(found)} of {len(examples)}"
            for name, parts in outcomes.parts.items():
                sizes = [len(part) for part in parts]
                assert sizes == [len(examples)] * 2, f"{name}: parts of {sizes} examples"
                assert name in metrics, f"parts of {name!r}, which is none of {list(metrics)}"
                fault = abs(parts.value - metrics[name])
                assert fault < 1e-12, f"{name} is {metrics[name]}, its parts say {parts.value}"

    def test_texts_are_texts(self, task: Task, source: DataSource) -> None:
        """What is shown of an example are texts by names."""
        for example in task.load(source, _language(task, source), "test"):
            for name, text in task.texts(example).items():
                assert isinstance(name, str), f"a name must be a text, got {name!r}"
                assert isinstance(text, str), f"{name} must be a text, got {text!r}"

    def test_notes_are_of_its_metrics(self, task: Task, source: DataSource) -> None:
        """A note is of a metric that there is, and goes on after its name, on one line."""
        metrics = self._metrics(task, source, max(self.max_lengths))
        for name, note in task.metric_notes.items():
            assert name in metrics, f"metric_notes: no metric {name!r} in {list(metrics)}"
            assert note == " ".join(note.split()) != "", f"{name}: one line of text, got {note!r}"
            assert not note.endswith("."), f"{name}: without a full stop, got {note!r}"

    def _metrics(
        self, task: Task, source: DataSource, max_length: int, *, blank: bool = False
    ) -> dict[str, float]:
        """Those of a model that is always right, or of one that says nothing."""
        return task.metrics(*self._said(task, source, max_length, blank=blank))

    def _said(
        self, task: Task, source: DataSource, max_length: int = 0, *, blank: bool = False
    ) -> tuple[Sequence[Any], list[Feature], list[Prediction]]:
        """What metrics are made of, of such a model; by default at the greatest length."""
        examples, features = _evaluated(task, source, max_length or max(self.max_lengths))
        predictions: list[Prediction] = []
        for feature in features:
            outputs = self.gold_outputs(task, feature)
            if blank:
                zeros = {name: torch.zeros_like(value) for name, value in outputs.items()}
                outputs = _model_output(zeros)
            predictions.append(tuple(part[0].numpy() for part in task.predict(outputs)))
        return examples, features, predictions


def _model_output(values: dict[str, Tensor]) -> ModelOutput:
    make: Any = ModelOutput
    result: ModelOutput = make(**values)
    return result


def _language(task: Task, source: DataSource) -> str:
    """The first language that has a train split."""
    languages = task.languages_in(source, "train")
    assert languages, f"{source.root} has no train split of {task.folder!r}"
    return languages[0]


def _evaluated(
    task: Task, source: DataSource, max_length: int
) -> tuple[Sequence[Any], list[Feature]]:
    """Examples of the test split, and their rows."""
    examples = task.load(source, _language(task, source), "test")
    return examples, task.featurize(examples, byte_tokenizer(), max_length)
