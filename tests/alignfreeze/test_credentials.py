"""No password reaches what is shown or kept, whatever the form of what it is in."""

import json
import logging
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import mlflow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignfreeze import credentials
from alignfreeze.base.logs import collected_lines, make_logs_safe
from alignfreeze.cli.main import main
from alignfreeze.credentials import STORAGE_VARIABLE, hide, without_passwords
from alignfreeze.errors import AlignFreezeError, ConfigError, DataError, one_line
from alignfreeze.messages import shortened, shown
from alignfreeze.tracking.runs import tracked_run
from alignfreeze.workers.coordinator import storage_url
from alignfreeze.workers.settings import WorkersConfig

SECRET = "hunter2Zq"
ODD = "hu@nt:er/2#?%41Zq 'ü\"&"


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "_known", set())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"postgresql://u:{SECRET}@h/db", "postgresql://u:***@h/db"),
        (f"postgresql:/u:{SECRET}@h/db", "postgresql:/u:***@h/db"),
        (f"postgresql:///u:{SECRET}@h/db", "postgresql:///u:***@h/db"),
        (f"POSTGRESQL+psycopg2://u:{SECRET}%40x@h", "POSTGRESQL+psycopg2://u:***@h"),
        (f"postgresql//u:{SECRET}@h/db", "postgresql//u:***@h/db"),
        (f"mysql://u:a@b:c/d#e?f g{SECRET}@h/db", "mysql://u:***@h/db"),
        (f"u:{SECRET}@h", "u:***@h"),
        (f"'storage: u:a@{SECRET}@h', no", "'storage: u:***@h', no"),
        (f"at http://me:{SECRET}@server:5000/x", "at http://me:***@server:5000/x"),
        (f"at https://{SECRET}@server", "at https://***@server"),
        (f"postgresql://h/db?user=u&password={SECRET}&x=1", "postgresql://h/db?user=u&password=***&x=1"),
        (f"postgresql://h/db?sslpassword={SECRET}", "postgresql://h/db?sslpassword=***"),
        (f"http://h/?a=1&token={SECRET}&b=2", "http://h/?a=1&token=***&b=2"),
        (f"http://h/?api_key={SECRET}", "http://h/?api_key=***"),
        (f"host=h user=u password={SECRET} port=1", "host=h user=u password=*** port=1"),
        (f"host=h password='it\\'s {SECRET}' port=1", "host=h password=*** port=1"),
        (f"MLFLOW_TRACKING_TOKEN={SECRET} mlflow ui", "MLFLOW_TRACKING_TOKEN=*** mlflow ui"),
        (f"Authorization: Bearer {SECRET}", "Authorization: Bearer ***"),
        (f"{{'password': '{SECRET}', 'x': 1}}", "{'password': \"***\", 'x': 1}"),
        (f"user: me\npassword: {SECRET}\n", "user: me\npassword: '***'\n"),
        ("no hf_" + "aB3" * 11, "no ***"),
        ("dapi" + "0a" * 16, "***"),
        (f"storage 'postgresql://u:{SECRET}'…", "storage 'postgresql://u:***…"),
        (f"http://a:{SECRET}@h and mysql://u:{SECRET}@k", "http://a:***@h and mysql://u:***@k"),
    ],
)  # fmt: skip
def test_what_is_secret_is_found_by_what_is_around_it(text: str, expected: str) -> None:
    assert without_passwords(text) == expected
    assert without_passwords(expected) == expected


@pytest.mark.parametrize(
    "text",
    [
        "12:30@work",
        "layer:3",
        "me@x.org, mailto:me@x.org",
        "git@github.com:me/x.git",
        "path/with:colon@dir",
        "sqlite:////home/a:b@c/optuna.db",
        "file:///home/a:b@c/mlruns",
        "see http://localhost:5000/#/experiments/1, or write to me@x.org",
        "http://[::1]:5000/x",
        "org/model@main: must be a name",
        "pad_token=[PAD], unk_token=<unk>",
        "a.txt:12: a token: 3 @ 4",
        "the storage: no password supplied, password authentication failed for user 'u'",
        "hf_hub_download hf_transfer",
        "tokens: 5\nmean:\n  password",
        "token=Hund, max_new_token=4, loss_per_token=0.125, EOS_TOKEN=</s>, PAD_TOKEN=[PAD]",
        '{"token": "Donaudampfschifffahrt", "tag": "NOUN"}',
        "sig=0.05, token = 12",
        "https://huggingface.co/org/model@main, models:/xlm@champion, s3://bucket/a@b",
        "作者:zhang@example.cn, 模型:数据@版本; le mot de passe : « l'été »",
    ],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    hide(*text.split())  # the command line's arguments are
    assert without_passwords(text) == text
    assert credentials._known == set()


@pytest.mark.parametrize("name", ["user:model@v2", "de:accuracy@5", "C:a b:model@v2"])
def test_names_are_kept_as_they_are(name: str) -> None:
    hide(f"--model={name}", name)
    assert without_passwords(f"{name},model", words=False) == f"{name},model"
    assert without_passwords("the model v2 of a user") == "the model v2 of a user"


PIECES = [*"@/h ='…\\\n", "u:", "pw9Zq", "://", "//", "http", "postgresql", "***", "password"]
PIECES += ["token", '"', ": ", "localhost:5000", "sqlite:", "Bearer ", "%3D"]


@settings(derandomize=True)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join), st.booleans())
def test_twice_is_the_same_as_once(text: str, words: bool) -> None:
    credentials._known.clear()
    once = without_passwords(text, words=words)
    assert without_passwords(once, words=words) == once


