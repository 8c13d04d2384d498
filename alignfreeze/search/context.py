"""What all trials of a worker share: data, encoder, space; read and checked once."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any

from alignfreeze.base.digests import hash_of
from alignfreeze.base.paths import user_path
from alignfreeze.config import RunConfig, subset_of
from alignfreeze.contracts.registry import OBJECTIVE, load_plugin
from alignfreeze.data.bitexts import bitext_digests, find_bitexts, without_unused_scores
from alignfreeze.data.language_choice import realignment_languages
from alignfreeze.data.missing import with_texts
from alignfreeze.errors import ConfigError
from alignfreeze.evaluation.tasks import covered_languages
from alignfreeze.runs.preparation import Preparation
from alignfreeze.search.objective import Objective
from alignfreeze.search.parameters import Scalar
from alignfreeze.search.settings import SearchConfig
from alignfreeze.search.space import with_values
from alignfreeze.search.space_building import build_space
from alignfreeze.search.study import codes
from alignfreeze.training.devices import make_accelerator, resolve_precision

FULL = "none"  # the strategy of full realignment


def reference(config: RunConfig, strategy: str) -> RunConfig:
    """A configuration with another strategy, as that is by default."""
    return config.model_copy(update={"strategy": strategy, "strategy_args": {}})


def _with_links(config: RunConfig, settings: SearchConfig) -> RunConfig:
    """A configuration whose objective takes aligned words, if one that is searched does."""
    searched = [load_plugin(OBJECTIVE, name) for name in settings.search_objectives]
    own = load_plugin(OBJECTIVE, config.objective)
    if own.needs_links or not any(objective.needs_links for objective in searched):
        return config
    default = RunConfig.model_fields["objective"].default
    return config.model_copy(update={"objective": default, "objective_args": {}})


class TrialContext:
    """Everything that trials share.

    Args:
        config: The configuration that trials vary.
        settings: What is searched for, and how.
        space: Text of the file that changes the space, if there is one.

    Attributes:
        later: Preparations that differ in their data, kept for later trials.
        metrics: The primary metric, by task.
        metric_notes: What the reader of scores has to know of the metrics, a line each.

    Raises:
        AlignFreezeError: If anything that they name is missing, malformed or does not fit.
    """

    def __init__(self, config: RunConfig, settings: SearchConfig, space: str | None) -> None:
        self.config = config
        self.settings = settings
        self.accelerator = make_accelerator(resolve_precision(config.precision))
        # A strategy to be searched may have no default, as `range` has none.
        self.base = Preparation(_with_links(reference(config, FULL), settings))
        self.later: dict[str, Preparation] = {}
        self.n_layers = self.base.n_layers
        file = str(user_path("space", settings.space or "space.yaml"))
        self.space = build_space(config, settings.plugins, self.n_layers, space, file)
        tasks = self.base.tasks
        self.metric_notes = [data.metric_note for data in tasks if data.metric_note]
        self.objective = Objective(tasks, config.source_language, settings)
        self.objective.check()
        self.metrics = self.objective.metrics
        for name in settings.references:
            self.base.check_fit(reference(config, name))
        for name in ("realign_max_length", "max_length"):
            lengths = [value for value in self._searched(name) if isinstance(value, int)]
            if lengths:
                longest = with_values(config, {name: max(lengths)})
                self.base.check_fit(reference(longest, FULL))

    def _searched(self, option: str) -> Sequence[Any]:
        """The values of an option among which trials choose; none if they do not."""
        parameter = self.space.searched.get(option)
        return (parameter and parameter.values) or ()

    @cached_property
    def identity(self) -> dict[str, str]:
        """The hashes of all that trials of one study agree on, beside options; by what it is."""
        parts = {
            **codes(self.config, self.settings, self._searched("aligner")),
            "model": self.base.model_identity,
            **{f"data of task {data.name!r}": data.identity["data"] for data in self.base.tasks},
            "parallel text or alignment of it": self._parallel_text(),
            "precision": self.accelerator.mixed_precision,
        }
        return {name: hash_of([part]) for name, part in parts.items()}

    def _parallel_text(self) -> list[Any]:
        """What identifies the parallel text of all languages, and for all aligners, of trials."""
        corpora = self.base.corpora
        source, source_language = self.base.source, self.config.source_language
        languages = sorted({corpus.target for corpus in corpora}.union(self._other_languages()))
        present = with_texts(source, source_language, languages, self.config.missing)
        scored = "pair_quality" in {*self.space.searched, *self.space.pinned}
        bitexts = without_unused_scores(
            find_bitexts(source, source_language, present),
            used=scored or self.config.pair_quality > 0,
        )
        return [*(corpus.fingerprint for corpus in corpora), *map(bitext_digests, bitexts)]

    def _other_languages(self) -> set[str]:
        """All languages that trials and tests may realign, whatever their seeds draw."""
        source, seeds = self.base.source, {*self.settings.search_seeds, *self.settings.final_seeds}
        tasks = [data.task for data in self.base.tasks]
        found: set[str] = set()
        for value in {
            *self._searched("realign_languages"),
            ",".join(self.config.realign_languages),
        }:
            config = with_values(self.config, {"realign_languages": value})
            targets = covered_languages(tasks, config, source)
            subset = subset_of(config.realign_languages)
            drawn = subset is not None and subset.by_seed
            for seed in seeds if drawn else [config.seed]:
                seeded = config.model_copy(update={"seed": seed})
                found.update(realignment_languages(source, seeded, targets))
        return found

    def first_point(self) -> dict[str, Scalar]:
        """The parameters that stand for the configuration as it is, as far as the space has them.

        A default that the encoder decides, half of the layers, is the value that freezes the same.
        """
        point = dict(self.space.point(self.config) or {})
        if point:
            with suppress(ConfigError):  # a strategy that has no defaults
                point |= self._decided_by_encoder(point.keys())
        return point

    def _decided_by_encoder(self, known: Collection[str]) -> dict[str, Scalar]:
        """The boundaries that freeze what the configuration freezes without saying them."""
        config, as_it_is = self.config, self.base.freezing(self.config)
        found: dict[str, Scalar] = {}
        for name in self.space.boundaries():
            strategy, _, field = name.rpartition(".")
            if strategy != config.strategy or name in known:
                continue
            for value in self.space.searched[name].values or ():
                args = config.strategy_args | {field: value}
                tried = config.model_copy(update={"strategy_args": args})
                if self.base.freezing(tried) == as_it_is:
                    found[name] = value
                    break
        return found
