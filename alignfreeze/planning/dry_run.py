"""Dry runs: everything is found, read and checked as for a run, then told in place of done."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from alignfreeze.base.signals import signals_as_exceptions
from alignfreeze.config import RunConfig, build_config, merged_options
from alignfreeze.errors import ConfigError
from alignfreeze.evaluation.taskdata import TaskData
from alignfreeze.messages import shown
from alignfreeze.planning.memory import finetuning_memory, realignment_memory
from alignfreeze.planning.plan import PlannedPhase, RunPlan
from alignfreeze.planning.speeds import Speeds
from alignfreeze.runs.phases import Phases
from alignfreeze.runs.pipeline import common_realign_steps, without_encoder
from alignfreeze.runs.preparation import Preparation
from alignfreeze.runs.realigned import RealignedEncoder, find_encoder, with_provenance
from alignfreeze.runs.strategies import StrategyChoice
from alignfreeze.tracking import location, names, store
from alignfreeze.tracking.runs import TrackedRun, given_run
from alignfreeze.training.devices import make_accelerator, resolve_precision


def plan_run(options: Mapping[str, str]) -> RunPlan:
    """What `pipeline.run` would do with some options.

    Raises:
        AlignFreezeError: As the run would before its first step.
        Interrupted: When a signal asked the process to end.
    """
    with _dry(), _planner(without_encoder(build_config(options))) as planner:
        return planner.plan(planner.all_phases())


def plan_realign(options: Mapping[str, str]) -> RunPlan:
    """What `pipeline.realign_only` would do; raises as `plan_run`."""
    with _dry():
        config = without_encoder(build_config(options)).model_copy(update={"compare": ()})
        needs_tasks = not (config.realign_steps and config.realign_languages)
        with _planner(config, needs_tasks=needs_tasks) as planner:
            choice = planner.phases.preparation.strategies[-1]
            if not choice.strategy.realigns:
                raise ConfigError(f"strategy must be one that realigns, got {shown(choice.name)}")
            steps = common_realign_steps(planner.phases)
            return planner.plan([planner.realignment(choice, steps)])


def plan_evaluate(options: Mapping[str, str]) -> RunPlan:
    """What `pipeline.evaluate_only` would do; raises as `plan_run`."""
    with _dry(), tempfile.TemporaryDirectory(prefix="alignfreeze-") as copies:
        asked = build_config(options)
        encoder = find_encoder(asked.encoder, Path(copies))
        config = with_provenance(encoder, asked, merged_options(options).keys())
        with _planner(config, encoder) as planner:
            return planner.plan(planner.all_phases())


PLANS: Mapping[str, Callable[[Mapping[str, str]], RunPlan]] = {
    "run": plan_run,
    "realign": plan_realign,
    "evaluate": plan_evaluate,
}
"""What plans a command, by its name."""


@contextmanager
def _dry() -> Iterator[None]:
    """Opens no run; one that `mlflow run` has opened is ended, with the reason if it fails."""
    with signals_as_exceptions("nothing was begun"), given_run("alignfreeze dry run"):
        store.contact()
        yield


@contextmanager
def _planner(
    config: RunConfig, encoder: RealignedEncoder | None = None, *, needs_tasks: bool = True
) -> Iterator["_Planner"]:
    # To ask a local store that is yet to be made would make it.
    config = config if location.has_store() else config.model_copy(update={"reuse": False})
    accelerator = make_accelerator(resolve_precision(config.precision))
    preparation = Preparation(config, encoder, needs_tasks=needs_tasks)
    with tempfile.TemporaryDirectory(prefix="alignfreeze-") as folder:
        yield _Planner(Phases(preparation, accelerator, TrackedRun(None), Path(folder)))


def with_those_on_the_way(planned: list[PlannedPhase]) -> list[PlannedPhase]:
    """Phases, and of each strategy's realignments to do all but the longest on the way of that."""
    most: dict[str, int] = {}
    for phase in planned:
        if phase.name == names.REALIGN_RUN_NAME and phase.taken_over is None:
            most[phase.strategy] = max(phase.steps, most.get(phase.strategy, 0))
    return [
        replace(phase, on_way=True)
        if phase.name == names.REALIGN_RUN_NAME
        and phase.taken_over is None
        and phase.steps < most[phase.strategy]
        else phase
        for phase in planned
    ]


