"""The shared half of word aligners that use an encoder; torch waits until one is used."""

import functools
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from alignfreeze.base.paths import existing_folder
from alignfreeze.base.versions import ENCODING
from alignfreeze.contracts import Aligner, Bitext, RunModel
from alignfreeze.errors import ConfigError, EncoderError
from alignfreeze.messages import LONG, shown

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


LONGEST = 512
"""Subwords of the longest row that an encoder is tried with."""


class OpenEncoder(NamedTuple):
    """An encoder that is ready for use, and the index from 0 of the layer whose output counts."""

    encoder: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerBase"
    layer: int


class EncoderAligner(Aligner):
    """An aligner by an encoder's vectors.

    Attributes:
        model: The encoder, a folder or a name on the hub; where it is not given, the run's own.
        layer: The layer whose output counts, 0 the first and -1 the last; where it is not given,
            the one two thirds up (the eighth of twelve).
    """

    parallel: ClassVar[bool] = False  # an encoder uses all cores itself

    model: RunModel = ""
    layer: int | None = None

    def inputs(self, bitext: Bitext) -> tuple[Path, ...]:
        """The files of a model that is a folder; none for one from the hub.

        Raises:
            ConfigError: If no model is given.
        """
        if not self.model:
            raise ConfigError("the aligner's model must be a folder or a name on the hub, got ''")
        folder = existing_folder(self.model)
        return tuple(sorted(path for path in folder.glob("*") if path.is_file())) if folder else ()

    def identity(self) -> str:
        """The versions of the libraries that compute, and the commit of a model from the hub.

        Raises:
            EncoderError: If the model cannot be loaded, or the hub's cache does not say.
        """
        versions = " ".join(f"{name} {version(name)}" for name in ENCODING)
        if existing_folder(self.model):
            return versions
        # Private to transformers, and nowhere else.
        commit = _loaded(self.model, ())[0].config._commit_hash
        if commit is None:
            raise EncoderError(
                f"model {shown(self.model, LONG)}: the hub's cache does not say its revision"
            )
        return f"{versions} {commit}"

    def open(self, bitext: Bitext) -> OpenEncoder:
        """Load the encoder, or take the one that the last bitext was aligned with.

        Raises:
            ConfigError: If no model is given, or it has no such layer.
            EncoderError: If the model cannot be loaded, or does not work with its tokenizer.
        """
        from alignfreeze.encoders.families import layer_count
        from alignfreeze.encoders.stated import resolve_layers

        changes = [(path.name, path.stat()) for path in self.inputs(bitext)]
        stamps = tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in changes)
        encoder, tokenizer = _loaded(self.model, stamps)
        n_layers = layer_count(encoder)
        layer = max(n_layers * 2 // 3 - 1, 0) if self.layer is None else self.layer
        try:
            (layer,) = resolve_layers((layer,), n_layers)
        except EncoderError as error:
            raise ConfigError(f"the aligner's {error}") from None
        return OpenEncoder(encoder, tokenizer, layer)


@functools.lru_cache(maxsize=1)
def _loaded(model: str, stamps: tuple[tuple[str, int, int], ...]) -> tuple[Any, Any]:
    """The encoder and its tokenizer, kept for the next language, as long as its files stay."""
    from alignfreeze.encoders.loading import load_encoder, load_tokenizer, longest_input
    from alignfreeze.encoders.trial import check_forward, check_vocabulary

    encoder, tokenizer = load_encoder(model), load_tokenizer(model)
    check_vocabulary(encoder, tokenizer)
    longest = min(longest_input(encoder, tokenizer), LONGEST)
    check_forward(encoder, tokenizer, (0, -1), precision="fp32", longest=longest)
    return encoder, tokenizer
