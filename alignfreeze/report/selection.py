"""Which runs a report shows: those taken over too, and of several settings the usual ones."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from alignfreeze.config import BASELINE, model_name
from alignfreeze.report.realignment_names import USUAL
from alignfreeze.report.results import (
    REALIGN_SETTINGS,
    Result,
    chosen_by,
    is_finetuning,
    is_realignment,
)
from alignfreeze.tracking.names import CHOSEN_BY, PARALLEL_HASH, REUSED_FINETUNING
from alignfreeze.tracking.store import StoredRun


def with_taken_over(
    runs: Sequence[StoredRun], find: Callable[[str], StoredRun | None]
) -> list[StoredRun]:
    """Runs, and after each that took fine-tunings over, these under its own names.

    What is taken over has the same content, but its run, which is found by its id, may be of
    another experiment, and may have another name for the same model or data, or have come to the
    same languages by another choice, by which a report would lose it.
    """
    present = {(run.run_id, *_names(run)) for run in runs if is_finetuning(run)}
    complete = []
    for run in runs:
        complete.append(run)
        taken_over = [text for tag, text in run.tags.items() if tag.startswith(REUSED_FINETUNING)]
        for run_id in dict.fromkeys(taken_over):
            original = None if (run_id, *_names(run)) in present else find(run_id)
            named = original and _under_names_of(run, original)
            if named and (key := (run_id, *_names(named))) not in present:
                present.add(key)
                complete.append(named)
    return complete


def _names(run: StoredRun) -> tuple[str, str, str]:
    """What reports call a run's model, its data, and the choice of languages to realign."""
    model, data = run.tags.get("model", ""), run.params.get("data", "")
    return model_name(model), model_name(data), chosen_by(run)


def _under_names_of(run: StoredRun, original: StoredRun) -> StoredRun:
    """A fine-tuning that was taken over, as the run that did so would have named it."""
    tags = {**original.tags, "model": run.tags["model"]}
    if original.tags.get("strategy") != BASELINE and "realign_languages" in run.params:
        tags[CHOSEN_BY] = chosen_by(run)
    named = {k: run.params[k] for k in ("data", "model") if k in run.params}
    params = {**original.params, **named}
    return original._replace(tags=tags, params=params, started=run.started)


LANGUAGES = "realign_languages"

RULE = (
    "Of several settings, a table of a model and task is of those that most of its cells (a "
    "strategy and a seed) have; of several that have as many, those of the newest run. This goes "
    "for fine-tuning first: a run that was fine-tuned otherwise is left out, since the baseline "
    "says nothing of it. Then it goes for realignment: a run that was realigned otherwise is a "
    "row of its own, named by what differs; so is one with another objective than contrastive, or "
    "realigned at another time than before, whatever most have. Of several runs of one cell the "
    "newest counts."
)


@dataclass
class _Group:
    """Results whose settings agree: all that any is known to have, the newest's place, cells."""

    settings: dict[str, str]
    newest: int
    cells: set[tuple[str, int]] = field(default_factory=set)

    @property
    def rank(self) -> tuple[int, int]:
        """The greatest is that of most cells, then of the newest run."""
        return len(self.cells), -self.newest


def usual(found: Sequence[Result], names: Collection[str]) -> dict[str, str]:
    """The settings of some names that most cells have, all together; of several, the newest run's.

    The newest comes first. A setting that an older run does not know agrees with any.
    """
    groups: list[_Group] = []
    own = [{n: v for n, v in result.settings.items() if n in names} for result in found]
    # Those that say most come first, so that others find what they agree with.
    for place in sorted(range(len(found)), key=lambda place: -len(own[place])):
        fitting = [group for group in groups if not differing(own[place], group.settings)]
        group = max(fitting, key=lambda g: g.rank, default=None)
        if group is None:
            group = _Group({}, place)
            groups.append(group)
        group.settings |= own[place]
        group.cells.add((found[place].strategy, found[place].seed))
        group.newest = min(group.newest, place)
    return max(groups, key=lambda g: g.rank).settings if groups else {}


def differing(settings: Mapping[str, str], others: Mapping[str, str]) -> list[str]:
    """The names of the settings that both know, and that are not the same."""
    return [name for name in settings if name in others and settings[name] != others[name]]


def otherwise(result: Result, known: Mapping[str, str]) -> str:
    """How a result was fine-tuned otherwise than is usual for its model and task, if it was."""
    names = differing(result.settings, known)
    texts = [f"{name} {result.settings[name]}, not {known[name]}" for name in names]
    return f"{result.model}, {result.task}: fine-tuned with {'; '.join(texts)}" if texts else ""


def counted(lines: Iterable[str], what: str) -> list[str]:
    """Each line once, with how many there are of what."""
    return [f"{line}: {n} {what}" for line, n in Counter(lines).items()]


Texts = Mapping[tuple[tuple[str, str], str], Mapping[str, str]]
"""The usual hash of the parallel text, by model and task, and by the languages realigned."""


def usual_texts(found: Iterable[Result]) -> Texts:
    """The hash that most cells of the same model, task and languages have."""
    alike: dict[tuple[tuple[str, str], str], list[Result]] = {}
    for result in found:
        alike.setdefault((result.key, result.settings.get(LANGUAGES, "")), []).append(result)
    return {what: usual(own, (PARALLEL_HASH,)) for what, own in alike.items()}


def named(result: Result, common: Mapping[str, str], texts: Texts) -> Result:
    """A result with the settings of its realignment that are not the usual ones in its name.

    Its objective, and when it was realigned, are usual as they are by default. Other languages have
    other files, whose hash says no more than they do.
    """
    common = {**common, **USUAL}
    found = differing(result.settings, common)
    if LANGUAGES in found:
        own = {**common, **texts.get((result.key, result.settings[LANGUAGES]), {})}
        found = differing(result.settings, own)
    names = [name for name in REALIGN_SETTINGS if name in found]
    if is_realignment(result.run) and "realign_steps" in names:
        # Of several tasks' realignments it cannot be told whose steps they are.
        names.remove("realign_steps")
    shown = [f"{name}={result.settings[name]}" for name in names]
    return replace(result, variant=", ".join([result.strategy, *shown]), unusual=names)


def groups_of(found: Iterable[Result]) -> dict[str, str]:
    """By variant, for those that were realigned otherwise than is usual, in which settings.

    In what all that are realigned have, none of them is set apart.
    """
    unusual = {r.variant: r.unusual for r in found if r.strategy != BASELINE}
    common = set.intersection(*map(set, unusual.values())) if unusual else set()
    own = {v: ", ".join(n for n in names if n not in common) for v, names in unusual.items()}
    return {variant: names for variant, names in own.items() if names}


def unnamed(key: tuple[str, str], used: Sequence[Result], common: Mapping[str, str]) -> list[str]:
    """A line about the settings of rows that name none, where rows differ in them; or no line."""
    differ = {name for result in used for name in differing(result.settings, common)}
    texts = [f"{name} {common[name]}" for name in REALIGN_SETTINGS if name in differ]
    line = f"{', '.join(key)}: rows that do not say otherwise have {', '.join(texts)}."
    return [line] if texts else []
