"""The names of runs, tags, params and metrics in MLflow: made and read here alone.

Nothing here needs MLflow, so that whoever only reads names need not wait for it.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

from alignfreeze.errors import ConfigError, PluginError
from alignfreeze.messages import shown

# What params and tags begin with: `TrackedRun` puts it there, and `StoredRun` takes it off.
PARAM = "cfg."
TAG = "alignfreeze."

# What phases are called: that with a task behind it, and behind that a strategy to compare with.
REALIGN_RUN_NAME = "realign"
FINETUNE_RUN_NAME = "finetune-"

# Tags, of any run:
KIND = "kind"  # what it is, see `Kind`
VERSION = "version"  # of this package
CODE = "code"  # of this package: the hash of its files
LIBRARIES = "libraries"  # the versions of what has computed it: sorted, with commas between them
PROCESS = "process"  # which process writes it (see `base.processes`)
DROPPED = "dropped"  # why its encoder was removed: of a realignment, and of cells that had it
ERROR = "error"  # why it has failed or was killed
UNLOGGED = "unlogged"  # where it was kept while the tracking store was away
# of one with a configuration:
MODEL = "model"
STRATEGY = "strategy"
TASK = "task"  # which tasks, with commas between them
SEED = "seed"
PRECISION = "precision"  # bf16 or fp32
PROCESSES = "processes"
DEVICE = "device"  # what computes: a card, or a CPU and its threads; digits depend on it
CONFIG_HASH = "config_hash"
# of a phase:
PHASE_HASH = "phase_hash"  # by which it is found, when it is finished and may be taken over
MODEL_IDENTITY = "model_identity"  # the pretrained weights: a hash, or a hub's name with its commit
MADE_FROM = "made_from"  # for a person: how a model was realigned that is realigned again, or not
USUAL_STRATEGY = "default_hyperparameters"  # whether the strategy's are all at their defaults
MEASURED_HASH = "measured_hash"  # of its files of word alignment and drift
STRATEGY_CODE = "strategy_code"
OBJECTIVE_CODE = "objective_code"
PARALLEL_HASH = "parallel_hash"  # what the files of the parallel text hold
CHOSEN_BY = "languages_chosen_by"  # how those that it realigns were chosen, such as diverse:8
REALIGN_HASH = "realign_hash"  # which realignment made its encoder
REALIGN_RUN = "realign_run"  # in which run that was
ON_WAY_OF = "on_way_of"  # which realignment, of more steps, left this one's encoder on its way
WAY_HASH = "way_hash"  # of all that a realignment depends on but its steps, where its state is kept
STATE_AFTER = "state_after"  # how many steps there were up to that state
GONE_ON_FROM = "gone_on_from"  # the state of which realignment, of fewer steps, it has begun with
WANTED_BY = "wanted_by"  # cells of a grid that it left its encoder for, with commas between them
TASK_CODE = "task_code"
DATA_HASH = "data_hash"  # what the files of a task's examples hold
METRIC = "metric"  # what a task's scores are compared by
LEFT_OUT = "left_out"  # what those begin with that say which languages the hub has nothing for
REUSED_REALIGNMENT = "reused.realignment"  # from which run the realignment was taken over
REUSED_FINETUNING = "reused.fine-tuning_on_"  # what those begin with that say so of a fine-tuning
# of a study, and of its trials:
STUDY = "study"
CONTINUES = "continues"  # where the study's own run is
TRIAL = "trial"
STATE = "state"  # how it has ended
PRUNED = "pruned"  # why it was stopped
CONTENDER = "contender"  # what it tests
CELL = "cell"  # which cell of a grid it is
# of a run of another program:
IMPORTED = "imported"  # ``true``
IMPORTED_ROW = "imported_row"  # which row of a result file it is
METHOD = "method"  # what that calls the strategy
ALIGNER = "aligner"
SOURCE_FILE = "source_file"


class Kind(StrEnum):
    """What a run is."""

    # of a command:
    RUN = "run"
    REALIGN = "realign"
    EVALUATE = "evaluate"
    SEARCH = "search"
    BENCHMARK = "benchmark"
    REPORT = "report"
    DRY_RUN = "dry run"
    # nested in one:
    REALIGNMENT = "realignment"
    FINETUNING = "fine-tuning"
    TRIAL = "trial"
    BASELINE = "baseline"
    TEST = "test"
    CELL = "cell"
    # of another program's result:
    IMPORTED_RESULT = "imported"


def kind_of(name: str, tags: Mapping[str, str]) -> Kind | None:
    """What a run is, by its name in MLflow and our tags; ``None`` for one that does not say it.

    Phases of version 0.1.0 say it by their name alone.
    """
    if (kind := tags.get(KIND)) is not None:
        return Kind(kind) if kind in set(Kind) else None
    if name.startswith(FINETUNE_RUN_NAME):
        return Kind.FINETUNING
    return Kind.REALIGNMENT if name.startswith(REALIGN_RUN_NAME) else None


def as_now(values: Mapping[str, str]) -> dict[str, str]:
    """Tags or params, as runs of this version have them."""
    found = {_RENAMED.get(name, name): value for name, value in values.items()}
    return found | {name: "fp32" for name in _PRECISIONS if found.get(name) == "no"}


_RENAMED = {"usual_strategy": USUAL_STRATEGY}
"""Tags of version 0.1.0 that have another name now."""

_PRECISIONS = (PRECISION, f"realign_{PRECISION}")
"""What was ``no`` in version 0.1.0, where it was not bf16."""


def reused_tag(what: str) -> str:
    """The tag that says from which run a phase was taken over, given what it is called."""
    return f"reused.{what.replace(' ', '_')}"


def left_out_tag(what: str) -> str:
    """The tag that says which languages were left out, given what they lack: a task, or text."""
    return f"{LEFT_OUT}.{what.replace(' ', '_')}"


# Metrics.
TARGET_MEAN = "target_mean"  # in place of a language, in those that are means over the targets
PRETRAINED = "pretrained"  # the stage of an encoder before realignment
REALIGN_LOSS = "realign/loss"
REALIGN_RATE = "realign/pairs_per_second"
FINETUNE_LOSS = "finetune/loss"
FINETUNE_RATE = "finetune/rows_per_second"
EMPTY_STEPS = "empty_steps"
FINETUNE_STEPS = "cell/finetune_steps"  # of a cell's fine-tuning, where the data decides
REPORT = "report"  # what a trial has told its pruner, on the way
BEST_TRIAL = "best/trial"


_TAKEN = r"\w.: -"
LONGEST_PART = 64
"""Characters of a language, or of a metric, with which every name is within MLflow's 250."""


