"""What a run leaves in MLflow: its configuration, its losses, its scores."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from accelerate import Accelerator

from alignfreeze.alignment.corpus import AlignedCorpus
from alignfreeze.base.documents import markdown_text
from alignfreeze.base.markdown_tables import markdown_of
from alignfreeze.config import RunConfig
from alignfreeze.evaluation.result_table import result_table
from alignfreeze.evaluation.scores import Score, TaskResult, target_means
from alignfreeze.evaluation.taskdata import TaskData
from alignfreeze.realignment.pairs import pairs_drawn
from alignfreeze.runs.identity import config_hash
from alignfreeze.runs.provenance import Provenance
from alignfreeze.text.words import WordCounts
from alignfreeze.tracking import names
from alignfreeze.tracking.runs import TrackedRun
from alignfreeze.training.devices import device_text, precision_of
from alignfreeze.training.milestones import TrainingResult

CONFIG_FILE = "config.yaml"

NOTABLE_SHARE = 0.01  # of words that are not read, from which on they are warned of

WORDS_THAT = {
    "unknown": "the unknown token stands for",
    "partly_unknown": "hold an unknown subword",
    "textless": "carry no text for the tokenizer",
    "cut": "are cut off",
}
"""What is told of the words that `WordCounts` counts apart."""

logger = logging.getLogger(__name__)


def log_config(run: TrackedRun, config: RunConfig, accelerator: Accelerator) -> None:
    """Log the whole configuration: tags to find the run by, params, and a file to run it again."""
    run.waits(config.tracking_wait)
    run.measures_system(config.system_metrics)
    values = config.model_dump(mode="json")
    run.tags(
        {
            names.MODEL: config.model,
            names.STRATEGY: config.strategy,
            names.TASK: ",".join(config.task),
            names.SEED: str(config.seed),
            names.CONFIG_HASH: config_hash(config),
            names.PRECISION: precision_of(accelerator),
            names.PROCESSES: str(accelerator.num_processes),
            names.DEVICE: device_text(accelerator),
        }
    )
    run.params({name: _as_text(value) for name, value in values.items()})
    run.text(yaml.safe_dump(values, sort_keys=False, allow_unicode=True), CONFIG_FILE)


def log_provenance(
    run: TrackedRun, made: Provenance, config: RunConfig, accelerator: Accelerator
) -> None:
    """Log what made the encoder that a run uses, as far as its configuration does not say it.

    What was otherwise while realigning, such as the seed, is params ``cfg.realign_<option>``.
    """
    others = made.differences(config, precision_of(accelerator), accelerator.num_processes)
    run.params({name: _as_text(value) for name, value in others.items()})
    run.params(hyperparameters("strategy", made.said))
    run.params(hyperparameters("objective", made.objective_said))
    tags = {
        names.REALIGN_RUN: made.run_id,
        names.REALIGN_HASH: made.identity,
        names.PARALLEL_HASH: made.parallel_hash,
        names.CHOSEN_BY: made.chosen_by,
        f"realign_{names.VERSION}": made.version,
        f"realign_{names.CODE}": made.code,
        f"realign_{names.LIBRARIES}": made.libraries,
        f"realign_{names.DEVICE}": made.device,
    }
    run.tags({name: value for name, value in tags.items() if value is not None})


def hyperparameters(plugin: str, values: Mapping[str, Any]) -> dict[str, str]:
    """The params of a plugin's hyperparameters, given by field: such as ``cfg.strategy.<field>``.

    Args:
        plugin: ``strategy`` or ``objective``.
        values: The hyperparameters.
    """
    return {f"{plugin}.{name}": _as_text(value) for name, value in values.items()}


def _as_text(value: object) -> str:
    """Names with commas between them, as they are given; other values as Python writes them."""
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def log_words(run: TrackedRun, what: str, counts: Mapping[str, WordCounts]) -> None:
    """Log and tell what part of each language's words is read badly, and how.

    The metrics are ``words/<language>/<kind>``, with the kinds of `WORDS_THAT`, and
    ``words/<language>/fertility``, the subwords a word.
    """
    log_word_shares(run, counts)
    tell_words(what, counts)


def tell_words(what: str, counts: Mapping[str, WordCounts]) -> None:
    """Tell what `log_words` does, and log nothing."""
    for kind, meaning in WORDS_THAT.items():
        shares = {language: count.shares[kind] for language, count in counts.items()}
        if told := {language: share for language, share in shares.items() if share > 0}:
            listed = ", ".join(f"{name} {share:.2%}" for name, share in sorted(told.items()))
            level = logging.WARNING if max(told.values()) >= NOTABLE_SHARE else logging.INFO
            logger.log(level, "%s: words that %s: %s", what, meaning, listed)


def log_word_shares(run: TrackedRun, counts: Mapping[str, WordCounts]) -> None:
    """Log what `log_words` does, and tell nothing."""
    for language, count in counts.items():
        if (fertility := count.fertility) is not None:
            run.metric(names.words_metric(language, names.FERTILITY), fertility)
        for kind in WORDS_THAT:
            run.metric(names.words_metric(language, kind), count.shares[kind])


def log_pairs(
    run: TrackedRun, corpora: Sequence[AlignedCorpus], config: RunConfig, updates: int
) -> None:
    """Log how many sentence pairs of each language were realigned on, as ``pairs/<language>``.

    Each counts once. Those drawn last may stand in a batch that was not reached: they are drawn
    in blocks of some batches, which are sorted by length.

    Args:
        run: The realignment.
        corpora: What is drawn from.
        config: How it is drawn.
        updates: Optimizer steps, of all processes together.
    """
    n_pairs = updates * config.accumulation * config.realign_batch_size
    drawn = pairs_drawn(corpora, n_pairs, mix=config.language_mix, seed=config.seed)
    for language, count in drawn.items():
        run.metric(names.pairs_metric(language), count)


def log_result(run: TrackedRun, result: TrainingResult, rate: str) -> None:
    """Log what is known when training is over; ``rate`` is the metric's name."""
    run.metric(rate, result.per_second)
    if result.empty_steps:
        run.metric(names.EMPTY_STEPS, result.empty_steps)


