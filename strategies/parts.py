"""The strategy `parts`: train parameters of some kinds alone.

With ``train=biases`` it is BitFit (Ben Zaken et al. 2022, https://aclanthology.org/2022.acl-short.1).
"""

from typing import Literal

from pydantic import Field

from alignfreeze.contracts import FreezingStrategy, ParameterSite

Kind = Literal["attention", "feed-forward", "biases", "norms"]


class PartsFreezing(FreezingStrategy):
    """Freezes all of the layers but attention, feed-forward networks, biases or norms."""

    train: tuple[Kind, ...] = Field(
        ("attention",),
        min_length=1,
        description="what is trained: attention, feed-forward, biases, norms, with + between them",
    )
    embeddings: bool = Field(True, description="freeze the embeddings too")

    def freezes(self, site: ParameterSite, n_layers: int) -> bool:
        """Whether the parameter is of none of these kinds."""
        if site.layer is None:
            return self.embeddings
        kinds = {"biases" if site.is_bias else None, "norms" if site.part == "norm" else site.part}
        return not kinds & {*self.train}
