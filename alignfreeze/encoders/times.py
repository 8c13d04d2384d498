"""Whether a strategy can realign while the encoder is fine-tuned. Nothing heavy is imported."""

from collections.abc import Iterable, Iterator

from alignfreeze.contracts import FreezingStrategy, ParameterSite
from alignfreeze.errors import ConfigError

_EMBEDDINGS = "embeddings.word_embeddings.weight"

_LAYER = (
    ParameterSite("attention.self.query", None, "attention", "query"),
    ParameterSite("attention.self.key", None, "attention", "key"),
    ParameterSite("attention.self.value", None, "attention", "value"),
    ParameterSite("attention.output.dense", None, "attention", "output"),
    ParameterSite("attention.output.LayerNorm", None, "norm"),
    ParameterSite("intermediate.dense", None, "feed-forward", "up"),
    ParameterSite("output.dense", None, "feed-forward", "down"),
    ParameterSite("output.LayerNorm", None, "norm"),
)
"""The modules of a layer, as BERT names them, without a layer's number."""


def usual_sites(n_layers: int) -> Iterator[ParameterSite]:
    """The parameters of an encoder of so many layers, for lack of one: those that BERT would have.

    Of the embeddings there is one.
    """
    yield ParameterSite(_EMBEDDINGS, None, "embeddings")
    for layer in range(n_layers):
        for module in _LAYER:
            for kind in ("weight", "bias"):
                name = f"encoder.layer.{layer}.{module.name}.{kind}"
                yield ParameterSite(name, layer, module.part, module.projection)


def check_during(
    strategy: FreezingStrategy,
    sites: Iterable[ParameterSite],
    n_layers: int,
    who: str,
    when: str,
) -> None:
    """Check that a strategy that realigns in the steps of a fine-tuning does nothing after them.

    What it puts back would be what the task has trained, and so would what is frozen beside an
    update of low rank.

    Args:
        strategy: The strategy.
        sites: The parameters that it is asked about.
        n_layers: How many layers the encoder has.
        who: What messages call the strategy.
        when: The option's value.

    Raises:
        ConfigError: If it puts a parameter back, or trains one by an update of low rank.
    """
    for site in sites:
        why = ""
        if strategy.restores(site, n_layers):
            why = "puts parameters back after realignment"
        elif strategy.low_rank(site, n_layers) is not None:
            why = "trains by updates of low rank"
        if why:
            raise ConfigError(
                f"realign_when must be before or after with {who}, which {why}, got {when}"
            )
