"""How much the published experiments train on: facts of their data sets, for when none is here."""

from dataclasses import dataclass

from alignfreeze.config import RunConfig, model_name
from alignfreeze.contracts import Task
from alignfreeze.evaluation.finetuning import steps_of_epochs

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
    """

    source: str
    examples: int
    batches: int
    batches_xlmr: int

    def rows(self, model: str) -> int:
        """Rows of as many full batches, which ours all are.

        There may be up to 31 fewer, which the number of batches does not tell.
        """
        return BATCH * (self.batches_xlmr if "xlm-roberta" in model_name(model) else self.batches)


TRAINING_SETS = {
    "pos": TrainingSet("Universal Dependencies, English EWT", 12_543, 393, 393),
    "ner": TrainingSet("WikiANN, English", 20_000, 626, 626),
    "nli": TrainingSet("XNLI, English (MultiNLI)", 392_702, 12_272, 12_272),
    "qa": TrainingSet("SQuAD 1.1", 87_599, 9_005, 10_114),
}
"""By task. Batches are the steps of the reference's logs by epochs, and not counted anew here; of
NLI they are its examples, a row each, by 32."""


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
