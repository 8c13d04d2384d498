"""The names of tags and metrics in MLflow, made and read here alone."""

TAG = "alignfreeze."

CELL = "cell"
"""The tag that says which cell of a grid a run is."""

VERSION = "version"
"""The tag that says which version of this package a run is of."""

LIBRARIES = "libraries"
"""The tag that says the versions of what has computed a run: sorted, with commas between them."""

REALIGN_HASH = "realign_hash"
"""The tag that says which realignment made a run's encoder."""

REALIGN_RUN = "realign_run"
"""The tag that says in which run that was."""

CODE = "code"
"""The tag that says which code of this package: the hash of its files."""

STRATEGY_CODE = "strategy_code"
"""The tag that says which code of the strategy."""

TASK_CODE = "task_code"
"""The tag that says which code of the task."""

PARALLEL_HASH = "parallel_hash"
"""The tag that says what the files of the parallel text hold."""

MADE_FROM = "made_from"
"""The tag that says, for a person, how a model was realigned that is realigned again, or not."""

DATA_HASH = "data_hash"
"""The tag that says what the files of a task's examples hold."""

METRIC = "metric"
"""The tag that says what a task's scores are compared by."""

PROCESS = f"{TAG}process"

ERROR = f"{TAG}error"

PHASE_HASH = f"{TAG}phase_hash"