def fault_of_part(text: str) -> str:
    """Why a text cannot be what stands between two slashes of a metric's name; empty if it can.

    MLflow takes letters and digits of any script, ``_ . : -`` and spaces, but no way to elsewhere.
    """
    if len(text) > LONGEST_PART:
        return f"it must have at most {LONGEST_PART} characters, has {len(text)}"
    if not re.fullmatch(f"[{_TAKEN}]+", text):
        return "it must be letters, digits, spaces and _ . : -"
    return "it names a folder" if text in (".", "..") else ""


def language_part(code: str) -> str:
    """What a language is called in names: its code, with ``-`` for what MLflow does not take.

    ``ca@valencia`` is ``ca-valencia``; a name is called what it is.
    """
    return re.sub(f"[^{_TAKEN}]", "-", code)


def check_languages(codes: Iterable[str]) -> None:
    """Check that the languages of a run can be told apart in the names of its metrics.

    Raises:
        ConfigError: If one cannot be named, or two have one name.
    """
    known: dict[str, str] = {}
    for code in codes:
        part = language_part(code)
        other = known.setdefault(part, code)
        if other != code:
            raise ConfigError(
                f"languages {shown(other)} and {shown(code)} are both called "
                f"{shown(part)} in the names of metrics; rename one, or leave one out with "
                "languages="
            )
        if fault := _fault_of_code(code) or fault_of_part(part):
            raise ConfigError(
                f"language {shown(code)} cannot be called so in the names of metrics: "
                f"{fault}; rename it, or leave it out with languages="
            )


