"""From tracked runs to tables of scores."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import get_args

from alignfreeze.config import BASELINE, When
from alignfreeze.errors import ConfigError, DataError
from alignfreeze.messages import shown
from alignfreeze.report.completeness import Missing, find_missing
from alignfreeze.report.covariates import Alignment
from alignfreeze.report.notes import metric_note, mixed_versions
from alignfreeze.report.published import PUBLISHED_METRICS
from alignfreeze.report.realignment_names import USUAL, is_imported
from alignfreeze.report.results import (
    FINETUNE_SETTINGS,
    REALIGN_SETTINGS,
    RUN_SETTINGS,
    Result,
    is_finetuning,
    is_realignment,
    results,
)
from alignfreeze.report.run_covariates import covariates_of
from alignfreeze.report.score_tables import ScoreTable, group_place
from alignfreeze.report.selection import (
    RULE,
    counted,
    differing,
    groups_of,
    named,
    otherwise,
    unnamed,
    usual,
    usual_texts,
)
from alignfreeze.report.settings import ReportConfig
from alignfreeze.tracking.curves import alignment_by_layer
from alignfreeze.tracking.location import store_uri
from alignfreeze.tracking.names import ERROR, METRIC, PRETRAINED, REALIGN_HASH
from alignfreeze.tracking.store import StoredRun

ORDER = (BASELINE, "none", "front", "back", "revert", "gradual", "discriminative", "lora", "parts")
TASKS = ("pos", "ner", "nli", "qa")
TIMES: tuple[str, ...] = get_args(When)


@dataclass(frozen=True)
class Collected:
    """Everything that a report is made of.

    Attributes:
        tables: The scores.
        missing: What is missing.
        settings: By which rule, and with which settings, runs were taken.
        versions: Of what the runs have several versions, and which; a line each.
        cells: By model and task, the runs of a table, one of each variant and seed.
        seeds_alone: Which differences are told by their seeds alone, and why; a line each.
    """

    tables: Sequence[ScoreTable]
    missing: Missing
    settings: Sequence[str]
    versions: Sequence[str]
    cells: Mapping[tuple[str, str], Sequence[Result]] = field(default_factory=dict)
    seeds_alone: Sequence[str] = ()


def collect(runs: Sequence[StoredRun], config: ReportConfig) -> Collected:
    """Sort runs, the newest first, into the tables that are asked for, and find what is missing.

    Raises:
        DataError: If no run has a score of the test split.
        ConfigError: If a metric is asked for that no run has, or of a task that none has; or no
            row is called as the reference is.
    """
    everything = results(runs, config)
    scored = [r for r in everything if r.scored and is_finetuning(r.run)]
    if not scored:
        raise DataError(
            f"no finished run with test scores ({_asked(config)}) in the store {store_uri()}"
        )
    metrics = _metrics(scored, config)
    # Older runs may lack a metric that was added since.
    having = [r for r in scored if metrics[r.task] in r.metrics]
    keys = sorted({r.key for r in having}, key=lambda key: (key[0], _place(key[1], TASKS)))
    finetuned = {key: usual(_of(key, having), FINETUNE_SETTINGS) for key in keys}
    others = {r: line for r in having if (line := otherwise(r, finetuned[r.key]))}
    used = [r for r in having if r not in others]
    decisive = [name for name in REALIGN_SETTINGS if name not in USUAL]
    known = [r for r in used if any(name in r.settings for name in decisive)]
    commons = {key: usual(_of(key, known), decisive) for key in keys}
    texts = usual_texts(known)
    known_as = {r: named(r, commons.get(r.key, {}), texts) for r in everything}
    everything, used = [*known_as.values()], [known_as[result] for result in used]
    cells: dict[str, Result] = {}
    for result in used:
        cells.setdefault(str(result), result)
    newest = [*cells.values()]
    older = [str(result) for result in used if result is not cells[str(result)]]
    reference = config.reference
    tables = [_score_table(_of(k, newest), everything, metrics[k[1]], reference) for k in keys]
    _check_reference(reference, tables)
    without = [r for r in scored if metrics[r.task] not in r.metrics]
    no_numbers = [
        f"{r.model}, {r.task}: {metrics[r.task]} of {language} is no number"
        for r in newest
        for language, score in r.scores(metrics[r.task]).items()
        if math.isnan(score)
    ]
    left_out = [
        *counted(no_numbers, "run(s)"),
        *counted((f"{r.model}, {r.task}: without {metrics[r.task]}" for r in without), "run(s)"),
        *counted(others.values(), "run(s)"),
        *counted(older, "older run(s) of the same"),
    ]
    return Collected(
        tables,
        find_missing(tables, _failures(everything), left_out),
        [RULE, *(line for key in keys for line in unnamed(key, _of(key, used), commons[key]))],
        mixed_versions(result.run for result in newest),
        {key: _of(key, newest) for key in keys},
    )


def _of(key: tuple[str, str], found: Iterable[Result]) -> list[Result]:
    """Those of a model and task."""
    return [result for result in found if result.key == key]


def _asked(config: ReportConfig) -> str:
    names = {"experiments", "where", "models", "tasks", "strategies", "seeds", "aligner"}
    given = config.model_dump(include=names, exclude_defaults=True)
    texts = [
        f"{k}={','.join(map(str, v)) if isinstance(v, tuple) else v}" for k, v in given.items()
    ]
    return ", ".join([f"source={config.source}", *texts])


def _metrics(scored: Sequence[Result], config: ReportConfig) -> dict[str, str]:
    """By task what is asked for, or what the published table has, or the task's primary metric."""
    tasks = dict.fromkeys(result.task for result in scored)
    for task in config.metrics:
        if task not in tasks:
            raise ConfigError(
                f"metrics must be of tasks with runs, {', '.join(sorted(tasks))}, got {shown(task)}"
            )
    metrics = {}
    for task in tasks:
        own = [result for result in scored if result.task == task]
        known = sorted({metric for result in own for metric in result.metrics})
        primary = [result.run.tags.get(METRIC) for result in own]
        defaults = [PUBLISHED_METRICS.get(task), *primary, *known]
        wanted = config.metrics.get(task) or next(name for name in defaults if name in known)
        if wanted not in known:
            raise ConfigError(
                f"metrics must be of {', '.join(known)} for {task}, got {shown(wanted)}"
            )
        metrics[task] = wanted
    return metrics


