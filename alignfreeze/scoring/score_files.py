"""Scores of the sentence pairs of a text, written to a file: in bounded memory, restartable."""

import json
import logging
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import alignfreeze
from alignfreeze.alignment.cleaning import count_pairs, text_pairs
from alignfreeze.alignment.shards import shard_ranges
from alignfreeze.base.caching import building, found_whole
from alignfreeze.base.digests import file_digest, folder_digest, hash_of
from alignfreeze.base.progress import progress_bar
from alignfreeze.base.versions import ENCODING
from alignfreeze.contracts import Bitext
from alignfreeze.scoring.neighbourhood import Neighbourhood, chunks
from alignfreeze.scoring.sentence_vectors import SentenceReader
from alignfreeze.training.devices import precision_of

if TYPE_CHECKING:
    from tqdm import tqdm

logger = logging.getLogger(__name__)

CODE = ("scoring/*.py", "text/*.py", "encoders/*.py")
"""The files of this package that have a part in the scores of a text."""

SCORES = "scores"
"""The file of scores of a part, and of a whole text, in the folder of either."""

COUNTS = "counts.json"


@dataclass(frozen=True)
class ScoreCounts:
    """What became of the sentence pairs of a text.

    Attributes:
        pairs: Those that were scored.
        cut: Those with a side that is longer than what was read of it.
        at_zero: Those that have the score 0, which stands for a side without text too.
    """

    pairs: int = 0
    cut: int = 0
    at_zero: int = 0

    def __add__(self, other: "ScoreCounts") -> "ScoreCounts":
        return ScoreCounts(
            self.pairs + other.pairs, self.cut + other.cut, self.at_zero + other.at_zero
        )

    def __str__(self) -> str:
        """One line for a log."""
        return (
            f"{self.pairs:,} sentence pairs scored, {self.cut:,} with a side that was cut, "
            f"{self.at_zero:,} with the score 0"
        )

    @classmethod
    def read(cls, folder: Path) -> "ScoreCounts":
        """Those of a part, or of a whole text, in its folder.

        Raises:
            OSError: If they cannot be read.
        """
        return cls(**json.loads((folder / COUNTS).read_text("utf-8")))

    def write(self, folder: Path) -> None:
        """Write what `read` reads."""
        (folder / COUNTS).write_text(json.dumps(asdict(self)), "utf-8")


@dataclass(frozen=True, eq=False)
class ScoreJob:
    """A text whose sentence pairs are to be scored.

    Attributes:
        bitext: The text.
        reader: Makes vectors of sentences.
        model: Identifies the encoder's weights.
        neighbours: How many nearest neighbours count.
        sample: Among how many pairs they are looked for.
    """

    bitext: Bitext
    reader: SentenceReader
    model: str
    neighbours: int
    sample: int

    @property
    def name(self) -> str:
        """The language pair."""
        return f"{self.bitext.source}-{self.bitext.target}"

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of everything that the scores depend on, in hexadecimal.

        Raises:
            DataError: If a text cannot be read.
        """
        texts = self.bitext.source_file, self.bitext.target_file
        return hash_of(
            {
                "code": folder_digest(Path(alignfreeze.__file__).parent, *CODE),
                "libraries": [[name, version(name)] for name in ENCODING],
                "texts": [file_digest(path) for path in texts],
                "model": self.model,
                "layers": self.reader.layers,
                "max_length": self.reader.max_length,
                "precision": precision_of(self.reader.accelerator),
                "neighbours": [self.neighbours, self.sample],
            }
        )

    def folder(self, cache: Path) -> Path:
        """Where a cache keeps the result."""
        return cache / "scores" / f"{self.name}-{self.fingerprint}"

    def build(self, folder: Path) -> ScoreCounts:
        """Write all scores into a folder, unless they are there already.

        A text is done in parts, which stay in a folder beside it until all are there, so that one
        that was ended goes on with those that are missing.

        Raises:
            DataError: If the texts are malformed.
            EncoderError: If the encoder gives vectors that are not finite.
        """
        if not found_whole(folder, "what was scored before"):
            parts, work = self._parts(folder)
            with building(folder) as temporary:
                with (temporary / SCORES).open("wb") as whole:
                    for part in parts:
                        whole.write((part / SCORES).read_bytes())
                sum(map(ScoreCounts.read, parts), ScoreCounts()).write(temporary)
            shutil.rmtree(work, ignore_errors=True)
        return ScoreCounts.read(folder)

    def _parts(self, folder: Path) -> tuple[Sequence[Path], Path]:
        """Score the parts that are missing; the folders of all, in order, and what they lie in."""
        n_pairs = count_pairs(self.bitext)
        ranges = shard_ranges(n_pairs)
        work = folder.with_name(f".{folder.name}-shards-{len(ranges)}")
        folders = [work / f"{number:05d}" for number in range(len(ranges))]
        missing = [
            (part, lines)
            for part, lines in zip(folders, ranges, strict=True)
            if not found_whole(part, "what an earlier run scored")
        ]
        if not missing:
            return folders, work
        done = n_pairs - sum(len(lines) for _, lines in missing)
        if done:
            logger.info("%s: %d of %d pairs were scored before", self.name, done, n_pairs)
        with self.reader.ready():
            neighbourhood = self._neighbourhood(n_pairs)
            with self._bar("score", done, n_pairs) as bar:
                for part, lines in missing:
                    self._score(part, lines, neighbourhood, bar)
        return folders, work

    def _bar(self, what: str, done: int, total: int) -> "tqdm[None]":
        name = f"{what} {self.name}"
        return progress_bar((), name, " pairs", shown=True, initial=done, total=total)

    def _neighbourhood(self, n_pairs: int) -> Neighbourhood:
        with self._bar("neighbours", 0, min(n_pairs, self.sample)) as bar:
            return Neighbourhood.of(
                self.bitext, n_pairs, self.sample, reader=self.reader, advance=bar.update
            )

    def _score(
        self, folder: Path, lines: range, neighbourhood: Neighbourhood, bar: "tqdm[None]"
    ) -> None:
        """Score a part, into its folder."""
        counts = ScoreCounts()
        with building(folder) as temporary:
            with (temporary / SCORES).open("w", encoding="ascii", newline="\n") as file:
                for pairs in chunks(text_pairs(self.bitext, lines)):
                    scores, cut = neighbourhood.scored(pairs, self.reader, self.neighbours)
                    file.writelines(f"{score:.6f}\n" for score in scores.tolist())
                    zeros = int((scores == 0).sum())
                    counts += ScoreCounts(len(pairs), int(cut.sum()), zeros)
                    bar.update(len(pairs))
            counts.write(temporary)