def _fault_of_code(code: str) -> str:
    """Why a code has no name, though one could be made of its characters; empty if it has."""
    if not code.isprintable():
        return "it must have no control characters"
    if code != code.strip():
        return "it must not begin or end with a blank"
    if found := [sign for sign in "/," if sign in code]:
        return f"it must have no {found[0]!r}"
    return "that is what means over languages are called" if code == TARGET_MEAN else ""


def check_metrics(task: str, metrics: Iterable[str]) -> None:
    """Check that MLflow takes the names of a task and of its metrics.

    Raises:
        PluginError: If it does not.
    """
    if fault := fault_of_part(task):
        raise PluginError(f"task {shown(task)}: its name is in those of metrics: {fault}")
    for metric in metrics:
        if fault := fault_of_part(metric):
            raise PluginError(
                f"task {task!r}: its metric {shown(metric)} must have another name: {fault}"
            )


class ScoreName(NamedTuple):
    """What a score is logged as in the run of one task: ``test/de/accuracy``.

    The language is its code, or what `language_part` makes of it: both are the same name.
    """

    split: str
    language: str
    metric: str

    def __str__(self) -> str:
        return f"{self.split}/{language_part(self.language)}/{self.metric}"


def task_prefix(task: str, n_tasks: int) -> str:
    """What stands before the names, and the files, of one task's scores in a run of several."""
    return f"{task}/" if n_tasks > 1 else ""


def scores_in(metrics: Mapping[str, float], splits: Collection[str]) -> dict[ScoreName, float]:
    """The scores of some splits among the metrics of a run of one task, without their means."""
    begins = tuple(f"{split}/" for split in splits)
    parts = {name: name.split("/") for name in metrics if name.startswith(begins)}
    return {
        ScoreName(*part): metrics[name]
        for name, part in parts.items()
        if len(part) == 3 and part[1] != TARGET_MEAN
    }


def contender_metric(contender: str, task: str, score: ScoreName) -> str:
    """A score, a mean over seeds, of what a search tests: ``test/<contender>/<task>/de/f1``."""
    return f"{score.split}/{contender}/{task}/{language_part(score.language)}/{score.metric}"


def deviation_metric(name: str) -> str:
    """The standard deviation of what is logged under a name."""
    return f"{name}_std"


def realigned_stage(steps: int, *, one_of_several: bool) -> str:
    """The stage after realignment; with its steps, where tasks take different numbers of them."""
    return f"realigned-{steps}" if one_of_several else "realigned"


def finetuned_stage(task: str) -> str:
    """The stage after fine-tuning on a task."""
    return f"finetuned-{task}"


def realigned_after_stage(task: str) -> str:
    """The stage after a realignment that has followed the fine-tuning on a task."""
    return f"{finetuned_stage(task)}-realigned"


FERTILITY = "fertility"  # of words: the subwords a word
UNKNOWN_WORDS = "unknown"  # of words: the share that the unknown token stands for


def words_metric(language: str, kind: str) -> str:
    """What is known of a language's words is logged as: ``words/de/unknown``."""
    return f"words/{language_part(language)}/{kind}"


def pairs_metric(language: str) -> str:
    """How many sentence pairs of a language are realigned on, each counted once."""
    return f"pairs/{language_part(language)}"


def objective_metric(objective: str, *, best: bool = False) -> str:
    """An objective of a trial, or of a study's best one."""
    return f"{'best' if best else 'objective'}/{objective}"


def cells_metric(state: str) -> str:
    """How many cells of a grid are in a state."""
    return f"cells/{state.replace(' ', '_')}"
