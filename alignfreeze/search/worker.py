"""A worker: takes trials from a study's queues until there are none left."""

from functools import partial

from alignfreeze.base.signals import signals_as_exceptions
from alignfreeze.errors import ConfigError
from alignfreeze.messages import shown
from alignfreeze.search import trials
from alignfreeze.search.context import TrialContext
from alignfreeze.search.study import SPACE, find_study
from alignfreeze.tracking import store
from alignfreeze.workers.storage import FINISHED
from alignfreeze.workers.worker import work_until_finished


def join(name: str, url: str, *, data: str = "", model: str = "") -> int:
    """Work on a study that is being searched, until it is done; how many trials were done here.

    Args:
        name: Its name.
        url: Optuna's storage.
        data: Where its data is on this machine, if elsewhere.
        model: Where its model is on this machine, if elsewhere.

    Raises:
        AlignFreezeError: If there is no such study, or data, model or code are others here.
        Interrupted: When a signal asked the process to end; the trial in hand is given back.
    """
    with (
        signals_as_exceptions("what it had in hand was given back"),
        find_study(name, url) as study,
    ):
        store.require_run(study.run_id)
        here = {option: value for option, value in {"data": data, "model": model}.items() if value}
        config = study.config.model_copy(update=here)
        context = TrialContext(config, study.settings, study.known(SPACE) or None)
        if others := study.begun_with(context.identity):
            raise ConfigError(f"study {shown(name)} was begun with {others} than this worker has")
        queues = [
            (study.baseline, partial(trials.run_baseline, study, context)),
            (study.trials, partial(trials.run_trial, study, context)),
            (study.final, partial(trials.run_test, study, context)),
        ]
        return work_until_finished(lambda: bool(study.known(FINISHED)), queues)
