"""Which tracked runs are results, and what each of them is a result of."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from alignfreeze.config import BASELINE, Phase, RunConfig, fields_with, model_name, subset_of
from alignfreeze.report.realignment_names import (
    arguments,
    is_imported,
    links_words,
    realigned_as,
    strategy_of,
    written,
)
from alignfreeze.report.settings import ReportConfig
from alignfreeze.tracking.layer_names import LayerName
from alignfreeze.tracking.names import (
    CHOSEN_BY,
    DATA_HASH,
    ERROR,
    MADE_FROM,
    PARALLEL_HASH,
    USUAL_STRATEGY,
    Kind,
    ScoreName,
    language_part,
    scores_in,
)
from alignfreeze.tracking.store import StoredRun

UNKNOWN = "None"
"""A param that was not given, and is not known before the phase."""

UNLINKED_HASH = f"unlinked_{PARALLEL_HASH}"
"""The hash of parallel text whose words were not aligned; that of others is of dictionaries too."""

IMPORTED_MARK = " (imported)"
"""What a model is called with whose imported results stand beside ours."""

HERE = "that of fine-tuning"
"""What an encoder that was not realigned otherwise has."""

LANGUAGE_OPTIONS = ("source_language", "languages", "realign_languages")
"""The params that hold codes of languages."""

RUN_SETTINGS = (
    *fields_with(RunConfig, lambda role: role.settings_of is Phase.BOTH),
    "model_identity",
    "processes",
)
"""What all phases of a run have in common. Batches are those of each process."""

FINETUNE_SETTINGS = (
    *RUN_SETTINGS,
    *fields_with(RunConfig, lambda role: role.settings_of is Phase.FINETUNING),
    DATA_HASH,
)

ELSEWHERE = ("seed", *(name for name in RUN_SETTINGS if name != "model_identity"))
"""What an encoder that was realigned in another run may have had otherwise, by ``realign_NAME``."""

REALIGN_SETTINGS = (
    *fields_with(RunConfig, lambda role: role.settings_of is Phase.REALIGNMENT),
    PARALLEL_HASH,
    UNLINKED_HASH,
    *(f"realign_{name}" for name in ELSEWHERE),
)


@dataclass(frozen=True, eq=False)
class Result:
    """What a run is a result of.

    Attributes:
        run: The run.
        model: Without owner and folder.
        task: Its one task.
        strategy: With its hyperparameters, as ``front(boundary=3)``; without, where they are those
            that it has by default.
        seed: Its seed.
        boundary: The strategy's name and its boundary, where it was given one.
        settings: What else may differ and matters: of fine-tuning, and of realignment.
        variant: What its row is called: the strategy, and which settings are not the usual ones.
        unusual: The names of the settings of its realignment that are not the usual ones.
    """

    run: StoredRun
    model: str
    task: str
    strategy: str
    seed: int
    boundary: tuple[str, int] | None
    settings: Mapping[str, str]
    variant: str = ""
    unusual: Sequence[str] = ()

    def __str__(self) -> str:
        """Which cell it is of, for a person."""
        return f"{self.model}, {self.task}, {self.variant}, seed {self.seed}"

    @property
    def key(self) -> tuple[str, str]:
        """The model and the task."""
        return self.model, self.task

    @property
    def scored(self) -> bool:
        """Whether it is finished, and has scores of the test split."""
        return self.run.status == "FINISHED" and bool(self.metrics)

    @property
    def failed(self) -> bool:
        """Whether it failed or was killed, but not by a search that had seen enough of it."""
        pruned = self.run.tags.get(ERROR, "").startswith("pruned ")
        return self.run.status in ("FAILED", "KILLED") and not pruned

    def scores(self, metric: str) -> dict[str, float]:
        """One metric of the test split, by language, the source language too."""
        found = self._tested.items()
        return {self.code_of(name): value for name, value in found if name.metric == metric}

    def code_of(self, name: ScoreName | LayerName) -> str:
        """The language of a metric, by the code that the run was given it with."""
        return self._codes.get(name.language, name.language)

    @cached_property
    def _codes(self) -> dict[str, str]:
        params = self.run.params
        given = [params.get(name, "").split(",") for name in LANGUAGE_OPTIONS]
        return {language_part(code): code for code in chain(*given)}

    @property
    def metrics(self) -> set[str]:
        """The metrics that the test split was scored with."""
        return {name.metric for name in self._tested}

    @cached_property
    def _tested(self) -> dict[ScoreName, float]:
        return scores_in(self.run.metrics, ("test",))


def is_finetuning(run: StoredRun) -> bool:
    """Whether a run is a fine-tuning with its evaluation, or an imported result of one."""
    return run.kind is Kind.FINETUNING or is_imported(run)


def is_realignment(run: StoredRun) -> bool:
    """Whether a run is a realignment."""
    return run.kind is Kind.REALIGNMENT


def chosen_by(run: StoredRun) -> str:
    """How the languages that a run realigns were chosen, as ``diverse:8``; empty if named."""
    asked = run.tags.get(CHOSEN_BY, run.params.get("realign_languages", ""))
    return asked if subset_of([asked]) else ""


def results(runs: Iterable[StoredRun], config: ReportConfig) -> list[Result]:
    """The results that are asked for among some runs, in their order, broken runs too.

    A run of several tasks, such as a realignment that they share, is a result of each of them;
    its scores are those of its phases.
    """
    strategies = {*config.strategies, BASELINE}
    return [
        result
        for run in runs
        if _is_wanted(run, config)
        for result in _results(run, config)
        if (not config.models or result.model in config.models)
        and (not config.tasks or result.task in config.tasks)
        and (not config.seeds or result.seed in config.seeds)
        and (not config.strategies or {run.tags["strategy"], result.strategy} & strategies)
    ]


def _is_wanted(run: StoredRun, config: ReportConfig) -> bool:
    if config.source != "both" and is_imported(run) != (config.source == "imported"):
        return False
    aligner = run.tags.get("aligner")
    return not (config.aligner and is_imported(run) and aligner not in (None, config.aligner))


def _results(run: StoredRun, config: ReportConfig) -> list[Result]:
    """What a run is a result of, by task; nothing for a run without a seed."""
    tags = run.tags
    tasks = tags["task"].split(",")
    if not tags.get("seed", "").isdigit() or (len(tasks) > 1 and is_finetuning(run)):
        return []
    strategy, args = strategy_of(run), arguments(run, "strategy_args")
    boundary = args.get("boundary")
    # Of a model that was realigned before, how; and of both sources, which.
    model, made_from = model_name(tags.get("model", "")), tags.get(MADE_FROM)
    mark = IMPORTED_MARK if config.source == "both" and is_imported(run) else ""
    return [
        Result(
            run,
            model=f"{model} ({made_from}){mark}" if made_from else f"{model}{mark}",
            task=task,
            strategy=written(strategy, {} if tags.get(USUAL_STRATEGY) == "true" else args),
            seed=int(tags["seed"]),
            boundary=(strategy, boundary) if isinstance(boundary, int) else None,
            settings=_settings(run),
        )
        for task in tasks
    ]


def _settings(run: StoredRun) -> dict[str, str]:
    """What results of one table have to agree on; of imported ones little is known."""
    realigns = run.tags["strategy"] != BASELINE
    if is_imported(run):
        aligner = {k: v for k, v in run.tags.items() if realigns and k == "aligner"}
        return realigned_as(run) | aligner
    params = _resolved(run.params) | {
        name: run.tags[name]
        for name in ("model_identity", "precision", "processes", DATA_HASH, PARALLEL_HASH)
        if name in run.tags
    }
    params = dict.fromkeys((f"realign_{name}" for name in ELSEWHERE), HERE) | params
    params |= realigned_as(run)
    if realigns and not links_words(run):
        params = {n: value for n, value in params.items() if n not in ("aligner", "aligner_args")}
        params[UNLINKED_HASH] = params.pop(PARALLEL_HASH, "")
    if chosen := chosen_by(run):
        params["realign_languages"] = chosen
        subset = subset_of([chosen])
        if subset is not None and subset.by_seed:  # each seed reads other files
            params.pop(PARALLEL_HASH, None)
            params.pop(UNLINKED_HASH, None)
    names = [*FINETUNE_SETTINGS, *(REALIGN_SETTINGS if realigns else ())]
    return {name: params[name] for name in names if name in params}


def _resolved(given: Mapping[str, str]) -> dict[str, str]:
    """Settings as they come out, where several ways of giving them come to the same."""
    params = dict(given)
    params.pop("objective_args", None)  # its objective is called by them
    if "during" not in params.get("realign_when", ""):
        params.pop("realign_weight", None)
    # Without languages to realign with, they are the target languages; of an older run without
    # either, all that there were.
    targets = params.pop("languages", "")
    for name, text in (
        ("languages", targets),
        ("realign_languages", params.pop("realign_languages", "") or targets),
    ):
        if text:
            params[name] = ",".join(sorted(text.split(",")))  # their order is no setting
    if "realign_alignment_pairs" in params:
        params["alignment_pairs"] = params["realign_alignment_pairs"]
    if "data" in params:  # which may be in another place on each machine
        params["data"] = model_name(params["data"])
    steps = params.get("finetune_steps", UNKNOWN)
    if steps != UNKNOWN:  # a fine-tuning logs how many the epochs came to
        params.pop("finetune_epochs", None)
    if params.get("realign_steps") == UNKNOWN:  # it takes as many as the fine-tuning
        params["realign_steps"] = steps
    for name in ("finetune_steps", "realign_steps"):
        if params.get(name) == UNKNOWN:
            del params[name]
    return params
