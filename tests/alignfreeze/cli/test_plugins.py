"""The list of plugins."""

import json

import pytest

from alignfreeze.cli import plugins
from alignfreeze.cli.main import main
from alignfreeze.contracts import registry
from alignfreeze.contracts.registry import PluginInfo


@pytest.fixture(autouse=True)
def _narrow(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


def test_plugins_are_listed_in_80_columns(capsys):
    main(["plugins"])
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    for name in ("front", "baseline", "pos", "ner", "dictionary", "pharaoh"):
        assert any(line.startswith(f"  {name} ") for line in lines)
    assert max(map(len, lines)) <= 80
    assert not any("languages:" in line for line in lines)


def test_the_languages_of_tasks_are_listed_if_asked(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    main(["plugins", "--verbose"])
    text = capsys.readouterr().out
    for count in (34, 12, 11):
        assert f" {count} languages: " in text


def test_what_is_broken_says_why_and_what_is_not_ours_where_it_is_from(capsys, monkeypatch):
    found = [
        PluginInfo("strategy", "good", "other 1.2", "Freezes.", ("every=2",)),
        PluginInfo("strategy", "bad", "another 3", problem="strategy 'bad' of another 3 is no"),
        PluginInfo("task", "own", f"{plugins.OURS}1", "Tags."),
    ]
    monkeypatch.setattr(registry, "catalogue", lambda: found)
    main(["plugins"])
    lines = [line.strip() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert lines == [
        "strategy",
        "good  Freezes.",
        "every=2",
        "from other 1.2",
        "bad   broken: strategy 'bad' of another 3 is no",
        "task",
        "own  Tags.",
    ]
    main(["plugins", "--json"])
    listed = json.loads(capsys.readouterr().out)["plugins"]
    assert [plugin["problem"] for plugin in listed] == [None, found[1].problem, None]
    assert listed[0]["fields"] == ["every=2"]
