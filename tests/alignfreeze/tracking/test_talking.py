import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import mlflow
import pytest
from optuna.storages import RDBStorage

from alignfreeze.cli.main import main
from alignfreeze.errors import ConfigError, TrackingError
from alignfreeze.tracking import talking
from alignfreeze.tracking.runs import tracked_run
from alignfreeze.tracking.store import contact, stored_runs


class Stub(ThreadingHTTPServer):
    """A server that gives everybody the same answer."""

    daemon_threads = True
    status, kind, body = 200, "application/json", "{}"

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.over = threading.Event()


class Answer(BaseHTTPRequestHandler):
    server: Stub

    def do_POST(self) -> None:
        if self.server.status == 0:  # hangs
            self.server.over.wait(60)
        if self.server.status <= 0:
            self.close_connection = True
            return
        body = self.server.body.encode()
        self.send_response(self.server.status)
        self.send_header("Content-Type", self.server.kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST  # noqa: N815

    def log_message(self, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch):
    """Makes this process's store one by its URI."""
    for name in ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_EXPERIMENT_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    before = set(talking._met)

    def set_uri(uri: object) -> str:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", str(uri))
        mlflow.set_tracking_uri(str(uri))
        return str(uri)

    yield set_uri
    mlflow.set_tracking_uri(None)
    talking._met.clear()
    talking._met.update(before)


@pytest.fixture
def stub(at) -> Iterator[Stub]:
    """The store is this server."""
    with Stub() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        at(f"http://user:hunter2@127.0.0.1:{server.server_port}")
        yield server
        server.over.set()
        server.shutdown()


def refusal() -> str:
    """What is told of the store when a run is to be opened."""
    with pytest.raises(TrackingError) as caught, tracked_run("run"):
        pytest.fail("it was opened")
    line = str(caught.value)
    assert "\n" not in line
    assert "hunter2" not in line
    return line


HTML = "text/html", "<!DOCTYPE html><title>Log in</title>"


@pytest.mark.parametrize(
    ("status", "kind", "body", "told"),
    [
        (401, *HTML, "it refuses the credentials; for a server, MLFLOW_TRACKING_USERNAME"),
        (
            401,
            "application/json",
            '{"error_code": "UNAUTHENTICATED"}',
            "it refuses the credentials",
        ),
        (403, "text/plain", "no", "it refuses the credentials"),
        (403, "application/json", '{"error_code": "PERMISSION_DENIED"}', "it refuses the cred"),
        (404, *HTML, "what answers is no MLflow server; MLFLOW_TRACKING_URI must be the address"),
        (200, *HTML, "what answers is no MLflow server"),
        (200, "application/json", '{"experiments": 3}', "what answers is no MLflow server"),
        (200, "application/json", "[1]", "what answers is no MLflow server"),
        (429, "text/plain", "slow", "it answers with error 429; look into the server's log"),
        (500, "text/plain", "sorry", "it answers with error 500; look into the server's log"),
        (502, *HTML, "it answers with error 502"),
        (503, "application/json", "{}", "it answers with error 503"),
        (-1, "", "", "the connection broke off; start it, or let MLFLOW_TRACKING_URI name"),
        (0, "", "", "it does not answer in time; start it"),
    ],
)
def test_what_a_server_answers_is_one_line(stub, monkeypatch, status, kind, body, told):
    monkeypatch.setitem(talking._AT_FIRST, "MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    stub.status, stub.kind, stub.body = status, kind, body
    line = refusal()
    place = f"tracking store http://user:***@127.0.0.1:{stub.server_port} cannot "
    assert line.startswith(place)
    assert told in line


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        (
            "sqlit:///a.db",
            "it is no address that MLflow knows; MLFLOW_TRACKING_URI must be sqlite:",
        ),
        ("sqlite+nothing:///a.db", "it is no address that MLflow knows"),
        ("http://", "cannot be used: "),
        ("http://127.0.0.1:1", "nothing listens there; start it, or let MLFLOW_TRACKING_URI name"),
        ("http://nowhere.invalid", "there is no host of that name"),
        ("postgresql+psycopg://u:hunter2@127.0.0.1:1/db", "nothing listens there"),
        ("mysql+nodriver://u:hunter2@h/db", "it is no address that MLflow knows"),
        (
            "mssql+pyodbc://u:hunter2@h/db",
            "its driver is not installed (pyodbc); install it with pip",
        ),
        ("{folder}", "it is a folder, which MLflow takes no more; mlflow migrate-filestore"),
        ("file://{folder}", "it is a folder, which MLflow takes no more"),
        ("sqlite:///{folder}", "its file cannot be opened or made; let MLFLOW_TRACKING_URI name"),
        ("sqlite:///{text}", "its file is no SQLite database, or damaged; let MLFLOW_TRACKING_URI"),
        (
            "sqlite:///{storage}",
            "it is a storage of Optuna's; let MLFLOW_TRACKING_URI name another database than",
        ),
    ],
)
def test_what_is_no_store_is_one_line(at, tmp_path, uri, told):
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("no database " * 99)
    storage = tmp_path / "optuna.db"
    if "{storage}" in uri:
        RDBStorage(f"sqlite:///{storage}").engine.dispose()
    at(uri.format(folder=tmp_path / "folder", text=tmp_path / "text", storage=storage))
    assert told in refusal()


