"""What goes wrong with tracking stores: how it is known, what it means, what to do."""

from typing import NamedTuple


class Fault(NamedTuple):
    """How something that MLflow raises is told.

    Attributes:
        sign: What is in its text, or that of what lies under it.
        reason: What that means; ``{0}`` is what the sign has found, or its first group.
        remedy: What to do; ``{uri}`` is the store's.
        lasting: False where it is the store's, not of what was asked: it may pass, or be mended.
    """

    sign: str
    reason: str
    remedy: str
    lasting: bool = True


_CREDENTIALS = (
    "for a server, MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD or MLFLOW_TRACKING_TOKEN "
    "must be right; for a database, what is in MLFLOW_TRACKING_URI"
)
_ADDRESS = "start it, or let MLFLOW_TRACKING_URI name another"
_WRITABLE = "let MLFLOW_TRACKING_URI name one that this user may write"

FAULTS = (
    Fault(
        r"No module named '?([\w.]+)",
        "its driver is not installed ({0})",
        "install it with pip: psycopg[binary], psycopg2-binary, mysqlclient, pymysql or pyodbc",
    ),
    Fault(
        r"unsupported URI|Could not parse SQLAlchemy URL|Can't load plugin|Invalid url"
        r"|No host supplied|Invalid database scheme|Invalid database URI|Failed to parse: ",
        "it is no address that MLflow knows",
        "MLFLOW_TRACKING_URI must be sqlite:///FILE, postgresql://…, mysql://…, mssql://… or the "
        "http(s):// address of a server",
    ),
    Fault(
        r"(?i)filesystem tracking backend|file ?store is deprecated",
        "it is a folder, which MLflow takes no more",
        "mlflow migrate-filestore puts its runs into a database, which MLFLOW_TRACKING_URI is to "
        "name; or set MLFLOW_ALLOW_FILE_STORE=true",
    ),
    Fault(
        r"Can't locate revision identified by 'v\d",
        "it is a storage of Optuna's",
        "let MLFLOW_TRACKING_URI name another database than --storage does",
    ),
    Fault(
        r"out-of-date database schema \((.*?)\)|Can't locate revision identified by (.*)",
        "its database is of another version of MLflow ({0})",
        "after a backup: mlflow db upgrade {uri}; if a newer MLflow has made it, update MLflow",
    ),
    Fault(
        r"file is not a database|database disk image is malformed|unsupported file format",
        "its file is no SQLite database, or damaged",
        "let MLFLOW_TRACKING_URI name another file, or put a copy in its place",
        lasting=False,
    ),
    Fault(
        r"database or disk is full|No space left on device|Disk quota exceeded",
        "the disk is full",
        "make room on it",
        lasting=False,
    ),
    Fault(
        r"database is locked|database table is locked",
        "another program keeps its database locked",
        "end that program, or use a server",
        lasting=False,
    ),
    Fault(r"readonly database|read-only", "it cannot be written", _WRITABLE, lasting=False),
    Fault(
        r"unable to open database file",
        "its file cannot be opened or made",
        _WRITABLE,
        lasting=False,
    ),
    Fault(
        r"Permission denied|Read-only file system", "it cannot be written ({0})", _WRITABLE, False
    ),
    Fault(
        r"password authentication failed|no password supplied|role \S+ does not exist"
        r"|error code 40[13]\b|\b40[13] Client Error|UNAUTHENTICATED|CUSTOMER_UNAUTHORIZED"
        r"|PERMISSION_DENIED|Access ?Denied|Unable to locate cred|credential configuration failed",
        "it refuses the credentials",
        _CREDENTIALS,
        lasting=False,
    ),
    Fault(
        r"(?i)(?:failed with error code |too many )((?:5\d\d|429)\b)|\b(5\d\d) Server Error"
        r"|\b(429) Client Error|\b(SlowDown|ServiceUnavailable)\b",
        "it answers with error {0}",
        "look into the server's log",
        lasting=False,
    ),
    Fault(
        r"valid JSON|JSONDecodeError|ParseError|<html|<!DOCTYPE|with error code 404",
        "what answers is no MLflow server",
        "MLFLOW_TRACKING_URI must be the address of one, with no login page before it",
        lasting=False,
    ),
    Fault(
        r"CERTIFICATE_VERIFY_FAILED|SSLError",
        "its certificate or protocol is not trusted",
        "see MLFLOW_TRACKING_SERVER_CERT_PATH, or http:// for https://",
    ),
    Fault(
        r"(?i)name or service not known|failed to resolve|could not translate host name"
        r"|name resolution",
        "there is no host of that name",
        "let MLFLOW_TRACKING_URI name another",
        lasting=False,
    ),
    Fault(
        r"due to lock timeout",
        "another process takes long to make its tables",
        "the same command again, once that one has ended",
        lasting=False,
    ),
    Fault(
        r"(?i)timed? ?out|timeout expired", "it does not answer in time", _ADDRESS, lasting=False
    ),
    Fault(r"(?i)connection refused", "nothing listens there", _ADDRESS, lasting=False),
    Fault(
        r"RemoteDisconnected|Connection reset|Connection aborted|IncompleteRead|ConnectionError"
        r"|server closed the connection|connection (?:failed|is closed)|ProtocolError"
        r"|Network is unreachable|No route to host|BadStatusLine|ChunkedEncodingError|SSL SYSCALL"
        r"|terminating connection",
        "the connection broke off",
        _ADDRESS,
        lasting=False,
    ),
    Fault(r"TEMPORARILY_UNAVAILABLE", "{full}", "look into its log", lasting=False),
    Fault(r"redirect", "it answers with a redirect", "let MLFLOW_TRACKING_URI name its target"),
    Fault(
        r"(?i)No Experiment with id=(\S+) exists|Could not find experiment with ID '?(\w+)",
        "there is no experiment {0}",
        "MLFLOW_EXPERIMENT_ID must be one of mlflow experiments search, or unset",
    ),
    Fault(
        r"(?i)Run with id=(\S+) not found|Run '(\w+)' not found",
        "there is no run {0}",
        "MLFLOW_RUN_ID must be a run of this store, or unset; MLFLOW_TRACKING_URI must name the "
        "store that it is in",
    ),
    Fault(
        r"(?i)(experiment \S+) must be in the 'active' state|already exists in deleted state"
        r"|(experiment .{1,80}?) (?:exists but )?is (?:in the )?deleted"
        r"|Cannot set a deleted (experiment)",
        "the experiment was deleted",
        "mlflow experiments restore --experiment-id ID brings it back; or give another in "
        "MLFLOW_EXPERIMENT_NAME",
    ),
    Fault(
        r"(?i)run (\S+) must be in the 'active' state"
        r"|run with ID (\S+) because it is in the deleted state",
        "run {0} was deleted",
        "mlflow runs restore --run-id ID brings it back; or unset MLFLOW_RUN_ID",
    ),
)
"""The first whose sign is found is what is told."""
