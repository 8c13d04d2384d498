"""What a run says of itself beside its scores: what is odd, and what would make it clearer."""

import shlex
from collections.abc import Mapping, Sequence

from alignfreeze.config import BASELINE, build_config
from alignfreeze.evaluation.scores import TaskResult


def baseline_hint(
    command: str, options: Mapping[str, str], results: Sequence[TaskResult]
) -> list[str]:
    """How to get the baseline beside scores that have none; a line with the command to copy.

    Phases that are done are taken over. An encoder that was realigned before has its baseline in a
    run of its model.
    """
    if not results or any(result.strategy == BASELINE for result in results):
        return []
    if command == "evaluate":
        return [
            "no baseline beside it: alignfreeze run --strategy baseline, with the encoder's model "
            "and the options above, gives it"
        ]
    compared = dict.fromkeys([BASELINE, *build_config(options).compare])
    wanted = {**options, "compare": ",".join(compared)}
    given = [
        word
        for name, text in wanted.items()
        if text
        for word in (f"--{name.replace('_', '-')}", text)
    ]
    return [f"no baseline beside it: {shlex.join(['alignfreeze', command, *given])}"]
