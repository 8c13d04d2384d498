"""Everything that a run needs, found, read and checked before the first step is taken."""

import logging
from collections import defaultdict
from collections.abc import Sequence
from copy import copy
from functools import cached_property

from alignfreeze.base.digests import hash_of
from alignfreeze.base.paths import cache_root, existing_folder
from alignfreeze.base.versions import code_digest, library_versions, versions_text
from alignfreeze.config import RunConfig, model_name
from alignfreeze.data.bitexts import (
    bitext_digests,
    resolve_aligner,
)
from alignfreeze.data.finding import find_data, find_model
from alignfreeze.data.language_choice import LanguageChoice, told_choice
from alignfreeze.data.missing import TEXT
from alignfreeze.encoders.families import read_layer_count
from alignfreeze.encoders.freezing import FreezingSummary, check_strategy
from alignfreeze.encoders.loading import content_of, load_encoder, load_tokenizer
from alignfreeze.encoders.stated import LENGTHS, longest_of
from alignfreeze.encoders.trial import check_forward, check_vocabulary
from alignfreeze.evaluation.rehearsal import rehearse
from alignfreeze.evaluation.taskdata import TaskData
from alignfreeze.evaluation.tasks import covered_languages, create_tasks
from alignfreeze.realignment.pairs import EncodedPair
from alignfreeze.realignment.prefix_states import PrefixCache
from alignfreeze.runs.identity import material_of
from alignfreeze.runs.objectives import ObjectiveChoice, links_words, objective_choice
from alignfreeze.runs.parallel_text import NO_TEXT, languages_with_text, read_text
from alignfreeze.runs.provenance import Provenance, read_provenance
from alignfreeze.runs.realigned import RealignedEncoder
from alignfreeze.runs.strategies import (
    StrategyChoice,
    check_lengths,
    fitting,
    strategy_choices,
)
from alignfreeze.tracking.names import check_languages, check_metrics
from alignfreeze.training.devices import resolve_precision

logger = logging.getLogger(__name__)


