"""The command that makes a plugin, and what it says."""

import pytest

from alignfreeze.cli.main import main
from alignfreeze.cli.plugin import Kind
from alignfreeze.contracts.registry import KINDS


def test_the_kinds_are_those_of_the_registry():
    assert [kind.value for kind in Kind] == [kind.noun for kind in KINDS]


def test_the_files_and_what_to_do_next_are_told(tmp_path, capsys):
    main(["plugin", "new", "mine", "--kind", "aligner", "--output", str(tmp_path / "there")])
    lines = capsys.readouterr().out.splitlines()
    folder = tmp_path / "there" / "alignfreeze-mine"
    assert f"{folder}/alignfreeze_mine/aligner.py" in lines
    assert lines[-4:] == [
        f"  cd {folder}",
        "  pip install -e '.[test]'",
        "  pytest",
        "  alignfreeze plugins",
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["front", "--kind", "strategy"], 1, "there is a strategy of that name, of alignfreeze "),
        (["Mine", "--kind", "task"], 1, "a plugin's name must begin with a lower-case letter"),
        (
            ["mine", "--kind", "metric"],
            2,
            "--kind': 'metric' is not one of 'strategy', 'task', 'aligner'",
        ),
        (["mine"], 2, "Missing option '--kind'"),
        (["mine", "--kind", "task", "--output", "~nobody-at-all/x"], 1, "output must be a path"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(arguments, code, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=str(code)):
        main(["plugin", "new", *arguments])
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not list(tmp_path.iterdir())
