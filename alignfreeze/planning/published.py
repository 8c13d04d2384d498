"""What the published experiments train, and on how much: facts, for when neither is here."""

from collections.abc import Mapping
from dataclasses import dataclass

from alignfreeze.config import RunConfig, model_name
from alignfreeze.contracts import Task
from alignfreeze.data.finding import find_model
from alignfreeze.encoders.families import read_layer_count
from alignfreeze.encoders.stated import model_folder
from alignfreeze.errors import EncoderError
from alignfreeze.evaluation.finetuning import steps_of_epochs


@dataclass(frozen=True)
class EncoderSize:
    """The sizes of an encoder's layers, as its published config.json has them.

    Attributes:
        title: What publications call it.
        layers: How many layers it has.
        hidden: Width of the hidden states.
        intermediate: Width within the feed-forward part of a layer.
    """

    title: str
    layers: int
    hidden: int = 768
    intermediate: int = 3072

    @property
    def layer_weights(self) -> int:
        """Weights of a layer's matrices: four of attention, two of the feed-forward part."""
        return 4 * self.hidden**2 + 2 * self.hidden * self.intermediate


ENCODERS: Mapping[str, EncoderSize] = {
    "distilbert-base-multilingual-cased": EncoderSize("DistilmBERT", 6),
    "bert-base-multilingual-cased": EncoderSize("mBERT", 12),
    "FacebookAI/xlm-roberta-base": EncoderSize("XLM-R", 12),
}
"""By name on the hub."""


class LayerCounts:
    """How many layers models have; the published encoders also where the hub cannot be reached.

    Attributes:
        assumed: Models whose config.json could not be had.
    """

    def __init__(self) -> None:
        self.assumed: list[str] = []

    def __call__(self, model: str) -> int:
        """The number of layers of a model, as a configuration names it.

        Raises:
            EncoderError: If its configuration cannot be read, and it is not a published one.
        """
        name = find_model(model)
        try:
            return read_layer_count(name)
        except EncoderError:
            # A folder of that name, which is damaged, is not the published model.
            if name not in ENCODERS or model_folder(name) is not None:
                raise
        self.assumed.append(model)
        return ENCODERS[name].layers


BATCH = 32
"""Rows of a batch in the reference's code; the last one of an epoch may have fewer."""


@dataclass(frozen=True)
class TrainingSet:
    """The English training set of a task.

    Attributes:
        source: Which data set it is.
        examples: How many sentences, pairs or questions its publication says.
        batches: Batches of an epoch of the reference's code, with rows of at most 96 subwords (of
            QA windows that share 32): long examples are several rows.
        batches_xlmr: The same with XLM-R's tokenizer.
        subwords: Subwords of such a row on average: an assumption, not a count.
    """

    source: str
    examples: int
    batches: int
    batches_xlmr: int
    subwords: int

    def rows(self, model: str) -> int:
        """Rows of as many full batches, which ours all are.

        There may be up to 31 fewer, which the number of batches does not tell.
        """
        return BATCH * (self.batches_xlmr if "xlm-roberta" in model_name(model) else self.batches)


TRAINING_SETS = {
    "pos": TrainingSet("Universal Dependencies, English EWT", 12_543, 393, 394, 23),
    "ner": TrainingSet("WikiANN, English", 20_000, 626, 626, 23),
    "nli": TrainingSet("XNLI, English (MultiNLI)", 392_702, 12_272, 12_272, 40),
    "qa": TrainingSet("SQuAD 1.1", 87_599, 9_005, 10_114, 96),
}
"""By task. Batches are the steps in the published result files by epochs, and not counted anew; of
NLI they are its examples, a row each, by 32. A tagged sentence has 23 subwords in
``benchmarks/lengths.json``, and a window of QA is full."""


def published_steps(config: RunConfig, name: str, task: Task) -> int | None:
    """Optimizer steps of fine-tuning on the hub's data in rows as the reference's code makes them.

    Args:
        config: Batches, epochs and lengths.
        name: The task's name.
        task: The task, with its hyperparameters.

    Returns:
        ``None`` where the data is another, or is cut otherwise; there rows are not known.
    """
    if name not in TRAINING_SETS or config.data != "hub" or config.max_length != 96:
        return None
    if getattr(task, "stride", 32) != 32:
        return None
    rows = TRAINING_SETS[name].rows(config.model)
    return config.finetune_steps or steps_of_epochs(config, task.epochs, rows, 1)


def least_steps(config: RunConfig, name: str, task: Task) -> int | None:
    """The fewest steps that it can be, with a row for each example; ``None`` for other data."""
    if name not in TRAINING_SETS or config.data != "hub":
        return None
    return config.finetune_steps or steps_of_epochs(
        config, task.epochs, TRAINING_SETS[name].examples, 1
    )
