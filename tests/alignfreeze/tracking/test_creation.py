"""Tracking stores and experiments that several processes make at once."""

from uuid import uuid4

import mlflow
import pytest
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from alignfreeze.base import databases
from alignfreeze.errors import TrackingError
from alignfreeze.tracking.creation import being_made, experiment_id
from alignfreeze.tracking.store import contact

LOCKS = """
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def test_one_in_postgresql_is_made_under_a_lock(own_database, monkeypatch):
    monkeypatch.setattr(mlflow, "get_tracking_uri", lambda: own_database)
    engine = create_engine(own_database, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        with being_made():
            assert connection.exec_driver_sql(LOCKS).scalar() == 1
        assert connection.exec_driver_sql(LOCKS).scalar() == 0


def test_one_that_another_process_takes_long_to_make_is_told(own_database, monkeypatch):
    monkeypatch.setattr(mlflow, "get_tracking_uri", lambda: own_database)
    monkeypatch.setattr(databases, "MAKING_SECONDS", 1)
    with (
        being_made(),
        pytest.raises(TrackingError, match="another process takes long to make its tables; the"),
    ):
        contact()


@pytest.fixture
def another_makes_it(experiment, monkeypatch):
    """An experiment's name: it is made by another process just after it was looked for."""
    name, look = uuid4().hex, MlflowClient.get_experiment_by_name
    made = []

    def look_before(client, asked):
        found = look(client, asked)
        if not made:
            made.append(mlflow.create_experiment(asked))
        return found

    monkeypatch.setattr(MlflowClient, "get_experiment_by_name", look_before)
    return name


def test_an_experiment_that_another_makes_at_once_is_found(another_makes_it):
    made = experiment_id(another_makes_it, {"mlflow.note.content": "about it"})
    assert mlflow.get_experiment(made).name == another_makes_it
    assert experiment_id(another_makes_it) == made


def test_an_experiment_that_cannot_be_made_is_told(experiment):
    with pytest.raises(MlflowException, match="name"):
        experiment_id("")
