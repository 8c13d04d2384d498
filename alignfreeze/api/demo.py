"""The demo in memory: a tiny encoder and a little parallel text, to try things with."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from alignfreeze.alignment.cleaning import text_pairs
from alignfreeze.data.bitexts import find_bitexts, parallel_languages
from alignfreeze.data.finding import find_data, find_model

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

SOURCE = "en"


class Demo(NamedTuple):
    """What comes with the package to try things with; it says nothing of other encoders or text.

    Attributes:
        encoder: A BERT of four layers.
        tokenizer: Its tokenizer.
        pairs: Sentence pairs (English, target language) by the code of the target language.
        dictionaries: A folder of bilingual dictionaries.
        model: The folder that the encoder was loaded from, as ``from_pretrained`` takes it.
    """

    encoder: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerBase"
    pairs: dict[str, list[tuple[str, str]]]
    dictionaries: Path
    model: str


def load_demo(languages: Iterable[str] = (), *, pairs: int = 500) -> Demo:
    """Load the encoder and the first sentence pairs of the demo; works offline.

    Args:
        languages: Target languages (default: all: ar de el es hi ru tr zh).
        pairs: Sentence pairs of each, at most.

    Raises:
        DataError: If there is no such language.

    Example:
        >>> demo = load_demo(["de"], pairs=3)
        >>> type(demo.encoder).__name__, {code: len(some) for code, some in demo.pairs.items()}
        ('BertModel', {'de': 3})
    """
    from alignfreeze.encoders.loading import load_encoder, load_tokenizer

    source, model = find_data("demo"), find_model("demo")
    chosen = list(languages) or parallel_languages(source, SOURCE)
    found = {}
    for bitext in find_bitexts(source, SOURCE, chosen):
        lines = text_pairs(bitext, range(1, pairs + 1))
        found[bitext.target] = [(text, translation) for _, text, translation in lines]
    dictionaries = source.root / "dictionaries"
    return Demo(load_encoder(model), load_tokenizer(model), found, dictionaries, model)
