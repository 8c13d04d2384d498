"""Fixtures that tests of several folders share."""

import gc
import json
import logging
import os
import shutil
import signal
import string
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import settings
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from alignfreeze import PACKAGES, credentials
from alignfreeze.base.caching import building
from alignfreeze.cli.main import COLLECT_AFTER
from alignfreeze.contracts import DataSource
from alignfreeze.data.finding import find_data
from alignfreeze.tracking import unlogged

gc.set_threshold(COLLECT_AFTER)
# They would tell their makers.
os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "RAY_USAGE_STATS_ENABLED": "0"}

settings.register_profile("alignfreeze", database=None, deadline=None, derandomize=True)
settings.load_profile("alignfreeze")

# A shell's background job ignores Ctrl-C, and so would the programs that tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

PROCESSES = ("test_processes", "test_notebooks")
"""Modules whose tests wait for processes that they start."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let long tests come first: as the last one, one of two workers would wait for the other."""
    items.sort(key=lambda item: item.path.stem not in PROCESSES)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Let what is there not be looked through for garbage after each training (0.2 s)."""
    gc.freeze()


SUITE = Path(__file__).resolve().parents[2] / "shared" / "suite"

Write = Callable[[str, str], Path]


@pytest.fixture(autouse=True)
def log_levels() -> Iterator[None]:
    """Undoes what the command line sets, or the order of tests would matter."""
    levels = {name: logging.getLogger(name).level for name in PACKAGES}
    records = logging.getLogRecordFactory()
    yield
    logging.setLogRecordFactory(records)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture(autouse=True)
def process_as_it_was() -> Iterator[None]:
    """Undoes what else a test leaves in its process, or the order of tests would matter.

    The environment as a whole: what a test sets by one patch within another, and the other is
    undone first, is set again by the first. Passwords that are hidden from now on, and journals
    that are yet to be complained of.
    """
    environment, secrets = dict(os.environ), set(credentials._known)
    yield
    for name in os.environ.keys() - environment.keys():
        del os.environ[name]
    os.environ |= environment
    credentials._known.intersection_update(secrets)
    unlogged._begun.clear()


@pytest.fixture
def on_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests whose tensors or numbers are a CPU's: there is no GPU, for children neither."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)  # asked by torch.random.fork_rng
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda *_, **__: None)


@pytest.fixture(scope="session")
def suite() -> DataSource:
    """The evaluation suite beside the checkout."""
    if not SUITE.is_dir():
        pytest.skip("no evaluation suite beside the checkout")
    return DataSource(name="suite", root=SUITE)


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerBase:
    """A WordPiece tokenizer that makes each letter a subword, and of control characters nothing."""
    letters = string.ascii_letters + string.digits + string.punctuation
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *letters, *(f"##{letter}" for letter in letters)]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    backend = Tokenizer(models.WordPiece(vocab=vocabulary, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    )


@pytest.fixture(scope="session")
def sentencepiece() -> PreTrainedTokenizerBase:
    """A unigram tokenizer as of XLM-R: to ``猫`` and ``犬`` it puts a word's mark of its own."""
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    pieces = [*special, "▁", "▁he", "▁a", "llo", "猫", "犬", "en"]
    scores = [(piece, -1.0 - number / 10) for number, piece in enumerate(pieces)]
    backend = Tokenizer(models.Unigram(scores, unk_id=3, byte_fallback=False))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="<pad>", unk_token="<unk>", cls_token="<s>"
    )


KEPT_ROWS = {"train": 60, "dev": 12, "test": 12}
KEPT_PAIRS = 120


def _cut(file: Path) -> None:
    """Leave the first rows of a file of the demo."""
    text = file.read_text("utf-8")
    n_rows = KEPT_ROWS.get(file.stem, KEPT_PAIRS)
    if file.suffix == ".json":
        content = json.loads(text)
        del content["data"][0]["paragraphs"][n_rows // 4 :]
        text = json.dumps(content, ensure_ascii=False)
    else:  # sentences of several lines have an empty one between them
        end = "\n\n" if "\n\n" in text.rstrip("\n") and file.stem in KEPT_ROWS else "\n"
        text = end.join([*text.split(end)[:n_rows], ""])
    file.write_text(text, "utf-8")


@pytest.fixture(scope="session")
def small_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache whose demo has few sentences: most tests of whole runs need no more."""
    cache = tmp_path_factory.mktemp("small-cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALIGNFREEZE_CACHE", str(cache))
        whole = find_data("demo").root
        corpus = tmp_path_factory.mktemp("demo") / "corpus"
        whole.rename(corpus)
        for file in corpus.rglob("*.*"):
            if file.parent.name != "dictionaries":
                _cut(file)
        with building(whole) as empty:
            shutil.copytree(corpus, empty, dirs_exist_ok=True)
    return cache


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a text to a path below ``tmp_path``, byte for byte."""

    def write_text(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        return path

    return write_text


@pytest.fixture
def source(tmp_path: Path) -> DataSource:
    """A data folder that `write` fills."""
    return DataSource(name="test", root=tmp_path)
