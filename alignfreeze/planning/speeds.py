"""How long phases take, by the runs that the tracking store holds."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from statistics import median
from typing import Literal, NamedTuple

from alignfreeze.config import RunConfig
from alignfreeze.tracking.names import FINETUNE_STEPS, GONE_ON_FROM, ON_WAY_OF
from alignfreeze.tracking.store import StoredRun

PhaseKind = Literal["realign", "finetune"]

_DATA_DECIDES = ("data", "finetune_epochs", "finetune_batch_size", "accumulation")
"""What decides with the task how many steps a fine-tuning takes that is not told."""


class Speeds:
    """Seconds per optimizer step in some runs, by model and what was trained.

    Evaluation and measurements after a phase are in them, so that they hold for phases of a
    like length: those of the length that is nearest count.
    """

    def __init__(self, runs: Iterable[StoredRun]) -> None:
        self._seconds: dict[tuple[str, ...], list[tuple[int, float]]] = defaultdict(list)
        self._steps: dict[tuple[str, ...], int] = {}
        for run in runs:
            if run.status != "FINISHED" or run.seconds is None:
                continue
            model, task = run.tags.get("model", ""), run.tags["task"]
            when = _within(run.params.get("realign_when", ""))
            for phase, within, about in (
                ("realign", "", run.tags["strategy"]),
                ("finetune", when, task),
            ):
                steps = run.params.get(f"{phase}_steps", "")
                # What was left on the way of another took no time of its own, and what has gone on
                # from another not all of it.
                shared = run.tags.keys() & {ON_WAY_OF, GONE_ON_FROM}
                own = run.name.startswith(phase) and not shared
                if own and steps.isdigit():
                    took = int(steps), run.seconds / int(steps)
                    self._seconds[phase, model, within, about].append(took)
                    self._seconds[phase, model, within].append(took)
            if FINETUNE_STEPS in run.metrics:
                known_by = (task, *(run.params.get(name, "") for name in _DATA_DECIDES))
                self._steps[known_by] = int(run.metrics[FINETUNE_STEPS])

    def finetune_steps(self, config: RunConfig, task: str) -> int | None:
        """Optimizer steps of fine-tuning on a task: as given, or as the same data took before."""
        params = (str(getattr(config, name)) for name in _DATA_DECIDES)
        return config.finetune_steps or self._steps.get((task, *params))

    def seconds(self, config: RunConfig, phase: PhaseKind, task: str) -> float | None:
        """Seconds of a phase, with its evaluation; ``None`` if nothing like it is known.

        A fine-tuning that realigns as well takes as long as such ones have, or both together.

        Args:
            config: With the strategy that realigns.
            phase: Which phase.
            task: The task that is fine-tuned on, which may decide how long realignment takes too.
        """
        steps, about, within = self.finetune_steps(config, task), task, _within(config.realign_when)
        if phase == "realign":
            steps, about, within = config.realign_steps or steps, config.strategy, ""
        like = phase, config.model, within
        found = self._seconds.get((*like, about)) or self._seconds.get(like)
        if within and not found:
            plain = self.seconds(config.model_copy(update={"realign_when": "before"}), phase, task)
            realigning = self.seconds(config, "realign", task)
            return None if plain is None or realigning is None else plain + realigning
        if steps is None or not found:
            return None
        nearest = min((length for length, _ in found), key=lambda n: abs(math.log(n / steps)))
        return median(each for length, each in found if length == nearest) * steps


def _within(realign_when: str) -> str:
    """When a fine-tuning realigns as well, given the option; empty: not at all."""
    return realign_when.replace("before", "").lstrip("+")


class Estimate(NamedTuple):
    """How long something takes: what, for a person, and its seconds; ``None`` if not known."""

    what: str
    seconds: float | None


def time_lines(estimates: Sequence[Estimate], at_once: int, by: str = "") -> list[str]:
    """How long it all takes, and what that leaves out; lines for a person.

    Args:
        estimates: Of each part.
        at_once: How many are done at a time.
        by: By how many of what it is done, for a person; empty where that is plain.
    """
    seconds = sum(found.seconds for found in estimates if found.seconds is not None)
    unknown = dict.fromkeys(found.what for found in estimates if found.seconds is None)
    lines = []
    if seconds:
        lines.append(f"about {time_text(seconds / at_once)} (h:mm:ss){by}, as measured before")
    if unknown and not seconds:
        lines.append("no estimate: the store has no finished run that is like these")
    elif unknown:
        lines.append(f"not measured yet, so not in it: {', '.join(unknown)}")
    return lines


def time_text(seconds: float) -> str:
    """Seconds for a person: ``0:01:24``."""
    return str(timedelta(seconds=math.ceil(seconds)))
