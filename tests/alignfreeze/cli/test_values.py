"""Whatever is given to any option of any command: one line, not the whole value, no traceback."""

import pytest

from alignfreeze.cli.checks import CHECKS
from alignfreeze.cli.main import OPTIONS, main
from alignfreeze.errors import AlignFreezeError

VALUES = {
    "long": "a" * 200_000,
    "long name": "a" * 300,
    "lines": "a\nb",
    "NUL": "\0",
    "half a character": "\udcff",
    "braces": "{" * 5000,
    "named braces": "a=" + "[" * 5000,
    "alias": "a=&x [*x]",
    "digits": "1" * 5000,
    "named digits": "a=" + "1" * 5000,
    "many": "1" * 300,
    "no number": "nan",
    "endless": "-inf",
    "beyond": "1e400",
    "beyond float32": "1e300",
    "next to nothing": "1e-300",
    "upwards": "../../..",
    "nobody": "~nobody-at-all/x",
    "blank": " ",
    "brackets": "[",
    "comma": ",",
}

GIVEN = {"evaluate": {"encoder": "x"}}


@pytest.fixture
def elsewhere(monkeypatch, tmp_path):
    """What is checked of options before anything is done, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ALIGNFREEZE_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("command", OPTIONS)
@pytest.mark.usefixtures("elsewhere")
def test_any_value_of_any_option(command, kind):
    for option in OPTIONS[command]:
        try:
            CHECKS[command](
                ({"encoder": "x"} if command == "evaluate" else {}) | {option: VALUES[kind]}
            )
        except AlignFreezeError as error:
            said = str(error)
            assert said.isprintable(), option
            assert len(said) < 1000, option


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--temperature=1e-300", "temperature must be >= 0.0001, got '1e-300'"),
        ("--temperature=1e300", "temperature must be <= 10000, got '1e300'"),
        ("--realign-lr=1e300", "realign_lr must be <= 1e+38, got '1e300'"),
        ("--finetune-lr=1e-300", "finetune_lr must be >= 1e-12, got '1e-300'"),
        ("--realign-batch-size=1000000000000000000", "realign_batch_size must be <= 65536, got"),
        ("--realign-steps=1000000000000000000", "realign_steps must be <= 1000000000, got"),
        ("--finetune-epochs=1e300", "finetune_epochs must be <= 1000000, got '1e300'"),
        ("--model=\0", "model must not have the character U+0000, got '\\x00'"),
        ("--model=" + "a" * 5000, "model must have at most 4096 characters, got 'aaa"),
        ("--config=~nobody-at-all/x", "config must be a path, got '~nobody-at-all/x'"),
        ("--config=" + "a" * 300, "File name too long"),
        ("--strategy-args={\"a\": 1, \"a\": 2}", "an object must not have a key twice, got 'a'"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("elsewhere")
def test_a_value_that_no_run_can_have(option, message, capsys):
    with pytest.raises(SystemExit, match="1"):
        main(["run", option])
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("command", ["search-worker", "benchmark-worker"])
@pytest.mark.usefixtures("elsewhere")
def test_any_storage_of_a_worker(command, kind, capsys, tmp_path):
    for storage in (VALUES[kind], f"sqlite:///{tmp_path}/{VALUES[kind]}"):
        with pytest.raises(SystemExit) as ended:
            main([command, "--study", "s", "--storage", storage])
        assert ended.value.code in (1, 2)
        (line,) = capsys.readouterr().err.splitlines()
        assert len(line) < 2100