@pytest.fixture
def database(mlflow_store, at, tmp_path):
    """A store of its own."""
    file = tmp_path / "own.db"
    with (
        closing(sqlite3.connect(mlflow_store.removeprefix("sqlite:///"))) as store,
        closing(sqlite3.connect(file)) as own,
    ):
        store.backup(own)
    at(f"sqlite:///{file}")
    return file


def test_a_schema_of_another_version_is_told_with_the_remedy(database):
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("update alembic_version set version_num = 'abc'")
        connection.commit()
    line = refusal()
    assert "its database is of another version of MLflow (found version abc, but expected" in line
    assert f"mlflow db upgrade sqlite:///{database}; if a newer MLflow has made it, update" in line


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("MLFLOW_EXPERIMENT_ID", "4711", "there is no experiment 4711; MLFLOW_EXPERIMENT_ID must"),
        (
            "MLFLOW_EXPERIMENT_ID",
            "{deleted}",
            "the experiment was deleted; mlflow experiments rest",
        ),
        (
            "MLFLOW_EXPERIMENT_NAME",
            "gone",
            "the experiment was deleted; mlflow experiments restore",
        ),
        ("MLFLOW_RUN_ID", "f" * 32, f"there is no run {'f' * 32}; MLFLOW_RUN_ID must be a run of"),
        ("MLFLOW_RUN_ID", "{run}", "run {run} was deleted; mlflow runs restore --run-id ID"),
    ],
)
def test_what_the_environment_names_must_be_there(database, monkeypatch, variable, value, told):
    client = mlflow.MlflowClient()
    deleted = client.create_experiment("gone")
    client.delete_experiment(deleted)
    run = client.create_run("0").info.run_id
    client.delete_run(run)
    monkeypatch.setenv(variable, value.format(deleted=deleted, run=run))
    assert told.format(run=run) in refusal()


def test_a_condition_is_blamed_only_for_what_is_wrong_with_it(stub, database, at):
    at(f"http://127.0.0.1:{stub.server_port}")
    stub.kind, stub.body = HTML
    with pytest.raises(TrackingError, match="what answers is no MLflow server"):
        stored_runs((), "params.`cfg.seed` = '1'")
    at(f"sqlite:///{database}")
    with pytest.raises(ConfigError, match="where must be a condition on runs, got 'nonsense': "):
        stored_runs((), "nonsense")


def test_what_the_user_has_set_stays(stub, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_JITTER", "0")
    answered = []
    monkeypatch.setattr(Answer, "log_message", lambda *args: answered.append(args))
    stub.status = 500
    refusal()
    assert len(answered) == 2


def test_a_local_store_that_is_yet_to_be_made_is_not_made_by_a_look(at, tmp_path):
    at(f"sqlite:///{tmp_path / 'new.db'}")
    contact()
    assert not (tmp_path / "new.db").exists()


@pytest.mark.parametrize(
    "command",
    [
        "run",
        "realign",
        "evaluate --encoder 1",
        "search --trials 1",
        "benchmark --preset demo --dry-run",
        "benchmark --preset demo",
        "report",
        "import-results {file} --experiment new",
    ],
)
def test_every_command_tells_a_store_that_is_away(at, tmp_path, monkeypatch, capsys, command):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("alignfreeze.benchmark.coordinator.cells_of", lambda grid: pytest.fail("!"))
    (tmp_path / "a.csv").write_text("seed\n")
    at("http://127.0.0.1:1")
    with pytest.raises(SystemExit) as caught:
        main(command.format(file="a.csv").split())
    assert caught.value.code == 1
    told = capsys.readouterr().err.strip().split("\n")
    assert told == [
        "alignfreeze: tracking store http://127.0.0.1:1 cannot be used: nothing listens there; "
        "start it, or let MLFLOW_TRACKING_URI name another"
    ]