def _check_reference(reference: str, tables: Sequence[ScoreTable]) -> None:
    """Check that there is something to compare with; a baseline may be yet to come."""
    rows = dict.fromkeys(variant for table in tables for variant in table.variants)
    if reference != BASELINE and reference not in rows:
        raise ConfigError(f"reference must be a row, {'; '.join(rows)}, got {shown(reference)}")


def _score_table(
    own: Sequence[Result], everything: Sequence[Result], metric: str, reference: str
) -> ScoreTable:
    """The table of the results of one model and task."""
    model, task = own[0].key
    source = own[0].run.params.get("source_language", "en")
    values: dict[str, dict[str, dict[int, float]]] = {}
    for result in own:
        scores = values.setdefault(result.variant, {})
        for language, score in result.scores(metric).items():
            if not math.isnan(score):
                scores.setdefault(language, {})[result.seed] = score
    groups = groups_of(own)
    realigned = _realigned(own, [result for result in everything if result.model == model])

    times = {r.variant: TIMES.index(r.settings.get("realign_when", TIMES[0])) for r in own}

    def place(variant: str) -> tuple[tuple[int, str], int, int, str]:
        group = group_place(groups.get(variant, ""))
        return group, times[variant], _place(variant, ORDER), variant

    return ScoreTable(
        model,
        task,
        metric,
        source,
        sorted({language for scores in values.values() for language in scores} - {source}),
        sorted(values, key=place),
        values,
        {result.variant: result.boundary for result in own if result.boundary is not None},
        _alignment(realigned, values),
        versions=mixed_versions(result.run for result in own),
        note=metric_note(task, metric, imported=any(is_imported(r.run) for r in own)),
        groups=groups,
        covariates=covariates_of(own, realigned),
        reference=reference,
    )


def _realigned(shown: Sequence[Result], found: Iterable[Result]) -> list[tuple[str, Result]]:
    """The realignments that made the encoders of what is shown, each with the variants of those."""
    finished = [r for r in found if is_realignment(r.run) and r.run.status == "FINISHED"]
    made = (
        (r, dict.fromkeys(o.variant for o in shown if _made_encoder_of(r, o))) for r in finished
    )
    return [(variant, result) for result, variants in made for variant in variants]


def _alignment(realigned: Sequence[tuple[str, Result]], variants: Collection[str]) -> Alignment:
    """Strong alignment after realignment, and, for the baseline, before it.

    Of several realignments of a variant and seed the newest counts.
    """
    layers: dict[str, dict[str, dict[int, dict[int, float]]]] = {}
    for own, result in realigned:
        for name, value in alignment_by_layer(result.run).items():
            # What the encoder was before realignment is what the baseline fine-tunes.
            variant = BASELINE if name.stage == PRETRAINED else own
            if variant in variants:
                languages = layers.setdefault(variant, {}).setdefault(result.code_of(name), {})
                languages.setdefault(name.layer, {}).setdefault(result.seed, value)
    return layers


def _made_encoder_of(realignment: Result, result: Result) -> bool:
    """Whether a realignment made what was fine-tuned: by its hash, of older runs by all settings.

    Not by the parent that both have, since an encoder may be taken over from another run; nor by
    the task, since tasks may share it.
    """
    if (result.strategy, result.seed) != (realignment.strategy, realignment.seed):
        return False
    made, used = (r.run.tags.get(REALIGN_HASH) for r in (realignment, result))
    if made is not None and used is not None:
        return made == used
    names = {*differing(realignment.settings, result.settings)}
    same = not names & {*RUN_SETTINGS, *REALIGN_SETTINGS}
    return same and realignment.task == result.task


def _failures(everything: Sequence[Result]) -> list[str]:
    """A line for each cell whose only runs failed or were killed, with the newest one's reason.

    A run that is made of phases is made up for by its like: what is known of it only once its
    phases are at work, such as its aligner, is logged by these alone.
    """
    done = {str(result) for result in everything if result.scored}
    lines: dict[str, str] = {}
    for result in everything:
        if result.failed and str(result) not in done:
            run = result.run
            reason = run.tags.get(ERROR, "no reason is known")
            lines.setdefault(str(result), f"{result}: {run.status}: {reason} (run {run.run_id})")
    return list(lines.values())


def _place(name: str, order: Sequence[str]) -> int:
    """Where a name, or what comes before its hyperparameters, stands in an order."""
    plain = name.partition("(")[0].partition(",")[0]
    return order.index(plain) if plain in order else len(order)