def task_result(strategy: str, data: TaskData, scores: Sequence[Score]) -> TaskResult:
    """The scores of a strategy on a task, with what tables show of them."""
    return TaskResult(strategy, data.name, data.task.primary_metric, scores, data.metric_note)


def describe(run: TrackedRun, results: Sequence[TaskResult], source_language: str) -> None:
    """Make the table of some results the run's description, if they were tested.

    The means stand above it, since MLflow folds what is long.
    """
    tested = [r for r in results if any(score.split == "test" for score in r.scores)]
    if not tested:
        return
    means: dict[str, list[str]] = {}
    for result in tested:
        mean = target_means(result.scores, source_language).get(("test", result.metric))
        if mean is not None:
            means.setdefault(result.task, []).append(f"{result.strategy} {100 * mean:.1f}")
    summary = [f"Mean of targets, {task}: {', '.join(found)}" for task, found in means.items()]
    notes = dict.fromkeys(result.note for result in tested if result.note)
    shown = [*map(markdown_text, summary), markdown_of(result_table(tested, source_language))]
    run.describe("\n\n".join([*shown, *map(markdown_text, notes)]))


def score_name(score: Score) -> names.ScoreName:
    """What a score is logged as in the run of a task."""
    return names.ScoreName(score.split, score.language, score.metric)


def log_scores(
    run: TrackedRun, scores: Sequence[Score], source_language: str, prefix: str = ""
) -> None:
    """Log every score, and the means over the target languages, the source language left out.

    A prefix is put before the metrics' names, in runs that hold several tasks.
    """
    for score in scores:
        run.metric(f"{prefix}{score_name(score)}", score.value)
    for (split, metric), mean in target_means(scores, source_language).items():
        run.metric(f"{prefix}{names.ScoreName(split, names.TARGET_MEAN, metric)}", mean)
