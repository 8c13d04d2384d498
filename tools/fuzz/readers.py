"""The readers: each with a good file of every format, and what reads it."""

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from io import StringIO
from pathlib import Path
from random import Random

from alignfreeze.base.caching import check_sealed, seal
from alignfreeze.base.paths import cache_root
from alignfreeze.benchmark.settings import build_benchmark
from alignfreeze.config import RunConfig, build_config
from alignfreeze.contracts import DataSource
from alignfreeze.contracts.registry import STRATEGY, load_plugin
from alignfreeze.errors import DataError
from alignfreeze.evaluation.scores import Score, rows_from_csv, rows_to_csv
from alignfreeze.probing.scores import AlignmentScore, DriftScore
from alignfreeze.runs.provenance import (
    PROVENANCE_FILE,
    Provenance,
    read_provenance,
    write_provenance,
)
from alignfreeze.search.space_file import read_parameters
from alignfreeze.tracking.reference import read_rows
from tools.fuzz.mutations import mutated
from tools.fuzz.running import MOST_CHARACTERS, Input
from tools.fuzz.values import NASTY

LAYERS = 4


@dataclass
class FileReader:
    """What reads a folder of files.

    Attributes:
        files: A good form of each, by its path; those named in ``kept`` are never changed.
        reader: Reads the folder that they are in.
    """

    name: str
    files: Mapping[str, bytes]
    reader: Callable[[Path], object]
    folder: Path
    kept: frozenset[str] = frozenset()
    renames: bool = False

    def make(self, random: Random) -> dict[str, bytes]:
        """The files, one of them changed, or more; now and then one is missing."""
        given = dict(self.files)
        names = sorted(given.keys() - self.kept)
        for name in random.sample(names, k=min(len(names), random.choice((1, 1, 2)))):
            given[name] = mutated(given[name], name, random)
        if self.renames and random.random() < 0.3:
            given[_renamed(random.choice(names), random)] = given.pop(random.choice(names))
        elif len(given) > 1 and random.random() < 0.05:
            del given[random.choice(names)]
        return given

    def read(self, given: Input) -> None:
        """Lay the files, and read them."""
        for folder in (self.folder, cache_root()):
            shutil.rmtree(folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        for name, content in given.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        self.reader(self.folder)


def _renamed(name: str, random: Random) -> str:
    """The path of a file with another name of a part of it."""
    parts = name.split("/")
    part = re.sub(r"[\0/\ud800]|^\.{1,2}$", "_", random.choice(NASTY))[:60] or "_"
    at = random.randrange(len(parts))
    parts[at] = random.choice((part, f"{part}-{parts[at]}", f"{parts[at]}.{part}"))
    return "/".join(parts)


def data_readers(folder: Path) -> Iterator[FileReader]:
    """All formats of docs/data.md."""
    formats = import_module("tests.test_formats")
    for name, had in formats.FORMATS.items():
        files = {
            path: content if isinstance(content, bytes) else content.encode()
            for path, content in had.files.items()
        }

        def read(root: Path, kind: str = had.kind, args: Mapping[str, object] = had.args) -> None:
            if kind not in ("text", "links"):
                formats.create_plugin(formats.TASK, kind, dict(args)).languages_in(
                    DataSource("fuzz", root)
                )
            try:
                formats.read(kind, DataSource("fuzz", root), args)
            except (AssertionError, ValueError) as error:
                # The test itself expects the language, or the text, to be there.
                if "test_formats" not in _last_file(error):
                    raise
                raise DataError("no such data") from None

        yield FileReader(f"data: {name}", files, read, folder)


FOLDER = ("MUSE's dictionaries", "CoNLL-U", "WikiANN's own archives", "XNLI", "SQuAD 1.1", "TMX")
"""Formats of a folder that has something of everything."""


def folder_reader(folder: Path) -> FileReader:
    """``alignfreeze data check`` of a whole folder, and what it prints."""
    from alignfreeze.cli.terminal import PlainConsole
    from alignfreeze.datacheck.report import check_data
    from alignfreeze.datacheck.terminal import lines, tables

    def read(root: Path) -> None:
        config = RunConfig(data=str(root), model="demo")
        report = check_data(config, every_task=True, any_model=False)
        console = PlainConsole(file=StringIO(), width=100)
        for table in tables(report):
            console.print(table)
        for line in lines(report, verbose=True):
            assert "\n" not in line, f"several lines: {line}"
            assert len(line) < MOST_CHARACTERS, f"{len(line)} characters: {line[:80]}"
            console.print(line)

    formats = import_module("tests.test_formats").FORMATS
    found = {path: content for name in FOLDER for path, content in formats[name].files.items()}
    files = {path: c if isinstance(c, bytes) else c.encode() for path, c in found.items()}
    return FileReader("data check of a folder", files, read, folder, renames=True)


def _last_file(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else trace.tb_frame.f_code.co_filename


SPACE = """
temperature: {low: 0.05, high: 0.5, log: true}
boundary: {low: 1, high: 3, step: 2}
layer: [-1, "-1,-2"]
pair_limit: [null, 500]
aligner_args: [{a: 1}, "b=2"]
finetune_lr: 2e-5
"""

CONFIG = """
data: demo
task: [pos]
task_args: {pos.x: 1}
strategy: front
strategy_args: {boundary: 2}
languages: [de, fr]
temperature: 0.1
seed: 31
"""

GRID = """
data: demo
models: [demo]
strategies: [none, front]
tasks: [pos]
seeds: [31, 42]
temperature: 0.1
"""

REFERENCE = (
    "seed,model,task,method,realignment_steps,eval_same_accuracy,eval_de_accuracy,final_eval_de_f1\n"
    "31,bert-base-multilingual-cased,udpos,before_dico,24544,0.9,0.8,\n"
    "42,xlm-roberta-base,wikiann,baseline,,0.9,0.8,0.7\n"
)


def _space(folder: Path) -> None:
    file = folder / "space.yaml"
    plugins = {"strategy": {"front": load_plugin(STRATEGY, "front")}}
    try:
        text = file.read_text("utf-8")
    except UnicodeDecodeError:
        return  # its caller's
    read_parameters(text, str(file), RunConfig(strategy="front"), plugins, LAYERS)


def _reference(folder: Path) -> None:
    """Rows that are at fault are told of one by one."""
    faults = [row for row in read_rows(folder / "rows.csv", {}) if isinstance(row, DataError)]
    if faults:
        raise max(faults, key=lambda error: len(str(error)))


def table_readers(folder: Path) -> Iterator[FileReader]:
    """Configurations, tables of results, and what is kept beside encoders and in the cache."""

    def reader(name: str, file: str, content: str, read: Callable[[Path], object]) -> FileReader:
        return FileReader(name, {file: content.encode()}, read, folder)

    yield reader("config=", "x.yaml", CONFIG, lambda at: build_config({"config": f"{at}/x.yaml"}))
    yield reader("grid", "x.yaml", GRID, lambda at: build_benchmark({"config": f"{at}/x.yaml"}))
    yield reader("space=", "space.yaml", SPACE, _space)
    scores = [Score("de", "test", "f1", 0.25), Score("no", "validation", "accuracy", 1 / 3)]
    layers = [AlignmentScore("realigned", "de", 1, "weak", "forward", 0.5)]
    drift = [DriftScore("realigned", "de", 1, 0.5)]
    for name, text, kind in (
        ("results.csv", rows_to_csv(scores, Score), Score),
        ("alignment.csv", rows_to_csv(layers, AlignmentScore), AlignmentScore),
        ("drift.csv", rows_to_csv(drift, DriftScore), DriftScore),
    ):
        yield reader(name, "x.csv", text, partial(_rows, kind))
    yield reader("reference results", "rows.csv", REFERENCE, _reference)
    yield _provenance(folder)
    yield _sealed(folder)


def _rows(kind: type, folder: Path) -> None:
    rows_from_csv(folder / "x.csv", kind)


def _provenance(folder: Path) -> FileReader:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}", "utf-8")
    options = RunConfig(strategy="front", strategy_args={"boundary": 2}, languages=("de",))
    made = Provenance(options=options, usual=True, said={"boundary": 2}, identity="a1", run_id="b2")
    write_provenance(folder, made)
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    return FileReader(PROVENANCE_FILE, files, read_provenance, folder, frozenset({"config.json"}))


def _sealed(folder: Path) -> FileReader:
    """A shard of the cache, or a checkpoint: what says which files it has."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ("rows.arrow", "progress.json"):
        (folder / name).write_text(name, "utf-8")
    seal(folder)
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    return FileReader("cache, checkpoint", files, lambda at: check_sealed(at, "it"), folder)


def model_reader(folder: Path) -> FileReader:
    """A model's folder: its configuration, its tokenizer, its weights."""
    from alignfreeze.encoders.loading import load_encoder, load_tokenizer

    demo = Path(str(import_module("alignfreeze.data.demo").__path__[0])) / "encoder"
    files = {path.name: path.read_bytes() for path in demo.iterdir()}

    def read(at: Path) -> None:
        load_tokenizer(str(at))
        load_encoder(str(at))

    return FileReader("model folder", files, read, folder)
