"""From tracked runs to tables of scores."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from alignfreeze.config import BASELINE
from alignfreeze.errors import ConfigError, DataError
from alignfreeze.report.completeness import Missing, find_missing
from alignfreeze.report.notes import metric_note, mixed_versions
from alignfreeze.report.published import PUBLISHED_METRICS
from alignfreeze.report.results import (
    FINETUNE_SETTINGS,
    REALIGN_SETTINGS,
    RUN_SETTINGS,
    Result,
    is_finetuning,
    is_realignment,
    results,
)
from alignfreeze.report.score_tables import Alignment, ScoreTable
from alignfreeze.report.selection import RULE, comparable, differing, unnamed, usual, variant_of
from alignfreeze.report.settings import ReportConfig
from alignfreeze.tracking.names import ERROR, METRIC, PRETRAINED, REALIGN_HASH, layers_in
from alignfreeze.tracking.store import StoredRun, store_uri

ORDER = (BASELINE, "none", "front", "back")
TASKS = ("pos", "ner", "nli", "qa")


@dataclass(frozen=True)
class Collection:
    """Everything that a report is made of.

    Attributes:
        tables: The scores.
        missing: What is missing.
        settings: By which rule, and with which settings, runs were taken.
        versions: Of what the runs have several versions, and which; a line each.
    """

    tables: Sequence[ScoreTable]
    missing: Missing
    settings: Sequence[str]
    versions: Sequence[str]


def collect(runs: Sequence[StoredRun], config: ReportConfig) -> Collection:
    """Sort runs into tables, and find what is missing.

    Args:
        runs: The newest first.
        config: What is asked for.

    Raises:
        DataError: If no run has a score of the test split.
        ConfigError: If a metric is asked for that no run has, or of a task that none has.
    """
    everything = results(runs, config)
    scored = [r for r in everything if r.scored and is_finetuning(r.run)]
    if not scored:
        raise DataError(
            f"no finished run with test scores ({_asked(config)}) in the store {store_uri()}"
        )
    _check_tasks(config, {result.task for result in scored})
    metrics = {r.task: _metric([o for o in scored if o.task == r.task], config) for r in scored}
    having, lacking = _with_metric(scored, metrics)
    keys = sorted({(r.model, r.task) for r in having}, key=lambda k: (k[0], _place(k[1], TASKS)))
    finetuned = {key: usual(_of(key, having), FINETUNE_SETTINGS) for key in keys}
    used, left_out = comparable(having, finetuned)
    commons = {key: usual(_realigned(key, used), REALIGN_SETTINGS) for key in keys}
    variants = {r: variant_of(r, commons.get((r.model, r.task), {})) for r in everything}
    cells, older = _newest({r: variants[r] for r in used})
    tables = [
        _score_table(key, cells, [r for r in everything if r.model == key[0]], metrics[key[1]])
        for key in keys
    ]
    lines = [line for key in keys for line in unnamed(key, _of(key, used), commons[key])]
    return Collection(
        tables,
        find_missing(tables, _failures(variants, scored), [*lacking, *left_out, *older]),
        [RULE, *lines],
        mixed_versions(result.run for result in cells),
    )


def _of(key: tuple[str, str], found: Iterable[Result]) -> list[Result]:
    """Those of a model and task."""
    return [result for result in found if (result.model, result.task) == key]


def _realigned(key: tuple[str, str], found: Iterable[Result]) -> list[Result]:
    """Those of a model and task that were realigned, in a way that is known."""
    return [r for r in _of(key, found) if any(name in r.settings for name in REALIGN_SETTINGS)]


def _asked(config: ReportConfig) -> str:
    names = {"experiments", "where", "models", "tasks", "strategies", "seeds", "aligner"}
    given = config.model_dump(include=names, exclude_defaults=True)
    texts = [
        f"{k}={','.join(map(str, v)) if isinstance(v, tuple) else v}" for k, v in given.items()
    ]
    return ", ".join([f"source={config.source}", *texts])


def _check_tasks(config: ReportConfig, known: set[str]) -> None:
    """Check that metrics are asked for of tasks that there are, or another would be shown."""
    for task in config.metrics:
        if task not in known:
            raise ConfigError(
                f"metrics must be of tasks with runs, {', '.join(sorted(known))}, got {task!r}"
            )


def _with_metric(
    scored: Sequence[Result], metrics: Mapping[str, str]
) -> tuple[list[Result], list[str]]:
    """The results that have the metric of their task, and lines about others.

    Older runs may lack one, such as a metric that was added since.
    """
    used, others = [], Counter[str]()
    for result in scored:
        metric = metrics[result.task]
        if metric in result.metrics:
            used.append(result)
        else:
            others[f"{result.model}, {result.task}: without {metric}"] += 1
    return used, [f"{text}: {n} run(s)" for text, n in others.items()]


def _newest(variants: Mapping[Result, str]) -> tuple[dict[Result, str], list[str]]:
    """Of several runs of the same cell, the newest; and lines about the others."""
    seen: set[tuple[str, str, str, int]] = set()
    found, older = {}, Counter[str]()
    for result, variant in variants.items():
        key = (result.model, result.task, variant, result.seed)
        if key in seen:
            older[f"{result.model}, {result.task}, {variant}, seed {result.seed}"] += 1
        else:
            seen.add(key)
            found[result] = variant
    return found, [f"{name}: {n} older run(s) of the same" for name, n in older.items()]


def _score_table(
    key: tuple[str, str],
    cells: Mapping[Result, str],
    everything: Sequence[Result],
    metric: str,
) -> ScoreTable:
    own = {r: variant for r, variant in cells.items() if (r.model, r.task) == key}
    source = next(iter(own)).run.params.get("source_language", "en")
    values: dict[str, dict[str, dict[int, float]]] = {}
    for result, variant in own.items():
        for language, score in result.scores(metric).items():
            values.setdefault(variant, {}).setdefault(language, {})[result.seed] = score
    languages = {language for scores in values.values() for language in scores} - {source}
    variants = sorted(values, key=lambda name: (_place(name, ORDER), name))
    boundaries = {variant: r.boundary for r, variant in own.items() if r.boundary is not None}
    return ScoreTable(
        *key,
        metric,
        source,
        sorted(languages),
        variants,
        values,
        boundaries,
        _alignment(own, everything),
        versions=mixed_versions(result.run for result in own),
        note=metric_note(key[1], metric, imported=any(result.imported for result in own)),
    )


def _alignment(shown: Mapping[Result, str], found: Iterable[Result]) -> Alignment:
    """Strong alignment after realignment, and, for the baseline, before it.

    A realignment counts if it made the encoder of what is shown, and of several the newest.
    """
    layers: dict[str, dict[str, dict[int, dict[int, float]]]] = {}
    for result in found:
        own = next((v for other, v in shown.items() if _made_encoder_of(result, other)), None)
        if own is None or not is_realignment(result.run) or result.run.status != "FINISHED":
            continue
        for name, value in layers_in(result.run.metrics).items():
            # What the encoder was before realignment is what the baseline fine-tunes.
            variant = BASELINE if name.stage == PRETRAINED else own
            if name.kind == "alignment" and variant in shown.values():
                languages = layers.setdefault(variant, {}).setdefault(name.language, {})
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


def _metric(own: Sequence[Result], config: ReportConfig) -> str:
    """A task's metric: what is asked for, or what the published table has, or its primary one."""
    task, known = own[0].task, sorted({metric for result in own for metric in result.metrics})
    defaults = [
        PUBLISHED_METRICS.get(task),
        *(result.run.tags.get(METRIC) for result in own),
        *known,
    ]
    wanted = config.metrics.get(task) or next(name for name in defaults if name in known)
    if wanted not in known:
        raise ConfigError(f"metrics must be of {', '.join(known)} for {task}, got {wanted!r}")
    return wanted


def _failures(variants: Mapping[Result, str], scored: Sequence[Result]) -> list[str]:
    """A line for each cell whose only runs failed or were killed, with the newest one's reason."""
    done = {(r.model, r.task, variants[r], r.seed) for r in scored}
    lines: dict[tuple[str, str, str, int], str] = {}
    for result, variant in variants.items():
        key = (result.model, result.task, variant, result.seed)
        if result.failed and key not in done:
            reason = result.run.tags.get(ERROR, "no reason is known")
            what = f"{result.model}, {result.task}, {variant}, seed {result.seed}"
            lines.setdefault(
                key, f"{what}: {result.run.status}: {reason} (run {result.run.run_id})"
            )
    return list(lines.values())


def _place(name: str, order: Sequence[str]) -> int:
    """Where a name, or what comes before its hyperparameters, stands in an order."""
    plain = name.partition("(")[0].partition(",")[0]
    return order.index(plain) if plain in order else len(order)
