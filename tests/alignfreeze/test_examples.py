"""What docstrings and documents show is what is run, and what comes of it."""

import doctest
import inspect
import io
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

import alignfreeze

CORE = Path(alignfreeze.__file__).parent
ROOT = CORE.parent

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def modules_with_examples() -> list[str]:
    """The modules of the core whose docstrings hold examples."""
    files = [path for path in sorted(CORE.rglob("*.py")) if ">>> " in path.read_text("utf-8")]
    parts = [path.relative_to(ROOT).with_suffix("").parts for path in files]
    return [".".join(own).removesuffix(".__init__") for own in parts]


@pytest.fixture
def place(cache, experiment, tmp_path, monkeypatch):
    """Where examples are run: small data, a store of their own, an empty folder."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)


@pytest.mark.parametrize("name", modules_with_examples())
def test_the_examples_of_a_module_are_true(name, place, capsys):
    result = doctest.testmod(import_module(name), optionflags=FLAGS)
    assert result.attempted
    assert not result.failed, capsys.readouterr().out


@pytest.mark.parametrize("name", sorted({*alignfreeze.__all__} - {"__version__"}))
def test_what_is_public_is_documented(name):
    public = getattr(alignfreeze, name)
    assert public.__doc__
    assert not public.__doc__.startswith(f"{name}(")  # what a dataclass has by itself


def test_every_public_function_has_an_example():
    found = {name: getattr(alignfreeze, name) for name in alignfreeze.__all__}
    functions = {name: value for name, value in found.items() if inspect.isfunction(value)}
    assert {"realign", "frozen", "contrastive_alignment_loss", "run_search"} <= functions.keys()
    for name, function in functions.items():
        assert "Example:\n    >>> " in inspect.getdoc(function), name


def blocks(page: Path) -> list[tuple[str, str]]:
    """The blocks of Python of a page, each with the text that stands right below it, if any."""
    tokens = MarkdownIt().parse(page.read_text("utf-8"))
    found = []
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "fence" and token.info == "python":
            shown = following is not None and following.type == "fence" and following.info == "text"
            found.append((token.content, following.content if shown else ""))
    return found


@pytest.mark.parametrize("page", ["python.md"])
def test_a_page_shows_what_comes_of_its_code(page, place):
    names = {"__name__": "__main__"}
    pairs = blocks(ROOT / "docs" / page)
    assert pairs
    for code, wanted in pairs:
        said = io.StringIO()
        with redirect_stdout(said):
            exec(compile(code, page, "exec"), names)
        found = said.getvalue()
        assert doctest.OutputChecker().check_output(wanted, found, FLAGS), f"{code}\n{found}"
