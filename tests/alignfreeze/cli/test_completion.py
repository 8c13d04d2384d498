"""What shells offer, and how they are told to ask."""

import os
import subprocess
import sys

import pytest

from alignfreeze.cli.main import COMPLETING, app


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("plu", ["plugins", "plugin"]),
        ("run --stra", ["--strategy", "--strategy-args"]),
        ("run --strategy fr", ["front"]),
        ("run --task pos,ne", ["pos,ner"]),
        ("benchmark --strategies baseline,fr", ["baseline,front"]),
        ("run --precision b", ["bf16"]),
        ("evaluate --preset demo-", ["demo-all"]),
        ("run --aligner au", ["auto"]),
        ("run --model an", []),
    ],
)
def test_a_shell_is_offered_what_may_come_next(line, offered, monkeypatch, capsys):
    words = ["alignfreeze", *line.split()]
    monkeypatch.setenv(COMPLETING, "complete_bash")
    monkeypatch.setenv("COMP_WORDS", " ".join(words))
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    with pytest.raises(SystemExit) as ended:
        app(prog_name="alignfreeze")
    assert not ended.value.code
    assert capsys.readouterr().out.split() == offered


@pytest.mark.parametrize(
    ("shell", "file"),
    [
        ("bash", ".bash_completions/alignfreeze.sh"),
        ("zsh", ".zfunc/_alignfreeze"),
        ("fish", ".config/fish/completions/alignfreeze.fish"),
    ],
)
def test_completion_is_installed(shell, file, tmp_path):
    code = "import sys; sys.argv[0] = 'alignfreeze'; from alignfreeze.cli.main import main; main()"
    environment = {"HOME": str(tmp_path), "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code, "--install-completion", shell],
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    assert COMPLETING in (tmp_path / file).read_text("utf-8")