class Preparation:
    """What a configuration asks for, found and checked.

    Args:
        config: The configuration.
        encoder: One that was realigned before: it is the configuration's model then, and is not
            realigned again.
        choices: Its strategies, those to compare with first, where they are made already.
        needs_tasks: False where nothing depends on labelled data; then none is read.

    Attributes:
        outline: The encoder without its weights: what there is to freeze.
        choice: How the languages to realign were chosen, where they were.

    Raises:
        AlignFreezeError: If anything that it names is missing, malformed or does not fit.
    """

    def __init__(
        self,
        config: RunConfig,
        encoder: RealignedEncoder | None = None,
        *,
        choices: Sequence[StrategyChoice] = (),
        needs_tasks: bool = True,
    ) -> None:
        self.config = config
        self.choice: LanguageChoice | None = None
        self._realigned = encoder
        # A wrong name is told of before anything is read.
        languages = (config.source_language, *config.languages, *config.realign_languages)
        check_languages(languages)
        tasks = create_tasks(config)
        self.source = find_data(config.data, max_pairs=config.pair_limit)
        self.model = find_model(config.model) if encoder is None else encoder.path
        self.n_layers = read_layer_count(self.model)
        if encoder is not None:
            choices = [encoder.choice()]
        choices = choices or strategy_choices(config, self.n_layers)
        self._objective = objective_choice(config) if encoder is None else None
        self.tokenizer = load_tokenizer(self.model, remove_marks=config.word_marks == "removed")
        loaded = load_encoder(self.model)
        self.model_identity = encoder.identity if encoder else content_of(self.model, loaded)
        self.made_from = "" if encoder else _tell_realigned(self.model)
        self.outline = loaded
        self.strategies = self.check_fit(config, choices)
        self._try_encoder()
        self.tasks = [
            TaskData(name, task, config, source=self.source, tokenizer=self.tokenizer)
            for name, task in (tasks.items() if needs_tasks else ())
        ]
        check_languages([*languages, *(code for data in self.tasks for code in data.targets)])
        self._try_tasks()
        # Without its weights, for other strategies to be checked against.
        self.outline = loaded.to_empty(device="meta")
        text = NO_TEXT
        if self._realigns or config.alignment_pairs:
            wanted = {language for data in self.tasks for language in data.targets}
            targets = covered_languages(tasks.values(), config, self.source)
            self.choice = told_choice(self.source, config, targets)
            chosen = self.choice and self.choice.languages
            with_text = chosen or languages_with_text(self.source, config, wanted)
            text = read_text(self.source, config, with_text, self.objective.objective)
        self.corpora, self.held_out, self.without_text = text
        self.encoded_pairs: dict[int, dict[tuple[int, int], EncodedPair]] = defaultdict(dict)
        self.prefixes = PrefixCache(config.prefix_memory, cache_root() / "prefixes")

    def varied(self, config: RunConfig) -> "Preparation":
        """What another configuration asks for; shares what does not depend on the difference."""
        if material_of(config) != material_of(self.config):
            return Preparation(config)
        other = copy(self)
        other.config = config
        if self._objective is not None:
            other._objective = objective_choice(config)
            if other.objective.objective.needs_links != self.objective.objective.needs_links:
                return Preparation(config)
        other.strategies = self.check_fit(config)
        # One that does not realign has read no parallel text.
        return Preparation(config) if other._realigns and not self.corpora else other

    @property
    def objective(self) -> ObjectiveChoice:
        """What realignment minimises; of an encoder that is not realigned again nothing is known.

        Raises:
            AssertionError: If it is asked for of such a one.
        """
        assert self._objective is not None, "it is not realigned"
        return self._objective

    @property
    def provenance(self) -> Provenance | None:
        """What made an encoder that was realigned before, where that is known."""
        return self._realigned.provenance if self._realigned else None

    @property
    def pretrained_identity(self) -> str | None:
        """What identifies the weights before any realignment; ``None`` if that is not known."""
        return self.provenance.model_identity if self.provenance else self.model_identity

    @property
    def read(self) -> dict[str, str]:
        """What was read, and by what: hashes, which are the same in all processes of a run."""
        found = {f"task {data.name}": hash_of(data.identity) for data in self.tasks}
        found |= {f"parallel text {c.target}": c.fingerprint for c in self.corpora}
        precision = resolve_precision(self.config.precision)
        return {"model": self.model_identity, "precision": precision, "code": code_digest()} | {
            "libraries": versions_text(library_versions()),
            **found,
        }

    @property
    def left_out(self) -> dict[str, str]:
        """The languages that the hub turned out to lack, by what they lack: a task, or text."""
        found = {data.name: data.missing for data in self.tasks} | {TEXT: self.without_text}
        return {what: ",".join(languages) for what, languages in found.items() if languages}

    @property
    def _realigns(self) -> bool:
        return any(choice.strategy.realigns for choice in self.strategies)

    def check_fit(
        self, config: RunConfig, choices: Sequence[StrategyChoice] = ()
    ) -> list[StrategyChoice]:
        """Check that a configuration's strategies, layers and lengths fit the encoder.

        Returns:
            The strategies, made if they are not yet, those to compare with first.

        Raises:
            ConfigError: If they do not.
        """
        choices = choices or strategy_choices(config, self.n_layers)
        check_lengths(config, LENGTHS, self.outline, self.tokenizer)
        return fitting(choices, config, self.outline)

    @property
    def aligner(self) -> str:
        """The aligner of the parallel text; as it was asked for where it is not one alone."""
        if not links_words(self.config, self.objective.objective):
            return self.config.aligner
        names = {resolve_aligner(self.config.aligner, corpus.bitext) for corpus in self.corpora}
        return names.pop() if len(names) == 1 else self.config.aligner

    @property
    def chosen_by(self) -> str | None:
        """How the languages to realign were chosen, such as ``diverse:8``; ``None`` if named."""
        return str(self.choice.subset) if self.choice else None

    @cached_property
    def parallel_hash(self) -> str:
        """What the files of the parallel text hold, whatever is made of them."""
        return hash_of([bitext_digests(corpus.bitext) for corpus in self.corpora])

    def _try_encoder(self) -> None:
        """Check that encoder and tokenizer belong together, and do what the run will ask of them.

        Raises:
            EncoderError: If they do not.
        """
        config = self.config
        check_vocabulary(self.outline, self.tokenizer)
        check_forward(
            self.outline,
            self.tokenizer,
            range(self.n_layers) if config.alignment_pairs else config.layer,
            precision=resolve_precision(config.precision),
            longest=max(longest_of(config, name) for name in LENGTHS),
        )

    def _try_tasks(self) -> None:
        """Check that each task can be evaluated, and its scores logged.

        Raises:
            PluginError: If not.
        """
        for data in self.tasks:
            metrics = rehearse(
                data,
                self.outline,
                self.model,
                padding=self.tokenizer.pad_token_id or 0,
                precision=resolve_precision(self.config.precision),
            )
            check_metrics(data.name, metrics)

    def freezing(self, config: RunConfig) -> FreezingSummary:
        """What a configuration's own strategy does to the encoder."""
        strategy = strategy_choices(config, self.n_layers)[-1].strategy
        return check_strategy(self.outline, strategy, name=config.strategy)


def prepared(
    config: RunConfig, kept: dict[str, Preparation], limit: int, base: Preparation | None = None
) -> Preparation:
    """The preparation of a configuration; shares all that it can with earlier ones, or else a base.

    Those that differ in their data are kept, up to a limit, the one that was used last at the end.

    Raises:
        AlignFreezeError: As for a new one.
    """
    links = links_words(config, objective_choice(config).objective)
    material = hash_of([material_of(config), links])
    known = kept.get(material, base)
    found = Preparation(config) if known is None else known.varied(config)
    kept.pop(material, None)
    kept[material] = found
    while len(kept) > limit:
        kept.pop(next(iter(kept)))
    return found


def _tell_realigned(model: str) -> str:
    """Say so if a model is an encoder that was realigned; how, empty if nothing says that."""
    folder = existing_folder(model)
    made = read_provenance(folder) if folder else None
    if made is None:
        return ""
    logger.warning(
        "model %s is %s; it counts as a model of its own here, called %r (evaluate takes it as "
        "encoder, and keeps what it is known by)",
        model,
        made,
        model_name(model),
    )
    return str(made)
