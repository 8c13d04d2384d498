"""Which tracked runs are results, and what each of them is a result of."""

import ast
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alignfreeze.config import model_name
from alignfreeze.identity import FINETUNE_FIELDS, REALIGN_FIELDS
from alignfreeze.preparation import BASELINE
from alignfreeze.report.settings import ReportConfig
from alignfreeze.tracking import StoredRun

TEST = "test/"

MEASURED = {"seed", "alignment_pairs"}
"""Fields of a phase that tell no setting of one: the seed is another dimension."""

FINETUNE_SETTINGS = (
    *(name for name in FINETUNE_FIELDS if name not in {*MEASURED, "eval_batch_size"}),
    "data",
    "task_args",
    "finetune_steps",
    "finetune_epochs",
)
REALIGN_SETTINGS = (
    *(name for name in REALIGN_FIELDS if name not in {*FINETUNE_FIELDS, *MEASURED}),
    "realign_steps",
    "realign_languages",
    "aligner",
    "aligner_args",
    "pair_limit",
    "pair_max_words",
    "pair_max_ratio",
    "pair_duplicates",
)


@dataclass(frozen=True, eq=False)
class Result:
    """What a run is a result of.

    Attributes:
        run: The run.
        model: Without owner and folder.
        task: Its one task.
        strategy: With its hyperparameters, as ``front(boundary=3)``.
        seed: Its seed.
        boundary: The strategy's name and its boundary, where it was given one.
        settings: What else may differ and matters: of fine-tuning, and of realignment.
    """

    run: StoredRun
    model: str
    task: str
    strategy: str
    seed: int
    boundary: tuple[str, int] | None
    settings: Mapping[str, str]

    @property
    def imported(self) -> bool:
        """Whether it was made elsewhere."""
        return is_imported(self.run)

    @property
    def scored(self) -> bool:
        """Whether it is finished, and has scores of the test split."""
        return self.run.status == "FINISHED" and any(n.startswith(TEST) for n in self.run.metrics)

    @property
    def failed(self) -> bool:
        """Whether it failed or was killed, but not by a search that had seen enough of it."""
        pruned = self.run.tags.get("error", "").startswith("pruned ")
        return self.run.status in ("FAILED", "KILLED") and not pruned

    def scores(self, metric: str) -> dict[str, float]:
        """One metric of the test split, by language, the source language too."""
        parts = [(name.split("/"), value) for name, value in self.run.metrics.items()]
        return {
            names[1]: value
            for names, value in parts
            if len(names) == 3 and names[0] == "test" and names[2] == metric
            if names[1] != "target_mean"
        }

    @property
    def metrics(self) -> set[str]:
        """The metrics that the test split was scored with."""
        return {name.split("/")[2] for name in self.run.metrics if name.startswith(TEST)}


def is_imported(run: StoredRun) -> bool:
    """Whether a run holds results of another program."""
    return run.tags.get("imported") == "true"


def is_finetuning(run: StoredRun) -> bool:
    """Whether a run is a fine-tuning with its evaluation, or an imported result of one."""
    return run.name.startswith("finetune-") or is_imported(run)


def is_realignment(run: StoredRun) -> bool:
    """Whether a run is a realignment."""
    return run.name.startswith("realign")


def results(runs: Iterable[StoredRun], config: ReportConfig) -> list[Result]:
    """The results that are asked for among some runs, in their order, broken runs too.

    A run of several tasks is none: its phases are.
    """
    found = [_result(run, config) for run in runs if _is_wanted(run, config)]
    return [result for result in found if result is not None and _is_asked_for(result, config)]


def _is_wanted(run: StoredRun, config: ReportConfig) -> bool:
    if config.source != "both" and is_imported(run) != (config.source == "imported"):
        return False
    aligner = run.tags.get("aligner")
    return not (config.aligner and is_imported(run) and aligner not in (None, config.aligner))


def _is_asked_for(result: Result, config: ReportConfig) -> bool:
    strategy = result.run.tags["strategy"]
    wanted_strategies = {*config.strategies, BASELINE} if config.strategies else ()
    return (
        (not config.models or result.model in config.models)
        and (not config.tasks or result.task in config.tasks)
        and (not wanted_strategies or bool({strategy, result.strategy} & set(wanted_strategies)))
        and (not config.seeds or result.seed in config.seeds)
    )


def _result(run: StoredRun, config: ReportConfig) -> Result | None:
    """What a run is a result of; ``None`` for a run of several tasks or without a seed."""
    tags = run.tags
    if "," in tags["task"] or not tags.get("seed", "").isdigit():
        return None
    strategy = tags["strategy"]
    args = _arguments(run.params.get("strategy_args", "{}"))
    written = ", ".join(f"{name}={value}" for name, value in sorted(args.items()))
    boundary = args.get("boundary")
    return Result(
        run,
        model=model_name(tags.get("model", "")) + _mark(run, config),
        task=tags["task"],
        strategy=f"{strategy}({written})" if written else strategy,
        seed=int(tags["seed"]),
        boundary=(strategy, boundary) if isinstance(boundary, int) else None,
        settings=_settings(run),
    )


def _mark(run: StoredRun, config: ReportConfig) -> str:
    return " (imported)" if config.source == "both" and is_imported(run) else ""


def _arguments(text: str) -> dict[str, Any]:
    try:
        values = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return {}
    return values if isinstance(values, dict) else {}


def _settings(run: StoredRun) -> dict[str, str]:
    """What results of one table have to agree on; of imported ones only the aligner is known."""
    realigns = run.tags["strategy"] != BASELINE
    if is_imported(run):
        return {"aligner": run.tags["aligner"]} if realigns and "aligner" in run.tags else {}
    params = dict(run.params)
    if not params.get("realign_languages"):  # they are the target languages then
        params["realign_languages"] = params.get("languages", "")
    if "data" in params:  # which may be in another place on each machine
        params["data"] = model_name(params["data"])
    if is_realignment(run):  # which knows its steps, and the fine-tuning after it may not
        params.pop("realign_steps", None)
    names = [*FINETUNE_SETTINGS, *(REALIGN_SETTINGS if realigns else ())]
    found = {name: params[name] for name in names if name in params}
    return found | {"precision": run.tags.get("precision", "")}


def usual(found: Sequence[Result]) -> dict[str, str]:
    """The setting of realignment that most results have, by name; the newest's, if as many do."""
    values: dict[str, Counter[str]] = {}
    for result in found:
        for name in REALIGN_SETTINGS:
            if name in result.settings:
                values.setdefault(name, Counter())[result.settings[name]] += 1
    return {name: counter.most_common(1)[0][0] for name, counter in values.items()}


def variant_of(result: Result, common: Mapping[str, str]) -> str:
    """A result's strategy, and the settings of its realignment that are not the usual ones."""
    unusual = [
        f"{name}={result.settings[name]}"
        for name in REALIGN_SETTINGS
        if name in result.settings
        and result.settings[name] != common.get(name, result.settings[name])
    ]
    return ", ".join([result.strategy, *unusual])
