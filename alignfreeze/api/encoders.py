"""Encoders that users have in memory: checked, put into the state to train in, and put back."""

import copy
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
import torch
from accelerate.utils import set_seed
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from alignfreeze.config import RunConfig
from alignfreeze.encoders.families import who
from alignfreeze.encoders.loading import put_space_before, reads_words
from alignfreeze.encoders.modelfiles import save
from alignfreeze.encoders.trial import check_forward, check_vocabulary
from alignfreeze.errors import ConfigError, EncoderError
from alignfreeze.messages import shown
from alignfreeze.text.words import REMOVES_MARKS
from alignfreeze.training.devices import resolve_precision

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, eq=False)
class UserEncoder:
    """A user's encoder and tokenizer.

    Attributes:
        encoder: The encoder itself: of a model with a head what is below it.
        tokenizer: Its tokenizer, or a copy that reads text which is split into words.
    """

    encoder: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase

    @classmethod
    def of(cls, encoder: object, tokenizer: object, *, remove_marks: bool = False) -> Self:
        """What a user has given, checked.

        Args:
            encoder: A transformers model, with a head or without.
            tokenizer: A fast tokenizer.
            remove_marks: As of `loading.load_tokenizer`.

        Raises:
            ConfigError: If one is something else.
            EncoderError: If the encoder's weights are not in float32, or do not fit the tokenizer.
        """
        inner = encoder_in(encoder)
        if not isinstance(tokenizer, PreTrainedTokenizerBase) or not tokenizer.is_fast:
            kind = "a fast tokenizer, such as AutoTokenizer.from_pretrained returns"
            raise ConfigError(f"tokenizer must be {kind}, got {_described(tokenizer)}")
        kinds = {p.dtype for p in inner.parameters() if p.is_floating_point()} - {torch.float32}
        if kinds:
            found = ", ".join(sorted(map(str, kinds)))
            raise EncoderError(
                f"{who(inner)}: weights must be torch.float32 (encoder.float() makes them so; "
                f"precision=bf16 computes in less all the same), got {found}"
            )
        check_vocabulary(inner, tokenizer)
        return cls(inner, _reading_words(tokenizer, remove_marks=remove_marks))

    def check(self, config: RunConfig, layers: "Sequence[int]") -> None:
        """Check that the encoder works on text of the greatest length; in evaluation mode.

        Raises:
            EncoderError: If it does not.
        """
        check_forward(
            self.encoder,
            self.tokenizer,
            layers,
            precision=resolve_precision(config.precision),
            longest=config.realign_max_length,
        )

    def saved(self, folder: Path) -> Path:
        """A folder that it is written to."""
        save(self.encoder, self.tokenizer, folder)
        return folder

    @contextmanager
    def in_evaluation(self) -> Iterator[None]:
        """Evaluation mode and no gradients for a while; then modes and device as they were.

        Gradients that the encoder had are gone.
        """
        encoder: Any = self.encoder  # some of its methods carry wrong types
        home = encoder.device
        training = [module for module in encoder.modules() if module.training]
        encoder.eval()
        encoder.zero_grad(set_to_none=True)
        try:
            yield
        finally:
            encoder.to(home)
            encoder.eval()
            for module in training:
                module.training = True


def encoder_in(model: object) -> PreTrainedModel:
    """The encoder that a user's model is, or that is below its head.

    Raises:
        ConfigError: If it is something else.
    """
    if not isinstance(model, PreTrainedModel):
        kind = "a transformers model, such as AutoModel.from_pretrained returns"
        raise ConfigError(f"encoder must be {kind}, got {_described(model)}")
    return cast(PreTrainedModel, model.base_model)


def _reading_words(
    tokenizer: PreTrainedTokenizerBase, *, remove_marks: bool
) -> PreTrainedTokenizerBase:
    """A tokenizer as `loading.load_tokenizer` makes one; the user's own stays as it is."""
    if not reads_words(tokenizer):
        tokenizer = copy.deepcopy(tokenizer)
        put_space_before(tokenizer)
    if remove_marks:
        tokenizer = copy.copy(tokenizer)
        setattr(tokenizer, REMOVES_MARKS, True)
    return tokenizer


def _described(value: object) -> str:
    return shown(value) if isinstance(value, str) else f"a {type(value).__name__}"


@contextmanager
def drawing(seed: int) -> Iterator[None]:
    """Draw from a seed, as a phase does; afterwards the generators are as they were."""
    python, own_numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        try:
            set_seed(seed, device_specific=True)
            yield
        finally:
            random.setstate(python)
            np.random.set_state(own_numpy)