@pytest.mark.parametrize("much", ["a:", "://", "x", "password=", "a@", "http://a:", "token='", "-"])
def test_it_takes_long_texts(much: str) -> None:
    without_passwords(much * (200_000 // len(much)) + "@")


CHARACTERS = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\u2028\u2029")
PASSWORDS = st.text(CHARACTERS, min_size=4, max_size=24).filter(lambda s: len(s.strip()) >= 4)
NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{2,8}", fullmatch=True)
URLS = [
    "{scheme}://{user}:{password}@{host}/db",
    "{scheme}:/{user}:{password}@{host}/db?x=1",
    "{scheme}+psycopg2://{user}:{password}@{host}",
    "{SCHEME}://:{password}@{host}:5432/db",
    "http://{user}:{password}@{host}:5000/",
    "{scheme}://{host}/db?password={password}",
    "host={host} password='{password}' user={user}",
]


@given(st.sampled_from(URLS), NAMES, PASSWORDS, NAMES, st.sampled_from(["raw", "quoted"]))
def test_a_known_secret_never_shows(
    form: str, user: str, password: str, host: str, how: str
) -> None:
    credentials._known.clear()
    written = quote(password, safe="") if how == "quoted" else password
    if form.endswith("'{password}' user={user}"):
        written = written.replace("\\", "").replace("'", "")
    elif "?password" in form and how == "raw":
        written = re.sub(r"[\s&'\"]", "", written)
    if len(written) < credentials.LEAST or written in form:
        return
    parts = {"user": user, "password": written, "host": host}
    url = form.format(scheme="postgresql", SCHEME="POSTGRESQL", **parts)
    hide(url)
    texts = [
        url,
        f"storage {url!r}: no",
        json.dumps({"storage": url}),
        f"FATAL: {written}",
        f"at {url} for {password}",
        str(AlignFreezeError(f"storage {url}: {url!r}")),
        str(DataError(f"got {shown(url)} {url}", file=Path("x"), line=3)),
        shown({"storage": url}),
        shown([url] * 3),
        shortened(url, 30),
        one_line(OSError(2, url)),
    ]
    least = max(written.split(), key=len, default="")
    for text in texts:
        hidden = without_passwords(text)
        for secret in {written, repr(written)[1:-1]} if len(least) >= credentials.LEAST else ():
            around = form.format(scheme="", SCHEME="", user=user, password="", host=host)
            assert secret in around or secret not in hidden, (text, hidden)


@given(NAMES, st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=4, max_size=20))
def test_an_unknown_password_of_a_url_never_shows(user: str, password: str) -> None:
    credentials._known.clear()
    password = f"{password}Zq9"
    for url in (f"postgresql://{user}:{password}@h/db", f"Mysql:/{user}:{password}@h"):
        for text in (str(AlignFreezeError(f"storage {url}: no")), shown(url), shortened(url, 40)):
            assert "***" in text
            assert password not in text


def test_secrets_of_the_environment_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", ODD)
    monkeypatch.setenv("HF_TOKEN", SECRET)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:other-one@server")
    said = f"{ODD}, {quote(ODD)}, {ODD!r}, {json.dumps(ODD)}: {SECRET} other-one"
    assert without_passwords(said) == "***, ***, '***', \"***\": *** ***".replace("'", repr(ODD)[0])


def test_words_of_the_environment_are_no_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, word in {"RELEASE_TOKEN": "main", "CI_SECRET": "demo", "AN_API_KEY": "1234"}.items():
        monkeypatch.setenv(name, word)
    monkeypatch.setenv("POSTGRES_PASSWORD", "postgres")
    assert without_passwords("main, demo, 1234, postgres") == "main, demo, 1234, ***"


def test_a_word_is_hidden_where_it_is_a_word() -> None:
    hide("postgresql://me:postgres@h/db", "mysql://me:2024@h/db")
    assert without_passwords("postgresql://h: postgres, 'postgres'") == "postgresql://h: ***, '***'"
    assert without_passwords("2024-01-31, 0.2024, 2024: no") == "2024-01-31, 0.2024, ***: no"


@pytest.mark.parametrize("word", ["test", "demo", "0.25", "1234", "ab12"])
def test_what_is_read_again_keeps_its_words(word: str) -> None:
    hide(f"postgresql://me:{word}@h/db")
    kept = "language,split,value\nde,test,0.25\nno,demo,0.12345\nfab12,0ab12c\n"
    assert without_passwords(kept, words=False) == kept
    at = f"postgresql://me:{word}@h/db"
    assert without_passwords(at, words=False) == "postgresql://me:***@h/db"
    assert without_passwords(f"FATAL: {word}") == "FATAL: ***"


def test_no_log_has_a_password(caplog: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(logging, "_logRecordFactory", logging.getLogRecordFactory())
    make_logs_safe()
    url = f"postgresql://u:{SECRET}@h"
    logger = logging.getLogger("library.pool")
    with caplog.at_level(logging.INFO), collected_lines() as lines:
        logger.warning("no %s in %d", url, 3)
        try:
            raise OSError(url)
        except OSError:
            logger.exception("lost")
        logger.info("%d is kept", 3)
        logger.info("a \x1b[31mred\x1b[0m\nname")
    assert SECRET not in caplog.text + str(list(lines))
    assert "no postgresql://u:***@h in 3" in caplog.text
    assert "OSError: postgresql://u:***@h" in caplog.text
    assert "a \\x1b[31mred\\x1b[0m\nname" in caplog.text
    assert [r.args for r in caplog.records] == [(), (), (3,), ()]


def test_no_run_has_a_password(experiment: str, tmp_path: Path, monkeypatch: Any) -> None:
    url = f"postgresql:/u:{ODD}@h/db"
    hide(url)
    tags = {"mlflow.source.git.repoURL": f"https://{SECRET}@host/x.git"}
    monkeypatch.setattr("alignfreeze.tracking.opening._tags_of_all", lambda: tags)
    with suppress(OSError), tracked_run("x") as run:
        run.params({"storage": url})
        run.tags({"storage": f"{ODD} of {url}"})
        run.text(f"storage: {url!r}\n", "x")
        raise OSError(url)
    found = mlflow.get_run(str(run.run_id))
    assert found.data.params == {"cfg.storage": "postgresql:/u:***@h/db"}
    assert found.data.tags["alignfreeze.error"] == "OSError: postgresql:/u:***@h/db"
    assert found.data.tags["mlflow.source.git.repoURL"] == "https://***@host/x.git"
    assert "hu@nt" not in str(found.data.to_dictionary())
    (file,) = [path for path in tmp_path.rglob("x") if path.is_file()]
    assert "u:***@h" in file.read_text("utf-8")
    assert "hu@nt" not in file.read_text("utf-8")


def test_a_password_that_mlflow_run_has_logged_is_refused(monkeypatch: Any) -> None:
    monkeypatch.setenv(STORAGE_VARIABLE, f"postgresql://u:{SECRET}@h/db")
    assert storage_url(WorkersConfig()) == f"postgresql://u:{SECRET}@h/db"
    settings = WorkersConfig(storage=f"postgresql://u:{SECRET}@h/db")
    assert storage_url(settings) == settings.storage
    monkeypatch.setenv("MLFLOW_RUN_ID", "abc")
    assert storage_url(WorkersConfig(storage="sqlite:///x.db")) == "sqlite:///x.db"
    with pytest.raises(ConfigError, match=r"variable ALIGNFREEZE_SEARCH_STORAGE .* the run abc"):
        storage_url(settings)


def test_no_command_says_a_password(experiment: str, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setattr(sys, "argv", ["alignfreeze"])
    for options in (["--trials", "1", "--verbose"], ["--trials", "x"], [f"--x=a:{SECRET}@b"]):
        with pytest.raises(SystemExit) as ended:
            main(["search", "--storage", f"Postgresql:/u:{SECRET}@h/db?{ODD}", *options])
        said = capsys.readouterr()
        assert ended.value.code in (1, 2)
        assert said.err.splitlines()[-1].startswith("alignfreeze: ")
        assert SECRET not in said.err + said.out
    for run in mlflow.search_runs([experiment], output_format="list"):
        assert SECRET not in str(run.to_dictionary())
