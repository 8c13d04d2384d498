"""Storages of Optuna's: made by one process of several, and in no other program's database."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import mlflow
import optuna
import pytest
from sqlalchemy import create_engine, inspect

from alignfreeze.errors import ConfigError
from alignfreeze.workers.storage import open_storage

MAKERS = 4


def test_several_make_one_at_once(own_database):
    at_once = Barrier(MAKERS)

    def make(number):
        at_once.wait()
        with open_storage(own_database, 30) as storage:
            optuna.create_study(study_name=f"study-{number}", storage=storage)

    with ThreadPoolExecutor(MAKERS) as makers:
        list(makers.map(make, range(MAKERS)))
    with open_storage(own_database, 30) as storage:
        assert len(optuna.get_all_study_names(storage)) == MAKERS


def test_the_tracking_store_is_none(tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.setattr(mlflow, "get_tracking_uri", lambda: url)
    with (
        pytest.raises(ConfigError, match=r"mlflow\.db: the tracking store is in it; storage must"),
        open_storage(url, 30),
    ):
        pass
    assert not list(tmp_path.iterdir()), "nothing was made"


def test_another_tracking_store_is_none(mlflow_store, tmp_path):
    file = tmp_path / "copy.db"
    shutil.copy(mlflow_store.removeprefix("sqlite:///"), file)
    with (
        pytest.raises(ConfigError, match=r"copy\.db: another program's tables are in it; storage"),
        open_storage(f"sqlite:///{file}", 30),
    ):
        pass
    engine = create_engine(f"sqlite:///{file}")
    assert "studies" not in inspect(engine).get_table_names()
    engine.dispose()


def test_one_of_another_version_is_told(tmp_path):
    url = f"sqlite:///{tmp_path / 'optuna.db'}"
    with open_storage(url, 30) as storage, storage.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'v99.0.0.a'")
    with (
        pytest.raises(ConfigError, match=r"storage .*optuna\.db: The runtime optuna version"),
        open_storage(url, 30),
    ):
        pass