class _Planner:
    """Asks phases what they would do; nothing is trained, and nothing written."""

    def __init__(self, phases: Phases) -> None:
        self.phases = phases
        self._preparation = phases.preparation
        self._half = phases.accelerator.mixed_precision == "bf16"
        known = store.stored_runs(()) if location.has_store() else ()
        self._speeds = Speeds(known)

    def plan(self, planned: list[PlannedPhase]) -> RunPlan:
        """A plan of some phases, with the sizes of the data that was read for them."""
        accelerator = self.phases.accelerator
        device = f"{accelerator.device.type}, {'bf16' if self._half else 'fp32'}"
        return RunPlan(planned, self._sizes(), device)

    def all_phases(self) -> list[PlannedPhase]:
        """Every strategy on every task; each realignment once, as it would be done."""
        planned: dict[str, PlannedPhase] = {}
        for choice in self._preparation.strategies:
            for data in self._preparation.tasks:
                encoder = self.phases.pretrained()
                if self.phases.realigns(choice, "before"):
                    steps = self.phases.realign_steps(data)
                    identity = self.phases.realign_identity(choice, steps)
                    encoder = RealignedEncoder("", identity)
                    if identity not in planned:
                        planned[identity] = self.realignment(choice, steps, data.name)
                key = self.phases.finetune_identity(encoder, choice, data)
                planned[key] = self._finetuning(encoder, choice, data)
        return with_those_on_the_way(list(planned.values()))

    def realignment(self, choice: StrategyChoice, steps: int, task: str = "") -> PlannedPhase:
        """A realignment, for as many steps as given."""
        config = self.phases.applied(choice, steps)
        identity = self.phases.realign_identity(choice, steps)
        find = partial(self.phases.finished_encoder, identity, choice)
        found = self.phases.on_main(find)
        return PlannedPhase(
            strategy=choice.name,
            name=names.REALIGN_RUN_NAME,
            steps=steps,
            batch=_pairs(config),
            taken_over=found.run_id if found else None,
            memory=self._realignment_memory(choice, config),
            seconds=self._speeds.seconds(config, "realign", task),
        )

    def _finetuning(
        self, encoder: RealignedEncoder, choice: StrategyChoice, data: TaskData
    ) -> PlannedPhase:
        preparation, steps = self._preparation, self.phases.finetune_steps(data)
        config = choice.applied_to(self.phases.config).model_copy(update={"finetune_steps": steps})
        found = self.phases.finished_finetuning(encoder, choice, data)
        longest = max(len(feature.input_ids) for feature in data.training_features)
        batch = f"{config.finetune_batch_size} × {longest}"
        memory = finetuning_memory(
            preparation.model,
            data.task,
            data.training_features,
            config,
            padding=preparation.tokenizer.pad_token_id or 0,
            half=self._half,
        )
        if self.phases.realigns_within(choice):
            # Batches of both come one after the other; in a step of both, all is trained.
            freezes = self.phases.realigns(choice, "after")
            also = self._realignment_memory(choice if freezes else None, config)
            batch, memory = f"{batch}, {_pairs(config)}", max(memory, also)
        return PlannedPhase(
            strategy=choice.name,
            name=names.FINETUNE_RUN_NAME + data.name,
            steps=steps,
            batch=batch,
            taken_over=found[0].run_id if found else None,
            memory=memory,
            seconds=self._speeds.seconds(config, "finetune", data.name),
        )

    def _realignment_memory(self, choice: StrategyChoice | None, config: RunConfig) -> int:
        made = self._preparation
        objective = made.objective.objective
        return realignment_memory(made.outline, choice, objective, config, half=self._half)

    def _sizes(self) -> list[str]:
        """What was read, a line each: tasks, parallel text, pairs that are held out."""
        source = self.phases.config.source_language
        lines = []
        for data in self._preparation.tasks:
            count = data.example_count(self.phases.scope.splits)
            targets = f"{source} and {len(data.targets)} target language(s)"
            lines.append(
                f"{data.name}: {len(data.training_features):,} rows to train on in {source}, "
                f"{count:,} examples to evaluate on in {targets}: {' '.join(data.targets)}"
            )
        kinds = (
            ("parallel text", self._preparation.corpora),
            ("held out to measure alignment", self._preparation.held_out),
        )
        for what, corpora in kinds:
            pairs = {corpus.target: len(corpus) for corpus in corpora}
            if pairs:
                each = ", ".join(f"{language} {count:,}" for language, count in pairs.items())
                lines.append(f"{what}: {sum(pairs.values()):,} sentence pairs: {each}")
        return lines


def _pairs(config: RunConfig) -> str:
    """The sentence pairs of a batch, and the subwords of a side, for a person."""
    return f"{config.realign_batch_size} × {config.realign_max_length}"
